import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock';
import { KeyscopeError } from '../errors';
import { Lease } from '../store/lease';
import { createDeadline } from '../timeout';
import type { ReadQueue } from './read-queue';

export interface ReadThroughCacheOptions<V extends object> {
  readonly clock: Clock;
  /** How many values, and how many ids that have none, are remembered; the least recently used go first. */
  readonly maxEntries: number;
  readonly maxMisses: number;
  /** Milliseconds for which an entry is trusted where the store cannot tell of changes. */
  readonly maxRevocationLag: number;
  /** Bounds the reads under way. */
  readonly readQueue: ReadQueue;
  readonly read: (id: string) => Promise<V | null>;
  /** The lease of a read that starts now; null where the store grants none. Asked before the read is sent. */
  readonly lease: (id: string) => Lease | null;
  /** What to do where nothing can be read. Default: reject. */
  readonly whenDown?: WhenDown;
}

/** An explicit way out of what the rest of this file promises. */
export interface WhenDown {
  /** Milliseconds for which a value may be given out after its lease has ended, unless it is known to have changed. */
  readonly serveStaleFor: number;
  /** It is known that nothing can be read, so that nobody need wait to find out. */
  readonly isDown: () => boolean;
  /** A value has been given out that nobody vouches for. */
  readonly onStale: () => void;
}

/** A value and how long it may be believed. */
interface CacheEntry<V> {
  readonly value: V;
  readonly lease: Lease;
}

/** A value that somebody has taken out of memory, or waited for, and uses later than at once. */
export interface CacheHandle<V> {
  readonly value: V | null;
  /** Whether it may still be believed: it is vouched for, and nothing has been heard to change since. */
  isValid(wall: number): boolean;
}

/** One read under way, shared by everyone who asks for the same id meanwhile. */
class InFlightRead<V> {
  lease = new Lease();
  /** A change to the id has been heard since the read set out. */
  invalidated = false;
  /** How many changes had been heard when it landed, and none of them its own; -1 where there was one. */
  version = -1;
  readonly result: Promise<V | null>;

  constructor(fly: (flight: InFlightRead<V>) => Promise<V | null>) {
    this.result = fly(this);
  }
}

/**
 * What has been read from the store, for as long as it may be believed.
 *
 * Why nobody is answered by an old state. Let a request ask at time t. It gets its answer in one of three ways:
 * 1. From memory, under a lease that holds at t. Whoever grants the lease vouches that every change acknowledged more
 *    than `maxRevocationLag` before t has been heard, and a change that was heard has removed the entry.
 * 2. From a read that set out after t. Such a read sees everything acknowledged before t; whether it is overtaken
 *    afterwards does not matter to this request, only to what is remembered.
 * 3. From a read that had set out before t (it joined a flight). That answer counts only if, when it arrives, no change
 *    has been heard since the read set out and its lease holds: then it is as good as memory in case 1. Otherwise the
 *    request reads again, which is case 2; so it reads again at most once.
 * An overtaken read is never remembered, and a flight that was overtaken takes no more passengers.
 */
export class ReadThroughCache<V extends object> {
  readonly #options: ReadThroughCacheOptions<V>;
  readonly #values: LRUCache<string, CacheEntry<V>>;
  /** Apart from the values, so that a flood of unknown ids pushes out unknown ids and nothing else. */
  readonly #misses: LRUCache<string, Lease>;
  readonly #inFlight = new Map<string, InFlightRead<V>>();
  /** Changes heard of any id: what has been pushed out of memory cannot be told that it was its own. */
  #version = 0;

  constructor(options: ReadThroughCacheOptions<V>) {
    this.#options = options;
    this.#values = new LRUCache({ max: options.maxEntries });
    this.#misses = new LRUCache({ max: options.maxMisses });
  }

  /** What memory says now: a value, null for an id known to have none, undefined where it may not say. No I/O. */
  get(id: string, wall: number): V | null | undefined {
    const { clock } = this.#options;
    const remembered = this.#values.get(id);
    if (remembered !== undefined) return remembered.lease.holds(clock, wall) ? remembered.value : undefined;
    return this.#misses.get(id)?.holds(clock, wall) ? null : undefined;
  }

  /** The lease of the cached value or miss; undefined if nothing is cached. It can have lapsed. */
  leaseOf(id: string): Lease | undefined {
    return this.#values.peek(id)?.lease ?? this.#misses.peek(id);
  }

  /** What memory says now, for somebody who uses it later; undefined where it may not say, or says that there is none. */
  getHandle(id: string, wall: number): CacheHandle<V> | undefined {
    const { clock } = this.#options;
    const remembered = this.#values.get(id);
    if (!remembered?.lease.holds(clock, wall)) return undefined;
    const { value, lease } = remembered;
    return this.#createHandle(value, this.#version, (later) => lease.holds(clock, later));
  }

  /** Whether memory says something now, and will be told when that changes: it need not be read again. */
  isFresh(id: string, wall: number): boolean {
    return this.get(id, wall) !== undefined && this.#options.lease(id) !== null;
  }

