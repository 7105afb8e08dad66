import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock';
import { KeyscopeError } from '../errors';
import { extendFrom, Lease, leaseDuration, type Timestamps, timestampsOf } from '../store/lease';

export interface ReadThroughCacheOptions<V extends object> {
  readonly clock: Clock;
  /** Maximum number of values. The least recently used are evicted first. */
  readonly maxEntries: number;
  /** Maximum number of ids without a value. */
  readonly maxMisses: number;
  /** Milliseconds. If the store sends no invalidations, an entry is used for `leaseDuration` of it. */
  readonly maxRevocationLag: number;
  /** Reads a value; null if the id has none. Rejects if the store does not answer in time. */
  readonly read: (id: string) => Promise<V | null>;
  /** The lease of a read that is sent now; null if the store grants none. */
  readonly lease: (id: string) => Lease | null;
  /** Since when a read that is sent now is known to reach the right server. Default: since it is sent. */
  readonly confirmedAt?: (id: string) => Timestamps;
  /** How `load` behaves if the store cannot be read. Default: it rejects. */
  readonly whenDown?: WhenDown;
}

/**
 * Explicit exception to the rules of the cache: values that are used after their lease has lapsed, if it held when the store
 * last answered. Otherwise they may have been changed before the outage.
 */
export interface WhenDown {
  /** Milliseconds for which a value can be used after its lease has lapsed, unless it was invalidated. */
  readonly serveStaleFor: number;
  /** When the store last answered, as far as this id is concerned. */
  readonly answeredAt: (id: string) => Timestamps;
  /** True if it is known that the store cannot be read. Callers then do not wait for a read to fail. */
  readonly isDown: () => boolean;
  /** Called when a value is used after its lease has lapsed. */
  readonly onStale: () => void;
}

interface CacheEntry<V> {
  readonly value: V;
  readonly lease: Lease;
}

/** Result of a read, for a caller that uses it later. */
export interface CacheHandle<V> {
  /** Null if the id has no value. */
  readonly value: V | null;
  /** The lease that it was read under. */
  readonly lease: Lease;
  /**
   * True if the value can be used now: its lease holds, and nothing has been invalidated since it was read. `loadFresh`
   * and `WhenDown` describe the exceptions.
   */
  isValid(wall: number): boolean;
}

/** Decides whether data of a lease, which was valid at a version of the cache, can be used. */
type IsUsable = (data: { readonly version: number; readonly lease: Lease }, wall: number) => boolean;

/** Handle of a cached value. A class, because functions of its own for each request cost more. */
class EntryHandle<V> implements CacheHandle<V> {
  readonly value: V;
  readonly lease: Lease;
  readonly version: number;
  readonly #isUsable: IsUsable;

  constructor({ value, lease }: CacheEntry<V>, version: number, isUsable: IsUsable) {
    this.value = value;
    this.lease = lease;
    this.version = version;
    this.#isUsable = isUsable;
  }

  isValid(wall: number): boolean {
    return this.#isUsable(this, wall);
  }
}

/** In-flight read and, when it completes, its result. Callers that load the same id share it. */
class InFlightRead<V> implements CacheHandle<V> {
  value: V | null = null;
  /** True if the id was invalidated while the read was in flight. */
  invalidated = false;
  /** True if a newer value has been cached. The result of this read is then not cached. */
  superseded = false;
  /** The cache's version when the reply arrived. */
  version = -1;
  readonly result: Promise<CacheHandle<V>>;

  constructor(
    readonly lease: Lease,
    readonly isUsable: IsUsable,
    send: (read: InFlightRead<V>) => Promise<CacheHandle<V>>,
  ) {
    this.result = send(this);
  }

  isValid(wall: number): boolean {
    return this.isUsable(this, wall);
  }
}

/**
 * LRU cache of values read from a store, by id.
 *
 * A request is accepted at time t only if the lease of its data holds at t. The data can be cached, read for the
 * request, or read for another request that it joined. A lease is taken before its read is sent. It guarantees that an
 * invalidation has been received for every change acknowledged more than `maxRevocationLag` before t.
 *
 * An invalidation removes the entry and makes the handles of in-flight reads invalid. If an id is invalidated while a
 * read of it is in flight, the result is not cached and later callers start a new read.
 *
 * A caller that has waited for `load` must call `isValid` in the same turn of the event loop in which it uses the
 * value. If the event loop is blocked, a reply can wait for seconds before it is used.
 */
export class ReadThroughCache<V extends object> {
  readonly #options: ReadThroughCacheOptions<V>;
  /** Undefined before the first value, as are the misses: an LRU cache takes milliseconds to allocate all its entries. */
  #values: LRUCache<string, CacheEntry<V>> | undefined;
  /** Ids without a value. They are kept apart from the values, so that a flood of unknown ids evicts no value. */
  #misses: LRUCache<string, Lease> | undefined;
  readonly #inFlight = new Map<string, InFlightRead<V>>();
  /** Counts the invalidations of all ids. A counter per id would be lost when its entry is evicted. */
  #version = 0;

