import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock';
import { KeyscopeError } from '../errors';
import { Lease } from '../store/lease';

export interface ReadThroughCacheOptions<V extends object> {
  readonly clock: Clock;
  /** Maximum number of values. The least recently used are evicted first. */
  readonly maxEntries: number;
  /** Maximum number of ids without a value. */
  readonly maxMisses: number;
  /** Milliseconds for which an entry is used if the store sends no invalidations. */
  readonly maxRevocationLag: number;
  /** Rejects if the store does not answer in time. */
  readonly read: (id: string) => Promise<V | null>;
  /** The lease of a read that is sent now; null if the store grants none. */
  readonly lease: (id: string) => Lease | null;
  /** What to do if the store cannot be read. Default: reject. */
  readonly whenDown?: WhenDown;
}

/** An explicit exception to the rules of this cache. */
export interface WhenDown {
  /** Milliseconds for which a value can be used after its lease has lapsed, unless it was invalidated. */
  readonly serveStaleFor: number;
  /** It is known that the store cannot be read, so that no caller has to wait to find out. */
  readonly isDown: () => boolean;
  /** A value is used whose lease has lapsed. */
  readonly onStale: () => void;
}

interface CacheEntry<V> {
  readonly value: V;
  readonly lease: Lease;
}

/** A value that is used later than it was read. */
export interface CacheHandle<V> {
  /** Null: the id has no value. */
  readonly value: V | null;
  /** Whether the value can be used now: its lease holds, and nothing has been invalidated since it was read. */
  isValid(wall: number): boolean;
}

/** A read that has been sent, and then its result. Callers that ask for the same id share it. */
class InFlightRead<V> implements CacheHandle<V> {
  value: V | null = null;
  /** The id was invalidated while the read was in flight. */
  invalidated = false;
  /** A newer value has been cached. */
  superseded = false;
  /** The cache's version when the reply arrived. */
  version = -1;
  readonly result: Promise<CacheHandle<V>>;

  constructor(
    readonly lease: Lease,
    readonly isUsable: (read: InFlightRead<V>, wall: number) => boolean,
    send: (read: InFlightRead<V>) => Promise<CacheHandle<V>>,
  ) {
    this.result = send(this);
  }

  isValid(wall: number): boolean {
    return this.isUsable(this, wall);
  }
}

/**
 * LRU cache of what was read from a store, by id.
 *
 * A request is accepted at time t only by data whose lease holds at t, be it cached, read for the request, or read for
 * another request that it joined. A lease is taken before its read is sent. It guarantees that an invalidation has been
 * received for every change acknowledged more than `maxRevocationLag` before t. An invalidation removes the entry, and
 * makes the handles of reads in flight invalid: these are neither cached nor joined.
 *
 * So a caller that has waited for `load` asks the handle `isValid` in the same turn in which it uses the value: replies
 * can wait for seconds in a process whose event loop is blocked.
 */
export class ReadThroughCache<V extends object> {
  readonly #options: ReadThroughCacheOptions<V>;
  readonly #values: LRUCache<string, CacheEntry<V>>;
  /** Ids without a value. Apart from the values, so that a flood of unknown ids evicts no value. */
  readonly #misses: LRUCache<string, Lease>;
  readonly #inFlight = new Map<string, InFlightRead<V>>();
  /** Counts all invalidations, instead of those of each id: evicted entries have no counter. */
  #version = 0;

  constructor(options: ReadThroughCacheOptions<V>) {
    this.#options = options;
    this.#values = new LRUCache({ max: options.maxEntries });
    this.#misses = new LRUCache({ max: options.maxMisses });
  }

  /** The cached value; null for an id without one; undefined if neither is cached. No I/O. */
  get(id: string, wall: number): V | null | undefined {
    const { clock } = this.#options;
    const entry = this.#values.get(id);
    if (entry !== undefined) return entry.lease.holds(clock, wall) ? entry.value : undefined;
    return this.#misses.get(id)?.holds(clock, wall) ? null : undefined;
  }

  /** The lease of the cached value or miss; undefined if nothing is cached. It can have lapsed. */
  leaseOf(id: string): Lease | undefined {
    return this.#values.peek(id)?.lease ?? this.#misses.peek(id);
  }

  /** The cached value, for a caller that uses it later; undefined if there is none. */
  getHandle(id: string, wall: number): CacheHandle<V> | undefined {
    const { clock } = this.#options;
    const entry = this.#values.get(id);
    if (!entry?.lease.holds(clock, wall)) return undefined;
    return this.#createHandle(entry, (later) => entry.lease.holds(clock, later));
  }

