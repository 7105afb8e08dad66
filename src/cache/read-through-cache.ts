import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock';
import { KeyscopeError } from '../errors';
import { Lease } from '../store/lease';
import { createDeadline } from '../timeout';
import type { Gate } from './read-queue';

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

/** A value that somebody has taken out of memory, or waited for, and uses later than at once. */
export interface Held<V> {
  readonly value: V | null;
  /** Whether it may still be believed: it is vouched for, and nothing has been heard to change since. */
  isTrusted(wall: number): boolean;
}

/** One read under way, shared by everyone who asks for the same id meanwhile. */
class Flight<V> {
  lease = new Lease();
  /** A change to the id has been heard since the read set out. */
  overtaken = false;
  /** How many changes had been heard when it landed, and none of them its own; -1 where there was one. */
  heard = -1;
  readonly answer: Promise<V | null>;

  constructor(fly: (flight: Flight<V>) => Promise<V | null>) {
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
  /** Changes heard of any id: what has been pushed out of memory cannot be told that it was its own. */
  #heard = 0;

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

  /** What memory says now, for somebody who uses it later; undefined where it may not say, or says that there is none. */
  recall(id: string, wall: number): Held<V> | undefined {
    const { clock } = this.#options;
    const remembered = this.#values.get(id);
    if (!remembered?.lease.holds(clock, wall)) return undefined;
    const { value, lease } = remembered;
    return this.#held(value, this.#heard, (later) => lease.holds(clock, later));
  }

  /** Whether memory says something now, and will be told when that changes: it need not be read again. */
  keeps(id: string, wall: number): boolean {
    return this.peek(id, wall) !== undefined && this.#options.lease(id) !== null;
  }

  /** Reads, or joins a read under way. Rejects with what `read` rejects with; a rejection is not remembered. */
  load(id: string): Promise<V | null> {
    const { whenDown } = this.#options;
    // Case 2 above, without the promises that it takes to find out; most loads are this one.
    if (whenDown === undefined && !this.#flights.has(id)) return this.#depart(id).answer;
    return whenDown === undefined ? this.#load(id) : this.#loadOrServeStale(id, whenDown).then(({ value }) => value);
  }

  /** The same for somebody who uses it later. */
  hold(id: string): Promise<Held<V>> {
    const { whenDown } = this.#options;
    return whenDown === undefined ? this.#loadHeld(id) : this.#loadOrServeStale(id, whenDown);
  }

  #held(value: V | null, heard: number, isVouchedFor: (wall: number) => boolean): Held<V> {
    return { value, isTrusted: (wall) => this.#heard === heard && isVouchedFor(wall) };
  }

  async #loadOrServeStale(id: string, whenDown: WhenDown): Promise<Held<V>> {
    const early = whenDown.isDown() ? this.#stale(id, whenDown) : undefined;
    if (early !== undefined) return early;
    try {
      return await this.#loadHeld(id);
    } catch (error) {
      const late = this.#stale(id, whenDown);
      if (late !== undefined && error instanceof KeyscopeError && error.code === 'store_unavailable') return late;
      throw error;
    }
  }

  #stale(id: string, { serveStaleFor, onStale }: WhenDown): Held<V> | undefined {
    const { clock } = this.#options;
    const remembered = this.#values.get(id);
    const isBearable = (wall: number): boolean => remembered?.lease.heldWithin(serveStaleFor, clock, wall) === true;
    if (remembered === undefined || !isBearable(clock.wall())) return undefined;
    onStale();
    return this.#held(remembered.value, this.#heard, isBearable);
  }

  async #load(id: string): Promise<V | null> {
    return (await this.#fly(id)).answer;
  }

  async #loadHeld(id: string): Promise<Held<V>> {
    const flight = await this.#fly(id);
    const isVouchedFor = (wall: number): boolean => flight.lease.holds(this.#options.clock, wall);
    return this.#held(await flight.answer, flight.heard, isVouchedFor);
  }

  /** Resolves with a read that answers whoever asks now. */
  async #fly(id: string): Promise<Flight<V>> {
    const { clock, gate } = this.#options;
    const joined = this.#flights.get(id);
    if (joined === undefined) return this.#arrive(this.#depart(id));
    const deadline = createDeadline(gate.timeout);
    await joined.answer;
    if (!joined.overtaken && joined.lease.holds(clock, clock.wall())) return joined;
    if (this.#flights.get(id) === joined) this.#flights.delete(id);
    // Whatever is under way now has set out since: case 2.
    return deadline.within(this.#arrive(this.#flights.get(id) ?? this.#depart(id)));
  }

  async #arrive(flight: Flight<V>): Promise<Flight<V>> {
    await flight.answer;
    return flight;
  }

  /** The id's state has changed: nothing known of it, and nothing being read of it, counts any more. */
  forget(id: string): void {
    this.#heard += 1;
    this.#values.delete(id);
    this.#misses.delete(id);
    const flight = this.#flights.get(id);
    if (flight === undefined) return;
    flight.overtaken = true;
    this.#flights.delete(id);
  }

  /** Everything may have changed. */
  clear(): void {
    this.#heard += 1;
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
    const flight = new Flight<V>((self) =>
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
    flight.heard = this.#heard;
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
