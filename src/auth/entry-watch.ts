import type { ReadThroughCache } from '../cache/read-through-cache';
import type { Clock } from '../clock';
import { type IsOver, SlicedQueue } from '../sliced-queue';
import { type Lease, leaseDuration, type Timestamps } from '../store/lease';
import { type EntryUse, endIfDenied, type UseEnd, unavailableEnd } from './entry-use';
import { LeaseProbes } from './lease-probes';
import { createWatched, type Watched } from './watched-entry';

const CLOSED = unavailableEnd('closed', 'The server is shutting down and can no longer confirm this API key.');

/** Settings that all watches of an app share. */
export interface WatchSettings {
  readonly clock: Clock;
  /** Milliseconds. */
  readonly maxRevocationLag: number;
  /** Milliseconds for which an entry that the store cannot confirm is used after its lease. */
  readonly serveStaleFor: number;
}

/** The entries that are watched: a cache, and what the store says about its ids. */
export interface WatchedEntries<Entry extends object> {
  readonly cache: ReadThroughCache<Entry>;
  /** The lease of a read that is sent now; null if the store grants none. */
  readonly lease: (id: string) => Lease | null;
  /** When the store last answered, as far as this id is concerned. */
  readonly answeredAt: (id: string) => Timestamps;
  /** When an entry ends by itself. Wall clock. */
  readonly expiresAt: (entry: Entry) => number;
  /** Message of the error if the store cannot confirm an entry. */
  readonly unconfirmed: string;
}

/** Milliseconds that it takes to end a use. Measured: 0.16 to close a connection, up to 0.31 on a busy machine. */
const TIME_PER_USE = 0.3;

/** While invalidations arrive, three eighths of a lag remain of a lease. An entry is read again if a quarter remains. */
const CHECKS_PER_LAG = 8;

/**
 * Ends uses of cache entries that no longer allow them, within `maxRevocationLag` of the acknowledged change.
 *
 * A use is kept while a lease proves that its entry has not changed. So each entry with uses is checked against the cache
 * `CHECKS_PER_LAG` times per lag, which needs no I/O while invalidations arrive. It is read again if it was invalidated,
 * and if its lease is about to end. If the lease ends and no read has confirmed the entry, its uses end.
 */
export class EntryWatch<Entry extends object> {
  readonly #options: WatchSettings & WatchedEntries<Entry>;
  readonly #unconfirmed: UseEnd;
  readonly #interval: number;
  readonly #watched = new Map<string, Watched<Entry>>();
  /** Entries that are due, or have pending uses. */
  readonly #queue: SlicedQueue<Watched<Entry>>;
  #timer: NodeJS.Timeout | null = null;
  /** Number of all uses. */
  #uses = 0;
  readonly #probes: LeaseProbes;
  #isClosed = false;

  constructor(options: WatchSettings & WatchedEntries<Entry>) {
    this.#options = options;
    this.#unconfirmed = unavailableEnd('store', options.unconfirmed);
    this.#interval = Math.max(1, Math.floor(options.maxRevocationLag / CHECKS_PER_LAG));
    const { clock, cache } = options;
    this.#probes = new LeaseProbes({ clock, interval: this.#interval, read: (id) => cache.loadFresh(id) });
    this.#queue = new SlicedQueue(this.#interval, (watched, isOver) => this.#visit(watched, isOver));
  }

  /** The entry of an id has changed. The cache must have been invalidated before. */
  invalidate(id: string): void {
    const watched = this.#watched.get(id);
    if (watched !== undefined) this.#invalidate(watched);
  }

  invalidateAll(): void {
    for (const watched of this.#watched.values()) this.#invalidate(watched);
  }

  /** Watches a use. */
  add(use: EntryUse<Entry>): void {
    const { watchedId: id, accepted } = use;
    let watched = this.#watched.get(id);
    if (watched === undefined) {
      watched = createWatched(id, accepted, this.#options.clock, this.#interval);
      this.#watched.set(id, watched);
    } else if (watched.entry === accepted && !watched.isChanged && !this.#isClosed) {
      this.#addTo(watched, use);
      return;
    }
    this.#addTo(watched, use);
    this.#schedule(watched);
    if (!this.#isClosed) this.#timer ??= setInterval(() => this.#scheduleAll(), this.#interval).unref();
  }

  /** Whether the lease of a cached entry ends within a quarter of a lag. It does not while invalidations arrive. */
  endsSoon(id: string): boolean {
    const { cache, clock } = this.#options;
    const lease = cache.leaseOf(id);
    return lease === undefined || lease.remaining(clock, clock.wall()) < 2 * this.#interval;
  }

  /** Ends all uses, also those that are added later: changes are no longer noticed. */
  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#scheduleAll();
  }

  /** Counts of entries and uses, for tests of bounds. */
  size(): { entries: number; uses: number } {
    return { entries: this.#watched.size, uses: this.#uses };
  }

  #addTo({ uses }: Watched<Entry>, use: EntryUse<Entry>): void {
    const { size } = uses;
    this.#uses += uses.add(use).size - size;
  }

  #delete({ uses }: Watched<Entry>, use: EntryUse<Entry>): void {
    if (uses.delete(use)) this.#uses--;
  }

  #invalidate(watched: Watched<Entry>): void {
    watched.isChanged = true;
    watched.lease = undefined;
    watched.loadsAgain = watched.loadingSince !== null;
    this.#schedule(watched);
  }

  #schedule(watched: Watched<Entry>): void {
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
  #visit(watched: Watched<Entry>, isOver: IsOver): boolean {
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