  /** Whether the id is cached under the lease that is in force, so that it need not be read again. */
  isFresh(id: string, wall: number): boolean {
    return this.get(id, wall) !== undefined && this.#options.lease(id) !== null;
  }

  /** Reads, or joins a read in flight. Rejects as `read` does; a rejection is not cached. */
  load(id: string): Promise<CacheHandle<V>> {
    const { whenDown } = this.#options;
    if (whenDown !== undefined) return this.#loadOrServeStale(id, whenDown);
    return (this.#inFlight.get(id) ?? this.#startRead(id)).result;
  }

  /**
   * Reads for one caller: the read is sent after the call. The value can be used for `maxRevocationLag` from then, whatever
   * is invalidated. It is cached, and an older read in flight is not.
   */
  async loadFresh(id: string): Promise<CacheHandle<V>> {
    const { clock, maxRevocationLag, read } = this.#options;
    const version = this.#version;
    const own = Lease.from(clock, maxRevocationLag);
    const lease = this.#options.lease(id) ?? own;
    const value = await read(id);
    if (version === this.#version) {
      const older = this.#inFlight.get(id);
      if (older !== undefined) older.superseded = true;
      this.#cache(id, value, lease);
    }
    return { value, isValid: (wall) => own.holds(clock, wall) };
  }

  /** Removes an id that has changed, and what is being read of it. */
  invalidate(id: string): void {
    this.#version += 1;
    this.#values.delete(id);
    this.#misses.delete(id);
    const read = this.#inFlight.get(id);
    if (read === undefined) return;
    read.invalidated = true;
    this.#inFlight.delete(id);
  }

  invalidateAll(): void {
    this.#version += 1;
    this.#values.clear();
    this.#misses.clear();
    for (const read of this.#inFlight.values()) read.invalidated = true;
    this.#inFlight.clear();
  }

  /** For metrics and for tests of bounds. */
  size(): { values: number; misses: number; reads: number } {
    return { values: this.#values.size, misses: this.#misses.size, reads: this.#inFlight.size };
  }

  #createHandle({ value }: CacheEntry<V>, holds: (wall: number) => boolean): CacheHandle<V> {
    const version = this.#version;
    return { value, isValid: (wall) => this.#version === version && holds(wall) };
  }

  readonly #isUsable = ({ version, lease }: InFlightRead<V>, wall: number): boolean =>
    version === this.#version && lease.holds(this.#options.clock, wall);

  #startRead(id: string): InFlightRead<V> {
    const { clock, maxRevocationLag, lease, read } = this.#options;
    const granted = lease(id) ?? Lease.from(clock, maxRevocationLag);
    const started = new InFlightRead<V>(granted, this.#isUsable, (self) =>
      read(id).then(
        (value) => this.#store(id, self, value),
        (error: unknown) => {
          if (this.#inFlight.get(id) === self) this.#inFlight.delete(id);
          throw error;
        },
      ),
    );
    this.#inFlight.set(id, started);
    return started;
  }

  #store(id: string, read: InFlightRead<V>, value: V | null): CacheHandle<V> {
    read.value = value;
    if (read.invalidated) return read;
    this.#inFlight.delete(id);
    read.version = this.#version;
    if (!read.superseded) this.#cache(id, value, read.lease);
    return read;
  }

  #cache(id: string, value: V | null, lease: Lease): void {
    if (value === null) {
      this.#values.delete(id);
      this.#misses.set(id, lease);
    } else {
      this.#misses.delete(id);
      this.#values.set(id, { value, lease });
    }
  }

  async #loadOrServeStale(id: string, whenDown: WhenDown): Promise<CacheHandle<V>> {
    const early = whenDown.isDown() ? this.#getStale(id, whenDown) : undefined;
    if (early !== undefined) return early;
    try {
      return await (this.#inFlight.get(id) ?? this.#startRead(id)).result;
    } catch (error) {
      const late = this.#getStale(id, whenDown);
      if (late !== undefined && error instanceof KeyscopeError && error.code === 'store_unavailable') return late;
      throw error;
    }
  }

  #getStale(id: string, { serveStaleFor, onStale }: WhenDown): CacheHandle<V> | undefined {
    const { clock } = this.#options;
    const entry = this.#values.get(id);
    if (!entry?.lease.heldWithin(serveStaleFor, clock, clock.wall())) return undefined;
    onStale();
    return this.#createHandle(entry, (wall) => entry.lease.heldWithin(serveStaleFor, clock, wall));
  }
}