  constructor(options: ReadThroughCacheOptions<V>) {
    this.#options = options;
  }

  /** The cached value; null if a miss is cached; undefined if neither is, or if the lease has lapsed. No I/O. */
  get(id: string, wall: number): V | null | undefined {
    const { clock } = this.#options;
    const entry = this.#values?.get(id);
    if (entry !== undefined) return entry.lease.holds(clock, wall) ? entry.value : undefined;
    return this.#misses?.get(id)?.holds(clock, wall) ? null : undefined;
  }

  /** The lease of the cached value or miss; undefined if nothing is cached. It can have lapsed. */
  leaseOf(id: string): Lease | undefined {
    return this.#values?.peek(id)?.lease ?? this.#misses?.peek(id);
  }

  /** Handle of the cached value, for a caller that uses it later; undefined if there is no value. */
  getHandle(id: string, wall: number): CacheHandle<V> | undefined {
    const { clock } = this.#options;
    const entry = this.#values?.get(id);
    if (!entry?.lease.holds(clock, wall)) return undefined;
    return new EntryHandle(entry, this.#version, this.#isUsable);
  }

  /** Starts a read, or joins the in-flight read of the id. Rejects as `read` does; a rejection is not cached. */
  load(id: string): Promise<CacheHandle<V>> {
    const { whenDown } = this.#options;
    if (whenDown !== undefined) return this.#loadOrServeStale(id, whenDown);
    return (this.#inFlight.get(id) ?? this.#startRead(id)).result;
  }

  /**
   * Sends a read for this caller only, after the call. The value can be used for `leaseDuration` from then, even if it
   * is invalidated. It is cached unless an invalidation arrived during the read. An older in-flight read is then not
   * cached.
   */
  async loadFresh(id: string): Promise<CacheHandle<V>> {
    const { clock, read } = this.#options;
    const version = this.#version;
    const own = this.#ownLease(id);
    const lease = this.#options.lease(id) ?? own;
    const value = await read(id);
    if (version === this.#version) {
      const older = this.#inFlight.get(id);
      if (older !== undefined) older.superseded = true;
      this.#cache(id, value, lease);
    }
    return { value, lease: own, isValid: (wall) => own.holds(clock, wall) };
  }

  /** Removes the entry and the in-flight read of an id that has changed. */
  invalidate(id: string): void {
    this.#version += 1;
    this.#values?.delete(id);
    this.#misses?.delete(id);
    const read = this.#inFlight.get(id);
    if (read === undefined) return;
    read.invalidated = true;
    this.#inFlight.delete(id);
  }

  invalidateAll(): void {
    this.#version += 1;
    this.#values?.clear();
    this.#misses?.clear();
    for (const read of this.#inFlight.values()) read.invalidated = true;
    this.#inFlight.clear();
  }

  /** For metrics and for tests of bounds. */
  size(): { values: number; misses: number; reads: number } {
    return { values: this.#values?.size ?? 0, misses: this.#misses?.size ?? 0, reads: this.#inFlight.size };
  }

  readonly #isUsable: IsUsable = ({ version, lease }, wall) =>
    version === this.#version && lease.holds(this.#options.clock, wall);

  /** The lease of a read that is sent now, without invalidations. */
  #ownLease(id: string): Lease {
    const { clock, maxRevocationLag, confirmedAt } = this.#options;
    const own = new Lease();
    extendFrom(own, confirmedAt?.(id) ?? timestampsOf(clock), leaseDuration(maxRevocationLag));
    return own;
  }

  #startRead(id: string): InFlightRead<V> {
    const { lease, read } = this.#options;
    const granted = lease(id) ?? this.#ownLease(id);
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
      this.#values?.delete(id);
      this.#misses ??= new LRUCache({ max: this.#options.maxMisses });
      this.#misses.set(id, lease);
    } else {
      this.#misses?.delete(id);
      this.#values ??= new LRUCache({ max: this.#options.maxEntries });
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

  #getStale(id: string, { serveStaleFor, answeredAt, onStale }: WhenDown): CacheHandle<V> | undefined {
    const { clock } = this.#options;
    const entry = this.#values?.get(id);
    if (!entry?.lease.heldWithin(serveStaleFor, clock, clock.wall())) return undefined;
    if (!entry.lease.heldAt(answeredAt(id))) return undefined;
    onStale();
    return new EntryHandle(
      entry,
      this.#version,
      ({ version, lease }, wall) => version === this.#version && lease.heldWithin(serveStaleFor, clock, wall),
    );
  }
}