  #check(watched: Watched<Entry>): void {
    const { clock } = this.#options;
    const wall = clock.wall();
    this.#confirm(watched, wall);
    const remaining = watched.proof.remaining(clock, wall);
    const lease = this.#options.lease(watched.id);
    // Without invalidations every lease ends, and Redis may be far away.
    const loadsAt = (lease === null ? 4 : 2) * this.#interval;
    if (watched.isChanged || remaining < loadsAt) this.#load(watched);
    else {
      watched.unconfirmedSince = null;
      // Uses that end early have to know sooner whether the store answers.
      if (lease !== null && remaining < loadsAt + this.#early) this.#probes.send(watched.id, lease);
    }
    this.#checkAgain(watched, remaining, wall);
  }

  /**
   * Takes over the entry and the lease that the cache has now, unless the watch itself has read it since: such a read is
   * not cached if anything changed during it. If the entry was evicted, its lease still counts.
   */
  #confirm(watched: Watched<Entry>, wall: number): void {
    const { cache, clock } = this.#options;
    const cached = cache.get(watched.id, wall);
    const lease = cache.leaseOf(watched.id);
    const read = watched.lease?.remaining(clock, wall) ?? Number.NEGATIVE_INFINITY;
    // An entry that is in the cache was read after the last invalidation.
    if (cached !== undefined && !watched.loadsAgain && lease!.remaining(clock, wall) >= read) {
      watched.entry = cached;
      watched.isChanged = false;
      watched.lease = lease;
    }
    if (!watched.isChanged && watched.lease !== undefined) this.#extend(watched, watched.lease, wall);
  }

  #extend(watched: Watched<Entry>, lease: Lease, wall: number): void {
    const { clock } = this.#options;
    const { proof } = watched;
    const now = clock.monotonic();
    const remaining = lease.remaining(clock, wall);
    // Less than that is one clock that runs faster than the other.
    if (remaining - proof.remaining(clock, wall) > this.#interval / 2) watched.extendedAt = now;
    proof.extend(now + remaining, wall + remaining);
  }

  /**
   * Milliseconds by which uses begin to end before their lease does, so that all have ended an interval after it, when the lag
   * is over. At most 1.5 intervals, because a store may answer slowly.
   */
  get #early(): number {
    const needed = this.#uses * TIME_PER_USE - this.#interval;
    return Math.max(0, Math.min(1.5 * this.#interval, needed));
  }

  /** Checks at the moment at which the lease ends or the entry expires, if that is before the next regular check. */
  #checkAgain(watched: Watched<Entry>, remaining: number, wall: number): void {
    if (watched.timer !== null) clearTimeout(watched.timer);
    watched.timer = null;
    const { entry } = watched;
    const expiresAt = entry === null ? Number.POSITIVE_INFINITY : this.#options.expiresAt(entry);
    const delay = Math.min(...[remaining - this.#early, remaining, expiresAt - wall].filter((each) => each > 0));
    if (delay < this.#interval) {
      watched.timer = setTimeout(() => this.#schedule(watched), Math.ceil(delay)).unref();
    }
  }

  #load(watched: Watched<Entry>): void {
    const { cache, clock } = this.#options;
    const isLoading = watched.loadingSince !== null;
    watched.loadingSince ??= clock.monotonic();
    // A read in flight counts from its own time, also if the lease was extended since: both can stay without a reply.
    watched.unconfirmedSince ??= watched.loadingSince;
    if (isLoading) return;
    watched.loadsAgain = false;
    // A read under the lease of the store would not help if that is about to end.
    cache.loadFresh(watched.id).then(
      ({ value, lease }) => {
        watched.loadingSince = null;
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
        watched.loadingSince = null;
      },
    );
  }

  /**
   * Whether the lease has ended, and reads had one interval to confirm the entry. A process that was paused reads first.
   *
   * Many uses begin earlier, but not while the store answers: not if the lease was extended in the last half of one.
   */
  #isUnconfirmed(watched: Watched<Entry>, wall: number): boolean {
    const { clock, answeredAt, serveStaleFor, maxRevocationLag } = this.#options;
    const { id, proof, extendedAt, isChanged, unconfirmedSince } = watched;
    const now = clock.monotonic();
    const isServedStale = !isChanged && serveStaleFor > 0 && proof.heldAt(answeredAt(id));
    const early = now - extendedAt < leaseDuration(maxRevocationLag) / 2 ? 0 : this.#early;
    const isHeld = isServedStale ? proof.heldWithin(serveStaleFor, clock, wall) : proof.remaining(clock, wall) > early;
    if (isHeld) return false;
    // A timer counts whole milliseconds and can fire one early. A third interval would be more than a quarter of a lag.
    const since = Math.min(
      unconfirmedSince ?? Number.POSITIVE_INFINITY,
      this.#probes.unansweredSince(this.#options.lease(id)),
    );
    return now - since >= this.#interval - 1;
  }

  /** Ends the uses that would be denied. Returns false if the slice is over before all are checked. */
  #endDenied(watched: Watched<Entry>, isOver: IsOver): boolean {
    const wall = this.#options.clock.wall();
    const isUnconfirmed = this.#isUnconfirmed(watched, wall);
    for (;;) {
      let hasClosed = false;
      const next = watched.pending?.next();
      if (next === undefined) return true;
      if (next.done) {
        watched.pending = watched.passesAgain ? watched.uses.values() : null;
        watched.passesAgain = false;
      } else {
        const use = next.value;
        const end = this.#isClosed ? CLOSED : isUnconfirmed ? this.#unconfirmed : null;
        const outcome = endIfDenied(use, end, watched.entry, wall);
        if (outcome !== 'kept') this.#delete(watched, use);
        hasClosed = outcome === 'closed';
      }
      if (isOver(hasClosed)) return watched.pending === null;
    }
  }
}
