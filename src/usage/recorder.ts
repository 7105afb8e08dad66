import { randomBytes } from 'node:crypto';
import { type Clock, DAY } from '../clock';
import { KeyscopeError } from '../errors';
import {
  dayOf,
  LAST_USED_STEP,
  USAGE_OUTCOMES,
  type UsageDelta,
  type UsageOutcome,
  type UsageStore,
  usageField,
} from '../store/usage-store';
import { type HasCounters, KeyCounters } from './key-counters';

/** Number of changed counters at which they are collected early. */
const MAX_DIRTY = 10_000;
/** Counts (one key, one day, one outcome each) that can wait to be stored. About 20 MB. */
const MAX_COUNTERS = 50_000;

export interface UsageRecorderOptions {
  readonly store: UsageStore;
  readonly clock: Clock;
  /** Milliseconds between a count and its flush. */
  readonly interval: number;
  /** Called once for each outage of the store, and once if counts are lost. */
  readonly report: (error: KeyscopeError) => void;
  readonly maxCounters?: number;
}

/** Counts of one key that wait for the store. */
class PendingCounts {
  readonly counts = new Map<string, number>();
  lastUsedAt = 0;
}

/**
 * Counts requests in memory and stores the counts every few seconds.
 *
 * A count is in one of three places: the **counters** of a cached key, its **waiting** counts, or a **sent** batch. A
 * flush moves counters to the waiting counts and seals them as a batch with a number. A sent batch never changes, and is
 * resent with the same number until the store acknowledges it. The store applies each number once. So a flush that fails
 * half-way or times out counts exactly once.
 */
export class UsageRecorder {
  readonly #options: UsageRecorderOptions;
  readonly #maxCounters: number;
  readonly #source = randomBytes(9).toString('base64url');
  /** Counters that are not zero. */
  #dirty: KeyCounters[] = [];
  readonly #waiting = new Map<string, PendingCounts>();
  readonly #sent = new Map<string, UsageDelta>();
  /** Number of counts in `#waiting` and `#sent` together. */
  #counters = 0;
  #number = 0;
  /** Start of the day that the counters belong to. */
  #dayStart = Number.NaN;
  #fields = fieldsOf('');
  #timer: NodeJS.Timeout | undefined;
  #flush: Promise<void> | null = null;
  #nextFlush: Promise<void> | null = null;
  #isFailing = false;
  #dropped = 0;
  #isClosed = false;
  /** Closed: further counts are ignored. */
  #isOver = false;

  constructor(options: UsageRecorderOptions) {
    this.#options = options;
    this.#maxCounters = options.maxCounters ?? MAX_COUNTERS;
  }

