import type { ReadThroughCache } from '../cache/read-through-cache';
import type { Clock } from '../clock';
import type { ErrorCode } from '../errors';
import type { EndedEvent } from '../events';
import { type AuthContext, authorize, type Requirement } from '../keys/authorize';
import { Lease } from '../store/lease';
import type { Store } from '../store/store';
import type { CachedKey } from './request-api-key';

/** Why a use of a key ended, as the error that a request would get now. */
export interface KeyEnd {
  readonly reason: EndedEvent['reason'];
  readonly code: ErrorCode;
  readonly message: string;
}

const DELETED: KeyEnd = { reason: 'deleted', code: 'invalid_key', message: 'This API key is no longer valid.' };
const UNCONFIRMED: KeyEnd = {
  reason: 'store',
  code: 'store_unavailable',
  message: 'The key store could not confirm this API key.',
};

/** A use of a key that lasts longer than its authorization: an open response, or a signal. */
export interface KeyUse {
  readonly requirement: Requirement;
  readonly context: AuthContext;
  /** Whether it is over, so that it need not be watched. */
  isOver(): boolean;
  /** Ends it. Returns false if it cannot be ended yet; this is called again then. */
  end(end: KeyEnd): boolean;
}

interface WatchedKey {
  readonly id: string;
  readonly uses: Set<KeyUse>;
  /** The uses that are still to be checked against `entry`; null if all are. */
  pending: Iterator<KeyUse> | null;
  /** The key, as it was read last; null if it does not exist. */
  entry: CachedKey | null;
  /** The latest lease that has covered `entry`. Never extended by itself, as a lease in the cache is. */
  readonly proof: Lease;
  /** The key was invalidated since `entry` was read. */
  isChanged: boolean;
  isLoading: boolean;
  /** The key was invalidated while it was read, so that it has to be read again. */
  loadsAgain: boolean;
  /** When the first read was sent that is needed to confirm `entry`; null if none is needed. Monotonic. */
  unconfirmedSince: number | null;
  timer: NodeJS.Timeout | null;
}

export interface KeyWatchOptions {
  readonly keys: ReadThroughCache<CachedKey>;
  readonly store: Store;
  readonly clock: Clock;
  /** Milliseconds. */
  readonly maxRevocationLag: number;
  /** Milliseconds for which a key that the store cannot confirm is used after its lease. */
  readonly serveStaleFor: number;
}

/** Time for checking and ending uses in one turn of the event loop. Milliseconds. */
const SLICE = 3;
/** While invalidations arrive, at least half of a lag remains of a lease. A key is read again if a quarter remains. */
const CHECKS_PER_LAG = 8;

/**
 * Ends uses of keys that are no longer valid, within `maxRevocationLag` of the acknowledged change.
 *
 * A use is kept while a lease proves that its key has not changed. So each key with uses is checked against the cache
 * `CHECKS_PER_LAG` times per lag, which needs no I/O while invalidations arrive. It is read again if it was invalidated,
 * and if its lease is about to end or was replaced. If the lease ends and no read has confirmed the key, its uses end.
 */
export class KeyWatch {
  readonly #options: KeyWatchOptions;
  readonly #interval: number;
  readonly #watched = new Map<string, WatchedKey>();
  #timer: NodeJS.Timeout | null = null;
  /** Keys with pending uses. */
  readonly #queue = new Set<WatchedKey>();
  #isQueueRunning = false;

