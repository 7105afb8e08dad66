import type { RedisClient } from './client';

type Listener = (...args: unknown[]) => void;

/** Listeners of this package for one event of a client, behind one listener on the client. */
interface Dispatch {
  readonly listeners: Set<Listener>;
  readonly onEvent: Listener;
}

const dispatches = new WeakMap<RedisClient, Map<string, Dispatch>>();

/**
 * Calls the listener at each event of a client, in the order of registration. Returns a function that removes it.
 *
 * The client has one listener for each event, however many stores and calls in progress use it. Node warns of more than
 * ten, as a possible leak.
 */
export function listenTo(client: RedisClient, event: string, listener: Listener): () => void {
  let byEvent = dispatches.get(client);
  if (byEvent === undefined) {
    byEvent = new Map();
    dispatches.set(client, byEvent);
  }
  const dispatch = byEvent.get(event) ?? start(client, byEvent, event);
  // A listener of its own for each call, so that one function can listen twice.
  const own: Listener = (...args) => listener(...args);
  dispatch.listeners.add(own);
  return function stop() {
    if (!dispatch.listeners.delete(own) || dispatch.listeners.size > 0) return;
    client.off(event, dispatch.onEvent);
    byEvent.delete(event);
  };
}

function start(client: RedisClient, byEvent: Map<string, Dispatch>, event: string): Dispatch {
  const listeners = new Set<Listener>();
  const dispatch: Dispatch = {
    listeners,
    onEvent(...args) {
      for (const listener of [...listeners]) listener(...args);
    },
  };
  client.on(event, dispatch.onEvent);
  byEvent.set(event, dispatch);
  return dispatch;
}