  /** Counts a request with the token of this key. No I/O. */
  count(entry: HasCounters, outcome: UsageOutcome, wall: number): void {
    if (this.#isOver) return;
    const counters = entry.counters ?? open(entry);
    // Negated, so that it is also true before the first day is known (NaN).
    if (!(wall >= this.#dayStart && wall < this.#dayStart + DAY)) this.#beginDay(wall);
    counters[outcome] += 1;
    counters.lastUsedAt = wall;
    if (!counters.isDirty) this.#markDirty(counters);
  }

  /** Stores all counts. Never rejects: counts that could not be stored are retried. */
  flush(): Promise<void> {
    if (this.#flush === null) return this.#start();
    // A flush is in progress. The next one includes the counts since it began.
    this.#nextFlush ??= this.#flush.then(() => this.#start());
    return this.#nextFlush;
  }

  /** Whether all counts are stored. */
  get isIdle(): boolean {
    return this.#flush === null && this.#dirty.length === 0 && this.#counters === 0;
  }

  /** Stores all counts, and ignores further ones. Reports counts that could not be stored and are lost. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.isIdle) await this.flush();
    // Counts of requests that were in progress during the flush.
    if (this.#dirty.length > 0 && !this.#isFailing) await this.flush();
    this.#isOver = true;
    this.#collect();
    clearTimeout(this.#timer);
    if (this.#counters > 0) this.#drop(sumOf(this.#waiting) + sumOf(this.#sent));
  }

  #markDirty(counters: KeyCounters): void {
    counters.isDirty = true;
    this.#dirty.push(counters);
    if (this.#dirty.length >= MAX_DIRTY) {
      this.#collect();
      if (this.#flush === null) void this.flush();
    } else this.#schedule();
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#isClosed) return;
    this.#timer = setTimeout(() => void this.flush(), this.#options.interval);
    this.#timer.unref();
  }

  #beginDay(wall: number): void {
    this.#collect();
    this.#dayStart = Math.floor(wall / DAY) * DAY;
    this.#fields = fieldsOf(dayOf(wall));
  }

  /** Moves counters to the waiting counts. */
  #collect(): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const counters of dirty) {
      counters.isDirty = false;
      const pending = this.#waiting.get(counters.keyId) ?? new PendingCounts();
      for (const [outcome, field] of this.#fields) {
        const count = counters[outcome];
        if (count === 0) continue;
        counters[outcome] = 0;
        const before = pending.counts.get(field);
        if (before === undefined && this.#counters >= this.#maxCounters) {
          this.#drop(count);
          continue;
        }
        if (before === undefined) this.#counters += 1;
        pending.counts.set(field, (before ?? 0) + count);
      }
      pending.lastUsedAt = Math.max(pending.lastUsedAt, counters.lastUsedAt);
      if (pending.counts.size > 0) this.#waiting.set(counters.keyId, pending);
    }
  }

  #start(): Promise<void> {
    this.#nextFlush = null;
    this.#flush = this.#store().finally(() => {
      this.#flush = null;
    });
    return this.#flush;
  }

  async #store(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#collect();
    this.#sealBatches();
    if (this.#sent.size === 0) return;
    const { settled, failure } = await this.#options.store.addUsage(this.#source, [...this.#sent.values()]);
    for (const keyId of settled) {
      this.#counters -= this.#sent.get(keyId)?.counts.size ?? 0;
      this.#sent.delete(keyId);
    }
    if (failure === null) {
      this.#isFailing = false;
      this.#dropped = 0;
    } else if (!this.#isFailing) {
      this.#isFailing = true;
      this.#options.report(failure);
    }
    if (this.#counters > 0) this.#schedule();
  }

  /** Seals the waiting counts as batches, except those of keys with a batch that is not acknowledged. */
  #sealBatches(): void {
    this.#number += 1;
    for (const [keyId, { counts, lastUsedAt }] of this.#waiting) {
      if (this.#sent.has(keyId)) continue;
      this.#waiting.delete(keyId);
      const minute = Math.floor(lastUsedAt / LAST_USED_STEP) * LAST_USED_STEP;
      this.#sent.set(keyId, { keyId, number: this.#number, counts, lastUsedAt: minute });
    }
  }

  #drop(count: number): void {
    if (this.#dropped === 0) {
      const why = this.#isClosed ? 'the store was unreachable during close()' : 'too many counts wait for the store';
      this.#options.report(
        new KeyscopeError('store_unavailable', `Usage counts are being lost, ${count} of them now: ${why}.`),
      );
    }
    this.#dropped += count;
  }
}

function open(entry: HasCounters): KeyCounters {
  entry.counters = new KeyCounters(entry.record.id);
  return entry.counters;
}

/** Stored field names of a day's counts. Created once a day, so that a million counts share the strings. */
function fieldsOf(day: string): readonly (readonly [UsageOutcome, string])[] {
  return USAGE_OUTCOMES.map((outcome) => [outcome, usageField(day, outcome)] as const);
}

function sumOf(pending: ReadonlyMap<string, { readonly counts: ReadonlyMap<string, number> }>): number {
  let sum = 0;
  for (const { counts } of pending.values()) for (const count of counts.values()) sum += count;
  return sum;
}
