import type { ReadThroughCache } from '../cache/read-through-cache';
import type { Clock } from '../clock';
import type { ErrorCode } from '../errors';
import type { EndedEvent } from '../events';
import { SlicedQueue } from '../sliced-queue';
import { Lease } from '../store/lease';
import type { Store } from '../store/store';
import { type CachedKey, isSameKey } from './request-api-key';

/** Why a use of a key ended, as the error that a request would get now. */
export interface KeyEnd {
  readonly reason: EndedEvent['reason'];
  readonly code: ErrorCode;
  readonly message: string;
}

const DELETED: KeyEnd = { reason: 'deleted', code: 'invalid_key', message: 'This API key is no longer valid.' };
function unavailable(reason: KeyEnd['reason'], message: string): KeyEnd {
  return { reason, code: 'store_unavailable', message };
}
const UNCONFIRMED = unavailable('store', 'The key store could not confirm this API key.');
const CLOSED = unavailable('closed', 'The server is shutting down and can no longer confirm this API key.');

/** A use of a key that lasts longer than its authorization: an open response, or a signal. */
export interface KeyUse {
  /** The key that it was authorized by. */
  readonly key: CachedKey;
  /** The denial that it would get now; null if it is allowed. */
  check(entry: CachedKey, wall: number): KeyEnd | null;
  /** Whether it is over, so that it need not be watched. */
  isOver(): boolean;
  /** Ends it. Returns false if it cannot be ended yet; this is called again then. */
  end(end: KeyEnd): boolean;
}

