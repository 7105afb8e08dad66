import { getEventListeners } from 'node:events';
import type { Clock } from '../clock';
import type { Events } from '../events';
import { ADDRESS_OTHER, type AuthContext, authorize, type Requirement } from '../keys/authorize';
import { abortReasonOf, type UseEnd } from './entry-use';
import { KEY_DELETED, type KeyUse, type KeyWatch } from './key-watch';
import { type CachedKey, isSameKey } from './request-api-key';

/** Signals that abort for the same reasons: of one key, with one requirement and the same list of addresses. */
interface Pool {
  /** In the order in which they were given to a caller, or seen with listeners. */
  readonly signals: Set<SharedSignal>;
  /** How often a signal was given. */
  given: number;
}

/**
 * A signal is given to another caller after this many milliseconds, or if as many others of its pool were given since. Its
 * caller can take a while to add a listener.
 */
const REUSED_AFTER = 10_000;
const MAX_RECENT = 20;
/** More than one, so that a pool does not grow while most of its signals have listeners. */
const MAX_LOOKED_AT = 4;

/** Whether a list of addresses covers another one, as far as their entries show. An empty list covers every address. */
function coversAll(list: readonly string[], other: readonly string[]): boolean {
  return list.length === 0 || (other.length > 0 && other.every((entry) => list.includes(entry)));
}

/** The first listener: keeps those after it from hiding the event from each other. */
function isolate(event: Event): void {
  Object.defineProperty(event, 'stopImmediatePropagation', { value: () => event.stopPropagation() });
}

/**
 * Two callers can have the signal before any of them has a listener. One must not take the place of another, nor remove it: if
 * several have set `onabort`, all stay until the signal aborts.
 */
function shareAmongCallers(signal: AbortSignal): void {
  type Handler = (this: AbortSignal, event: Event) => void;
  const listeners = new Map<Handler, (event: Event) => void>();
  signal.addEventListener('abort', isolate);
  Object.defineProperty(signal, 'onabort', {
    enumerable: true,
    get: () => [...listeners.keys()].at(-1) ?? null,
    set(handler: unknown) {
      if (typeof handler === 'function') {
        if (listeners.has(handler as Handler)) return;
        // Not the handler itself, which can be a listener as well.
        const listener = (event: Event) => (handler as Handler).call(signal, event);
        listeners.set(handler as Handler, listener);
        signal.addEventListener('abort', listener);
      } else if (listeners.size === 1) {
        for (const listener of listeners.values()) signal.removeEventListener('abort', listener);
        listeners.clear();
      }
    },
  });
}

class SharedSignal implements KeyUse {
  readonly controller = new AbortController();
  readonly #requirement: Requirement;
  readonly #context: AuthContext;
  readonly accepted: CachedKey;
  /** When it was last given to a caller, or seen with listeners: monotonic clock, and the pool's counter. */
  movedAt = 0;
  movedAfter = 0;
  readonly #onEnd: (self: SharedSignal, end: UseEnd) => void;

  constructor(
    requirement: Requirement,
    context: AuthContext,
    key: CachedKey,
    onEnd: (self: SharedSignal, end: UseEnd) => void,
  ) {
    this.accepted = key;
    this.#requirement = requirement;
    this.#context = context;
    this.#onEnd = onEnd;
    shareAmongCallers(this.controller.signal);
  }

  get watchedId(): string {
    return this.accepted.record.id;
  }

  get hasListeners(): boolean {
    // One listener is our own.
    return getEventListeners(this.controller.signal, 'abort').length > 1;
  }

  /**
   * A signal is shared by callers with different addresses, so that there are not as many signals as addresses. It aborts
   * if the key loses any of the addresses that it had.
   */
  check(entry: CachedKey | null, wall: number): UseEnd | null {
    if (!isSameKey(this.accepted, entry)) return KEY_DELETED;
    const { record, scope } = entry;
    if (!coversAll(record.allowedIps, this.accepted.record.allowedIps)) return ADDRESS_OTHER;
    return authorize({ record, scope, addresses: null }, this.#requirement, this.#context, wall);
  }

  isOver(): boolean {
    return false;
  }

  end(end: UseEnd): boolean {
    this.#onEnd(this, end);
    this.controller.abort(abortReasonOf(end));
    return true;
  }
}

/**
 * The part of a context that can deny an allowed use later. `isSameKey` ends a use whose key has lost its workspace or an agent.
 */
function lastingContext({ scope }: CachedKey, { agent }: AuthContext): AuthContext {
  return { workspace: null, agent: agent !== 'handler' && scope.agents === 'all' ? null : agent };
}

function agentOf({ agent }: AuthContext): string | null {
  return agent === null || agent === 'handler' ? agent : `=${agent.value}`;
}

/**
 * Signals of `verify`. It is unknown how long a caller uses a signal, so each is kept until its key ends. A worker can
 * verify one token a million times, so a signal without listeners is given to another caller later: it aborts for both.
 * The number of signals is bounded by how many have listeners at the same time. A caller with listeners has a signal of
 * its own, so that ten thousand are not called in one turn of the event loop.
 *
 * Weak references would be wrong: a signal that `AbortSignal.any` follows has no listener, and may be collected.
 */
export class SharedSignals {
  readonly #watch: KeyWatch;
  readonly #events: Events;
  readonly #clock: Clock;
  readonly #pools = new Map<string, Pool>();

  constructor(watch: KeyWatch, events: Events, clock: Clock) {
    this.#watch = watch;
    this.#events = events;
    this.#clock = clock;
  }

  /** A signal for a use that was authorized by this entry. */
  open(key: CachedKey, requirement: Requirement, given: AuthContext): AbortSignal {
    const context = lastingContext(key, given);
    const { id, digest, agents, allowedIps } = key.record;
    const { mode, permissions } = requirement;
    const name = JSON.stringify([id, digest, agents, mode, permissions, agentOf(context), allowedIps]);
    let pool = this.#pools.get(name);
    if (pool === undefined) {
      pool = { signals: new Set(), given: 0 };
      this.#pools.set(name, pool);
    }
    pool.given += 1;
    const shared = this.#takeFree(pool) ?? this.#create(name, pool, key, requirement, context);
    return shared.controller.signal;
  }

  /** Undefined if none of the signals given longest ago is free. */
  #takeFree(pool: Pool): SharedSignal | undefined {
    for (let i = 0; i < MAX_LOOKED_AT; i++) {
      const [oldest] = pool.signals;
      if (oldest === undefined) return undefined;
      const isRecent = this.#clock.monotonic() - oldest.movedAt < REUSED_AFTER;
      if (isRecent && pool.given - oldest.movedAfter <= MAX_RECENT) return undefined;
      pool.signals.delete(oldest);
      this.#append(pool, oldest);
      if (!oldest.hasListeners) return oldest;
    }
    return undefined;
  }

  #append(pool: Pool, shared: SharedSignal): void {
    shared.movedAt = this.#clock.monotonic();
    shared.movedAfter = pool.given;
    pool.signals.add(shared);
  }

  #create(name: string, pool: Pool, key: CachedKey, requirement: Requirement, context: AuthContext): SharedSignal {
    const { id: keyId, workspaceId } = key.record;
    const shared = new SharedSignal(requirement, context, key, (self, { reason }) => {
      pool.signals.delete(self);
      if (pool.signals.size === 0 && this.#pools.get(name) === pool) this.#pools.delete(name);
      if (!this.#events.hasListeners('ended')) return;
      this.#events.emit('ended', { keyId, workspaceId, reason, method: null, route: null });
    });
    this.#append(pool, shared);
    this.#watch.add(shared);
    return shared;
  }
}