  constructor(options: KeyWatchOptions) {
    this.#options = options;
    this.#interval = options.maxRevocationLag / CHECKS_PER_LAG;
    // The caches listen already, so that they are invalidated first.
    options.store.onChange({
      keyChanged: (id) => {
        const watched = this.#watched.get(id);
        if (watched !== undefined) this.#invalidate(watched);
      },
      projectsChanged() {},
      allChanged: () => {
        for (const watched of this.#watched.values()) this.#invalidate(watched);
      },
    });
  }

  /** Watches a use that was authorized by this entry. */
  add(entry: CachedKey, use: KeyUse): void {
    const { id } = entry.record;
    let watched = this.#watched.get(id);
    if (watched === undefined) {
      // Without a lease in the cache, the first read has one interval.
      const proof = Lease.from(this.#options.clock, this.#interval);
      watched = {
        ...{ id, uses: new Set<KeyUse>(), pending: null, entry, proof, unconfirmedSince: null, timer: null },
        ...{ isChanged: false, isLoading: false, loadsAgain: false },
      };
      this.#watched.set(id, watched);
    } else if (watched.entry === entry && !watched.isChanged) {
      watched.uses.add(use);
      return;
    }
    watched.uses.add(use);
    this.#check(watched);
    this.#timer ??= setInterval(() => this.#checkAll(), this.#interval).unref();
  }

  /** Whether the lease of a key ends within a quarter of a lag. It does not while invalidations arrive. */
  endsSoon({ record }: CachedKey): boolean {
    const { keys, clock } = this.#options;
    const lease = keys.leaseOf(record.id);
    return lease === undefined || lease.remaining(clock, clock.wall()) < 2 * this.#interval;
  }

  /** Stops watching, and ends nothing. */
  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    for (const { timer } of this.#watched.values()) if (timer !== null) clearTimeout(timer);
    this.#watched.clear();
    this.#queue.clear();
  }

  /** Counts of keys and uses, for tests of bounds. */
  size(): { keys: number; uses: number } {
    let uses = 0;
    for (const watched of this.#watched.values()) uses += watched.uses.size;
    return { keys: this.#watched.size, uses };
  }

  #invalidate(watched: WatchedKey): void {
    watched.isChanged = true;
    watched.loadsAgain = watched.isLoading;
    this.#check(watched);
  }

  #checkAll(): void {
    for (const watched of this.#watched.values()) {
      if (watched.uses.size === 0) this.#remove(watched);
      else this.#check(watched);
    }
    if (this.#watched.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #remove(watched: WatchedKey): void {
    if (watched.timer !== null) clearTimeout(watched.timer);
    this.#watched.delete(watched.id);
  }

  #check(watched: WatchedKey): void {
    const { clock } = this.#options;
    const wall = clock.wall();
    this.#confirm(watched, wall);
    this.#endDenied(watched);
    if (watched.uses.size === 0) return;
    const remaining = watched.proof.remaining(clock, wall);
    if (watched.isChanged || remaining < 2 * this.#interval || this.#isReplaced(watched)) this.#load(watched);
    this.#checkAgain(watched, remaining, wall);
  }

  /** Whether the entry is cached under a lease that is no longer extended. */
  #isReplaced({ id }: WatchedKey): boolean {
    const lease = this.#options.store.keyLease(id);
    return lease !== null && lease !== this.#options.keys.leaseOf(id);
  }

  /** Takes over the entry and the lease that the cache has now. */
  #confirm(watched: WatchedKey, wall: number): void {
    const { keys, clock } = this.#options;
    const cached = keys.get(watched.id, wall);
    // An entry that is in the cache was read after the last invalidation.
    if (cached === undefined || watched.loadsAgain) return;
    watched.entry = cached;
    watched.isChanged = false;
    const remaining = keys.leaseOf(watched.id)?.remaining(clock, wall) ?? 0;
    watched.proof.extend(clock.monotonic() + remaining, wall + remaining);
    if (remaining >= 2 * this.#interval) watched.unconfirmedSince = null;
  }

  /** Checks at the moment at which the lease ends or the key expires, if that is before the next regular check. */
  #checkAgain(watched: WatchedKey, remaining: number, wall: number): void {
    if (watched.timer !== null) clearTimeout(watched.timer);
    watched.timer = null;
    const untilExpiry = watched.entry === null ? Number.POSITIVE_INFINITY : watched.entry.record.expiresAt - wall;
    const delay = Math.min(remaining, untilExpiry);
    if (delay > 0 && delay < this.#interval) {
      watched.timer = setTimeout(() => this.#check(watched), Math.ceil(delay)).unref();
    }
  }

  #load(watched: WatchedKey): void {
    if (watched.isLoading) return;
    watched.isLoading = true;
    watched.loadsAgain = false;
    const { keys, clock } = this.#options;
    watched.unconfirmedSince ??= clock.monotonic();
    keys.load(watched.id).then(
      ({ value }) => {
        watched.isLoading = false;
        if (this.#watched.get(watched.id) !== watched) return;
        if (watched.loadsAgain) {
          this.#load(watched);
          return;
        }
        watched.entry = value;
        watched.isChanged = false;
        const wall = clock.wall();
        this.#confirm(watched, wall);
        this.#endDenied(watched);
        this.#checkAgain(watched, watched.proof.remaining(clock, wall), wall);
      },
      () => {
        // The next check reads again, as long as the lease lasts.
        watched.isLoading = false;
      },
    );
  }

  /** Checks the uses and ends those that would be denied: in slices, because ten thousand would block the event loop. */
  #endDenied(watched: WatchedKey): void {
    watched.pending = watched.uses.values();
    this.#queue.add(watched);
    if (this.#isQueueRunning) return;
    this.#isQueueRunning = true;
    setImmediate(() => this.#runQueue());
  }

  /** Whether the lease has ended, and reads had one interval to confirm the key. A process that was paused reads first. */
  #isUnconfirmed(watched: WatchedKey, wall: number): boolean {
    const { clock, serveStaleFor } = this.#options;
    if (watched.proof.heldWithin(watched.isChanged ? 0 : serveStaleFor, clock, wall)) return false;
    const { unconfirmedSince } = watched;
    return unconfirmedSince !== null && clock.monotonic() - unconfirmedSince >= this.#interval;
  }

  #runQueue(): void {
    const until = performance.now() + SLICE;
    for (const watched of this.#queue) {
      if (!this.#runPending(watched, until)) {
        setImmediate(() => this.#runQueue());
        return;
      }
      this.#queue.delete(watched);
    }
    this.#isQueueRunning = false;
  }

  /** Returns false if the time is over before all uses are checked. */
  #runPending(watched: WatchedKey, until: number): boolean {
    const wall = this.#options.clock.wall();
    const isUnconfirmed = this.#isUnconfirmed(watched, wall);
    for (;;) {
      const next = watched.pending?.next();
      if (next === undefined || next.done) return true;
      const use = next.value;
      const end = isUnconfirmed ? UNCONFIRMED : endOf(watched.entry, use, wall);
      if (use.isOver() || (end !== null && use.end(end))) watched.uses.delete(use);
      if (performance.now() > until) return false;
    }
  }
}

function endOf(entry: CachedKey | null, { requirement, context }: KeyUse, wall: number): KeyEnd | null {
  return entry === null ? DELETED : authorize(entry.record, entry.scope, requirement, context, wall);
}