interface WatchedKey {
  readonly id: string;
  readonly uses: Set<KeyUse>;
  /** The key has to be checked, and then its uses. */
  isDue: boolean;
  /** The uses that are still to be checked against `entry`; null if no pass is in progress. */
  pending: Iterator<KeyUse> | null;
  /** The key was checked during a pass, so that another one has to follow. */
  passesAgain: boolean;
  /** The key, as it was read last; null if it does not exist. */
  entry: CachedKey | null;
  /** The lease that `entry` was read under, which the store may extend; undefined if it is not known. */
  lease: Lease | undefined;
  /** The time until which `entry` is known to be valid. If the key changes, it is no longer extended. */
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

function denialOf(use: KeyUse, entry: CachedKey | null, wall: number): KeyEnd | null {
  return entry === null || !isSameKey(use.key, entry) ? DELETED : use.check(entry, wall);
}

/** While invalidations arrive, three eighths of a lag remain of a lease. A key is read again if a quarter remains. */
const CHECKS_PER_LAG = 8;

/**
 * Ends uses of keys that are no longer valid, within `maxRevocationLag` of the acknowledged change.
 *
 * A use is kept while a lease proves that its key has not changed. So each key with uses is checked against the cache
 * `CHECKS_PER_LAG` times per lag, which needs no I/O while invalidations arrive. It is read again if it was invalidated,
 * and if its lease is about to end. If the lease ends and no read has confirmed the key, its uses end.
 */
export class KeyWatch {
  readonly #options: KeyWatchOptions;
  readonly #interval: number;
  readonly #watched = new Map<string, WatchedKey>();
  /** Keys that are due, or have pending uses. */
  readonly #queue = new SlicedQueue<WatchedKey>((watched, isOver) => this.#visit(watched, isOver));
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(options: KeyWatchOptions) {
    this.#options = options;
    this.#interval = Math.max(1, Math.floor(options.maxRevocationLag / CHECKS_PER_LAG));
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

  /** Watches a use. */
  add(use: KeyUse): void {
    const { key: entry } = use;
    let watched = this.#watched.get(entry.record.id);
    if (watched === undefined) {
      watched = {
        id: entry.record.id,
        uses: new Set<KeyUse>(),
        isDue: false,
        pending: null,
        passesAgain: false,
        entry,
        lease: undefined,
        // Without a lease in the cache, the first read has one interval.
        proof: Lease.from(this.#options.clock, this.#interval),
        isChanged: false,
        isLoading: false,
        loadsAgain: false,
        unconfirmedSince: null,
        timer: null,
      };
      this.#watched.set(watched.id, watched);
    } else if (watched.entry === entry && !watched.isChanged && !this.#isClosed) {
      watched.uses.add(use);
      return;
    }
    watched.uses.add(use);
    this.#schedule(watched);
    if (!this.#isClosed) this.#timer ??= setInterval(() => this.#scheduleAll(), this.#interval).unref();
  }

  /** Whether the lease of a key ends within a quarter of a lag. It does not while invalidations arrive. */
  endsSoon({ record }: CachedKey): boolean {
    const { keys, clock } = this.#options;
    const lease = keys.leaseOf(record.id);
    return lease === undefined || lease.remaining(clock, clock.wall()) < 2 * this.#interval;
  }

  /** Ends all uses, also those that are added later: changes of their keys are no longer noticed. */
  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#scheduleAll();
  }

  /** Counts of keys and uses, for tests of bounds. */
  size(): { keys: number; uses: number } {
    const uses = [...this.#watched.values()].reduce((sum, watched) => sum + watched.uses.size, 0);
    return { keys: this.#watched.size, uses };
  }

  #invalidate(watched: WatchedKey): void {
    watched.isChanged = true;
    watched.lease = undefined;
    watched.loadsAgain = watched.isLoading;
    this.#schedule(watched);
  }

  #schedule(watched: WatchedKey): void {
    watched.isDue = true;
    this.#queue.add(watched);
  }

  #scheduleAll(): void {
    for (const watched of this.#watched.values()) this.#schedule(watched);
    if (this.#watched.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Returns false if the slice is over before all uses are checked. */
  #visit(watched: WatchedKey, isOver: () => boolean): boolean {
    if (this.#watched.get(watched.id) !== watched) return true;
    if (watched.isDue) {
      watched.isDue = false;
      if (!this.#isClosed) this.#check(watched);
      // A pass that began again with each check might never reach the last uses.
      if (watched.pending === null) watched.pending = watched.uses.values();
      else watched.passesAgain = true;
    }
    const isFinished = this.#endDenied(watched, isOver);
    if (watched.uses.size > 0) return isFinished;
    if (watched.timer !== null) clearTimeout(watched.timer);
    this.#watched.delete(watched.id);
    return isFinished;
  }

  #check(watched: WatchedKey): void {
    const { clock } = this.#options;
    const wall = clock.wall();
    this.#confirm(watched, wall);
    const remaining = watched.proof.remaining(clock, wall);
    // Without invalidations every lease ends, and Redis may be far away.
    const intervals = this.#options.store.keyLease(watched.id) === null ? 4 : 2;
    if (watched.isChanged || remaining < intervals * this.#interval) this.#load(watched);
    else watched.unconfirmedSince = null;
    this.#checkAgain(watched, remaining, wall);
  }

  /**
   * Takes over the entry and the lease that the cache has now, unless the watch itself has read the key since: such a read
   * is not cached if any key changed during it. If the entry was evicted, its lease still counts.
   */
  #confirm(watched: WatchedKey, wall: number): void {
    const { keys, clock } = this.#options;
    const cached = keys.get(watched.id, wall);
    const lease = keys.leaseOf(watched.id);
    const read = watched.lease?.remaining(clock, wall) ?? Number.NEGATIVE_INFINITY;
    // An entry that is in the cache was read after the last invalidation.
    if (cached !== undefined && !watched.loadsAgain && lease!.remaining(clock, wall) >= read) {
      watched.entry = cached;
      watched.isChanged = false;
      watched.lease = lease;
    }
    if (!watched.isChanged && watched.lease !== undefined) this.#extend(watched, watched.lease, wall);
  }

  #extend({ proof }: WatchedKey, lease: Lease, wall: number): void {
    const { clock } = this.#options;
    const remaining = lease.remaining(clock, wall);
    proof.extend(clock.monotonic() + remaining, wall + remaining);
  }

  /** Checks at the moment at which the lease ends or the key expires, if that is before the next regular check. */
  #checkAgain(watched: WatchedKey, remaining: number, wall: number): void {
    if (watched.timer !== null) clearTimeout(watched.timer);
    watched.timer = null;
    const delay = Math.min(remaining, (watched.entry?.record.expiresAt ?? Number.POSITIVE_INFINITY) - wall);
    if (delay > 0 && delay < this.#interval) {
      watched.timer = setTimeout(() => this.#schedule(watched), Math.ceil(delay)).unref();
    }
  }

  #load(watched: WatchedKey): void {
    if (watched.isLoading) return;
    watched.isLoading = true;
    watched.loadsAgain = false;
    const { keys, clock } = this.#options;
    watched.unconfirmedSince ??= clock.monotonic();
    // A read under the lease of the store would not help if that is about to end.
    keys.loadFresh(watched.id).then(
      ({ value, lease }) => {
        watched.isLoading = false;
        if (this.#watched.get(watched.id) !== watched) return;
        if (watched.loadsAgain) {
          this.#load(watched);
          return;
        }
        watched.entry = value;
        watched.lease = lease;
        watched.isChanged = false;
        this.#extend(watched, lease, clock.wall());
        this.#schedule(watched);
      },
      () => {
        // The next check reads again, as long as the lease lasts.
        watched.isLoading = false;
      },
    );
  }

  /** Whether the lease has ended, and reads had one interval to confirm the key. A process that was paused reads first. */
  #isUnconfirmed(watched: WatchedKey, wall: number): boolean {
    const { clock, store, serveStaleFor } = this.#options;
    const { id, proof, isChanged, unconfirmedSince } = watched;
    const isServedStale = !isChanged && serveStaleFor > 0 && proof.heldAt(store.answeredAt({ keyId: id }));
    if (proof.heldWithin(isServedStale ? serveStaleFor : 0, clock, wall)) return false;
    // A timer counts whole milliseconds and can fire one early. A third interval would be more than a quarter of a lag.
    return unconfirmedSince !== null && clock.monotonic() - unconfirmedSince >= this.#interval - 1;
  }

  /** Ends the uses that would be denied. Returns false if the slice is over before all are checked. */
  #endDenied(watched: WatchedKey, isOver: () => boolean): boolean {
    const wall = this.#options.clock.wall();
    const isUnconfirmed = this.#isUnconfirmed(watched, wall);
    for (;;) {
      const next = watched.pending?.next();
      if (next === undefined) return true;
      if (next.done) {
        watched.pending = watched.passesAgain ? watched.uses.values() : null;
        watched.passesAgain = false;
      } else {
        const use = next.value;
        const end = this.#isClosed ? CLOSED : isUnconfirmed ? UNCONFIRMED : denialOf(use, watched.entry, wall);
        if (use.isOver() || (end !== null && use.end(end))) watched.uses.delete(use);
      }
      if (isOver()) return watched.pending === null;
    }
  }
}