  /** Reads, or joins a read under way. Rejects with what `read` rejects with; a rejection is not remembered. */
  load(id: string): Promise<V | null> {
    const { whenDown } = this.#options;
    // Case 2 above, without the promises that it takes to find out; most loads are this one.
    if (whenDown === undefined && !this.#inFlight.has(id)) return this.#startRead(id).result;
    return whenDown === undefined ? this.#load(id) : this.#loadOrServeStale(id, whenDown).then(({ value }) => value);
  }

  /**
   * Reads in any case, and joins no read in flight: the result is not older than this call. Never serves a stale value. A
   * read in flight is invalidated, because its older result must not replace this one in the cache.
   */
  loadFresh(id: string): Promise<V | null> {
    const inFlight = this.#inFlight.get(id);
    if (inFlight !== undefined) inFlight.invalidated = true;
    return this.#startRead(id).result;
  }

  /** The same for somebody who uses it later. */
  loadHandle(id: string): Promise<CacheHandle<V>> {
    const { whenDown } = this.#options;
    return whenDown === undefined ? this.#readHandle(id) : this.#loadOrServeStale(id, whenDown);
  }

  #createHandle(value: V | null, heard: number, isVouchedFor: (wall: number) => boolean): CacheHandle<V> {
    return { value, isValid: (wall) => this.#version === heard && isVouchedFor(wall) };
  }

  async #loadOrServeStale(id: string, whenDown: WhenDown): Promise<CacheHandle<V>> {
    const early = whenDown.isDown() ? this.#getStale(id, whenDown) : undefined;
    if (early !== undefined) return early;
    try {
      return await this.#readHandle(id);
    } catch (error) {
      const late = this.#getStale(id, whenDown);
      if (late !== undefined && error instanceof KeyscopeError && error.code === 'store_unavailable') return late;
      throw error;
    }
  }

  #getStale(id: string, { serveStaleFor, onStale }: WhenDown): CacheHandle<V> | undefined {
    const { clock } = this.#options;
    const remembered = this.#values.get(id);
    const isBearable = (wall: number): boolean => remembered?.lease.heldWithin(serveStaleFor, clock, wall) === true;
    if (remembered === undefined || !isBearable(clock.wall())) return undefined;
    onStale();
    return this.#createHandle(remembered.value, this.#version, isBearable);
  }

  async #load(id: string): Promise<V | null> {
    return (await this.#joinOrRead(id)).result;
  }

  async #readHandle(id: string): Promise<CacheHandle<V>> {
    const flight = await this.#joinOrRead(id);
    const isVouchedFor = (wall: number): boolean => flight.lease.holds(this.#options.clock, wall);
    return this.#createHandle(await flight.result, flight.version, isVouchedFor);
  }

  /** Resolves with a read that answers whoever asks now. */
  async #joinOrRead(id: string): Promise<InFlightRead<V>> {
    const { clock, readQueue } = this.#options;
    const joined = this.#inFlight.get(id);
    if (joined === undefined) return this.#await(this.#startRead(id));
    const deadline = createDeadline(readQueue.timeout);
    await joined.result;
    if (!joined.invalidated && joined.lease.holds(clock, clock.wall())) return joined;
    if (this.#inFlight.get(id) === joined) this.#inFlight.delete(id);
    // Whatever is under way now has set out since: case 2.
    return deadline.within(this.#await(this.#inFlight.get(id) ?? this.#startRead(id)));
  }

  async #await(flight: InFlightRead<V>): Promise<InFlightRead<V>> {
    await flight.result;
    return flight;
  }

  /** The id's state has changed: nothing known of it, and nothing being read of it, counts any more. */
  invalidate(id: string): void {
    this.#version += 1;
    this.#values.delete(id);
    this.#misses.delete(id);
    const flight = this.#inFlight.get(id);
    if (flight === undefined) return;
    flight.invalidated = true;
    this.#inFlight.delete(id);
  }

  /** Everything may have changed. */
  invalidateAll(): void {
    this.#version += 1;
    this.#values.clear();
    this.#misses.clear();
    for (const flight of this.#inFlight.values()) flight.invalidated = true;
    this.#inFlight.clear();
  }

  /** How much is remembered and under way, for metrics and tests of bounds. */
  size(): { values: number; misses: number; reads: number } {
    return { values: this.#values.size, misses: this.#misses.size, reads: this.#inFlight.size };
  }

  #startRead(id: string): InFlightRead<V> {
    const { readQueue, clock, maxRevocationLag, lease, read } = this.#options;
    const flight = new InFlightRead<V>((self) =>
      readQueue
        .run(() => {
          // The lease is taken before the read is sent: one taken later could vouch for changes the read has missed.
          self.lease = lease(id) ?? Lease.from(clock, maxRevocationLag);
          return read(id);
        })
        .then(
          (value) => this.#store(id, self, value),
          (error: unknown) => {
            if (this.#inFlight.get(id) === self) this.#inFlight.delete(id);
            throw error;
          },
        ),
    );
    this.#inFlight.set(id, flight);
    return flight;
  }

  #store(id: string, flight: InFlightRead<V>, value: V | null): V | null {
    if (this.#inFlight.get(id) === flight) this.#inFlight.delete(id);
    if (flight.invalidated) return value;
    flight.version = this.#version;
    if (value === null) {
      this.#values.delete(id);
      this.#misses.set(id, flight.lease);
    } else {
      this.#misses.delete(id);
      this.#values.set(id, { value, lease: flight.lease });
    }
    return value;
  }
}
