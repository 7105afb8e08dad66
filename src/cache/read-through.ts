import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock';
import { KeyscopeError } from '../errors';
import { Lease } from '../store/lease';
import type { Gate } from './gate';

export interface ReadThroughOptions<V extends object> {
  readonly clock: Clock;
  /** How many values, and how many ids that have none, are remembered; the least recently used go first. */
  readonly maxEntries: number;
  readonly maxMisses: number;
  /** Milliseconds for which an entry is trusted where the store cannot tell of changes. */
  readonly maxRevocationLag: number;
  /** Bounds the reads under way. */
  readonly gate: Gate;
  readonly read: (id: string) => Promise<V | null>;
  /** The lease of a read that starts now; null where the store grants none. Asked before the read is sent. */
  readonly lease: (id: string) => Lease | null;
  /** Told of values that a change has made doubtful, for those who have taken one out of memory and still use it. */
  readonly onDoubt?: (id: string, value: V) => void;
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
interface Remembered<V> {
  readonly value: V;
  readonly lease: Lease;
}

/** One read under way, shared by everyone who asks for the same id meanwhile. */
class Flight<V> {
  lease = new Lease();
  /** A change to the id has been heard since the read set out. */
  overtaken = false;
  readonly answer: Promise<V | null>;

  constructor(
    /** Flights are numbered in the order in which they set out. */
    readonly number: number,
    fly: (flight: Flight<V>) => Promise<V | null>,
  ) {
    this.answer = fly(this);
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
export class ReadThrough<V extends object> {
  readonly #options: ReadThroughOptions<V>;
  readonly #values: LRUCache<string, Remembered<V>>;
  /** Apart from the values, so that a flood of unknown ids pushes out unknown ids and nothing else. */
  readonly #misses: LRUCache<string, Lease>;
  readonly #flights = new Map<string, Flight<V>>();
  #departures = 0;

  constructor(options: ReadThroughOptions<V>) {
    this.#options = options;
    this.#values = new LRUCache({ max: options.maxEntries });
    this.#misses = new LRUCache({ max: options.maxMisses });
  }

  /** What memory says now: a value, null for an id known to have none, undefined where it may not say. No I/O. */
  peek(id: string, wall: number): V | null | undefined {
    const { clock } = this.#options;
    const remembered = this.#values.get(id);
    if (remembered !== undefined) return remembered.lease.holds(clock, wall) ? remembered.value : undefined;
    return this.#misses.get(id)?.holds(clock, wall) ? null : undefined;
  }

  /** Reads, or joins a read under way. Rejects with what `read` rejects with; a rejection is not remembered. */
  load(id: string): Promise<V | null> {
    const { whenDown } = this.#options;
    return whenDown === undefined ? this.#load(id) : this.#loadOrServeStale(id, whenDown);
  }

  async #loadOrServeStale(id: string, whenDown: WhenDown): Promise<V | null> {
    const early = whenDown.isDown() ? this.#stale(id, whenDown) : undefined;
    if (early !== undefined) return early;
    try {
      return await this.#load(id);
    } catch (error) {
      const late = this.#stale(id, whenDown);
      if (late !== undefined && error instanceof KeyscopeError && error.code === 'store_unavailable') return late;
      throw error;
    }
  }

  #stale(id: string, { serveStaleFor, onStale }: WhenDown): V | undefined {
    const { clock } = this.#options;
    const remembered = this.#values.get(id);
    if (!remembered?.lease.heldWithin(serveStaleFor, clock, clock.wall())) return undefined;
    onStale();
    return remembered.value;
  }

  async #load(id: string): Promise<V | null> {
    const { clock } = this.#options;
    const asked = this.#departures;
    for (;;) {
      const flight = this.#flights.get(id) ?? this.#depart(id);
      const value = await flight.answer;
      const setOutAfterAsked = flight.number > asked;
      if (setOutAfterAsked || (!flight.overtaken && flight.lease.holds(clock, clock.wall()))) return value;
      if (this.#flights.get(id) === flight) this.#flights.delete(id);
    }
  }

  /** The id's state has changed: nothing known of it, and nothing being read of it, counts any more. */
  forget(id: string): void {
    const remembered = this.#values.peek(id);
    this.#values.delete(id);
    if (remembered !== undefined) this.#options.onDoubt?.(id, remembered.value);
    this.#misses.delete(id);
    const flight = this.#flights.get(id);
    if (flight === undefined) return;
    flight.overtaken = true;
    this.#flights.delete(id);
  }

  /** Everything may have changed. */
  clear(): void {
    const { onDoubt } = this.#options;
    if (onDoubt) for (const [id, { value }] of this.#values) onDoubt(id, value);
    this.#values.clear();
    this.#misses.clear();
    for (const flight of this.#flights.values()) flight.overtaken = true;
    this.#flights.clear();
  }

  /** How much is remembered and under way, for metrics and tests of bounds. */
  size(): { values: number; misses: number; reads: number } {
    return { values: this.#values.size, misses: this.#misses.size, reads: this.#flights.size };
  }

  #depart(id: string): Flight<V> {
    const { gate, clock, maxRevocationLag, lease, read } = this.#options;
    this.#departures += 1;
    const flight = new Flight<V>(this.#departures, (self) =>
      gate
        .pass(() => {
          // The lease is taken before the read is sent: one taken later could vouch for changes the read has missed.
          self.lease = lease(id) ?? Lease.from(clock, maxRevocationLag);
          return read(id);
        })
        .then(
          (value) => this.#land(id, self, value),
          (error: unknown) => {
            if (this.#flights.get(id) === self) this.#flights.delete(id);
            throw error;
          },
        ),
    );
    this.#flights.set(id, flight);
    return flight;
  }

  #land(id: string, flight: Flight<V>, value: V | null): V | null {
    if (this.#flights.get(id) === flight) this.#flights.delete(id);
    if (flight.overtaken) return value;
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
