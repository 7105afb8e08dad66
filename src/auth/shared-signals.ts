import { getEventListeners } from 'node:events';
import type { Events } from '../events';
import { ADDRESS_OTHER, type AuthContext, authorize, type Requirement } from '../keys/authorize';
import { abortReasonOf, type UseEnd } from './entry-use';
import { KEY_DELETED, type KeyUse, type KeyWatch } from './key-watch';
import { type CachedKey, isSameKey } from './request-api-key';

/** Signals that abort for the same reasons: of one key, with one requirement and the same list of addresses. */
interface Pool {
  readonly all: Set<SharedSignal>;
  /** Without a listener, when they were looked at last. */
  free: SharedSignal[];
  /** Signals taken since all were looked at. */
  taken: number;
}

/** Whether a list of addresses covers another one, as far as their entries show. An empty list covers every address. */
function coversAll(list: readonly string[], other: readonly string[]): boolean {
  return list.length === 0 || (other.length > 0 && other.every((entry) => list.includes(entry)));
}

/** The first listener: keeps those after it from hiding the event from each other. */
function isolate(event: Event): void {
  Object.defineProperty(event, 'stopImmediatePropagation', { value: () => event.stopPropagation() });
}

/**
 * Several callers can have the signal before any of them has a listener. One must not take the place of another, nor remove it: if
 * several have set `onabort`, all stay until the signal aborts.
 */
function shareAmongCallers(signal: AbortSignal): void {
  const handlers: (() => void)[] = [];
  signal.addEventListener('abort', isolate);
  Object.defineProperty(signal, 'onabort', {
    enumerable: true,
    get: () => handlers.at(-1) ?? null,
    set(handler: unknown) {
      if (typeof handler === 'function' || (typeof handler === 'object' && handler !== null)) {
        handlers.push(handler as () => void);
        signal.addEventListener('abort', handler as () => void);
      } else if (handlers.length === 1) signal.removeEventListener('abort', handlers.pop()!);
    },
  });
}

class SharedSignal implements KeyUse {
  readonly controller = new AbortController();
  readonly #requirement: Requirement;
  readonly #context: AuthContext;
  readonly accepted: CachedKey;
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

  get isFree(): boolean {
    const { signal } = this.controller;
    // One listener is our own.
    return !signal.aborted && getEventListeners(signal, 'abort').length <= 1;
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
 * verify one token a million times, so a signal without listeners is given to the next caller, too: it aborts for both.
 * The number of signals is bounded by how many have listeners at the same time. A caller with listeners has a signal of
 * its own, so that ten thousand are not called in one turn of the event loop.
 *
 * Weak references would be wrong: a signal that `AbortSignal.any` follows has no listener, and may be collected.
 */
export class SharedSignals {
  readonly #watch: KeyWatch;
  readonly #events: Events;
  readonly #pools = new Map<string, Pool>();

  constructor(watch: KeyWatch, events: Events) {
    this.#watch = watch;
    this.#events = events;
  }

  /** A signal for a use that was authorized by this entry. */
  open(key: CachedKey, requirement: Requirement, given: AuthContext): AbortSignal {
    const context = lastingContext(key, given);
    const { id, digest, agents, allowedIps } = key.record;
    const { mode, permissions } = requirement;
    const name = JSON.stringify([id, digest, agents, mode, permissions, agentOf(context), allowedIps]);
    let pool = this.#pools.get(name);
    if (pool === undefined) {
      pool = { all: new Set(), free: [], taken: 0 };
      this.#pools.set(name, pool);
    }
    return (findFree(pool) ?? this.#create(name, pool, key, requirement, context)).controller.signal;
  }

  #create(name: string, pool: Pool, key: CachedKey, requirement: Requirement, context: AuthContext): SharedSignal {
    const { id: keyId, workspaceId } = key.record;
    const shared = new SharedSignal(requirement, context, key, (self, { reason }) => {
      pool.all.delete(self);
      if (pool.all.size === 0 && this.#pools.get(name) === pool) this.#pools.delete(name);
      if (!this.#events.hasListeners('ended')) return;
      this.#events.emit('ended', { keyId, workspaceId, reason, method: null, route: null });
    });
    pool.all.add(shared);
    pool.free.push(shared);
    this.#watch.add(shared);
    return shared;
  }
}

/** A signal without listeners, which stays available; undefined if none is known. */
function findFree(pool: Pool): SharedSignal | undefined {
  pool.taken++;
  for (;;) {
    const last = pool.free.at(-1);
    if (last?.isFree) return last;
    if (last !== undefined) pool.free.pop();
    // Looking at all signals costs no more than creating them has.
    else if (pool.taken > pool.all.size && pool.all.size > 0) {
      pool.taken = 0;
      pool.free = [...pool.all].filter(({ isFree }) => isFree);
      if (pool.free.length === 0) return undefined;
    } else return undefined;
  }
}
