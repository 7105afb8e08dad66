import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock';
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

const DAY = 86_400_000;
/** Tallies that are collected at the latest when there are so many: a stream of ever other keys. */
const MAX_DIRTY = 10_000;
/** Counters (one key, one day, one outcome each) that may wait to be stored. Some 20 MB. */
const MAX_COUNTERS = 50_000;

export interface UsageRecorderOptions {
  readonly store: UsageStore;
  readonly clock: Clock;
  /** Milliseconds from a count to when it is stored. */
  readonly interval: number;
  /** Hears once of each time in which counts could not be stored, and once where some are lost. */
  readonly report: (error: KeyscopeError) => void;
  readonly maxCounters?: number;
}

/** One key's counts on their way to the store. */
class PendingCounts {
  readonly counts = new Map<string, number>();
  lastUsedAt = 0;
}

/**
 * Counts requests in memory and stores the counts every few seconds.
 *
 * A count is in one of three places. The **counters** that a remembered key carries: there counting is an addition. From
 * there it is collected, as if nothing had been, into the key's **waiting** pending. A pending that is sent gets a number
 * and is not added to any more; it is sent again, the same under the same number, until the store says that it has it.
 * The store adds a number once. So a flush that failed half-way, or was answered too late, counts neither twice nor not
 * at all.
 */
export class UsageRecorder {
  readonly #options: UsageRecorderOptions;
  readonly #maxCounters: number;
  readonly #source = randomBytes(9).toString('base64url');
  /** Tallies that hold something. */
  #dirty: KeyCounters[] = [];
  readonly #waiting = new Map<string, PendingCounts>();
  readonly #sent = new Map<string, UsageDelta>();
  /** In `#waiting` and `#sent` together. */
  #counters = 0;
  #number = 0;
  /** What the dirty hold is of the day that began here. */
  #dayStart = Number.NaN;
  #fields = fieldsOf('');
  #timer: NodeJS.Timeout | undefined;
  #flush: Promise<void> | null = null;
  #nextFlush: Promise<void> | null = null;
  #isFailing = false;
  #dropped = 0;
  #isClosed = false;
  /** Counts have no way left to the store. */
  #isOver = false;

  constructor(options: UsageRecorderOptions) {
    this.#options = options;
    this.#maxCounters = options.maxCounters ?? MAX_COUNTERS;
  }

  /** Counts a request that came with this key and its secret. No I/O, and nothing to wait for. */
  count(entry: HasCounters, outcome: UsageOutcome, wall: number): void {
    if (this.#isOver) return;
    const counters = entry.counters ?? open(entry);
    // Written so that it holds, too, before the first day is known.
    if (!(wall >= this.#dayStart && wall < this.#dayStart + DAY)) this.#beginDay(wall);
    counters[outcome] += 1;
    counters.lastUsedAt = wall;
    if (!counters.isDirty) this.#markDirty(counters);
  }

  /** Stores what has been counted up to now. Never rejects: what could not be stored is tried again. */
  flush(): Promise<void> {
    if (this.#flush === null) return this.#start();
    // Who asks while one is under way wants what has been counted since, too.
    this.#nextFlush ??= this.#flush.then(() => this.#start());
    return this.#nextFlush;
  }

  /** Whether there is anything that has not been stored. */
  get isIdle(): boolean {
    return this.#flush === null && this.#dirty.length === 0 && this.#counters === 0;
  }

  /** Stores what there is, and afterwards counts nothing more. Tells of what could not be stored: it is lost. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.isIdle) await this.flush();
    // What was counted meanwhile, for requests that were still under way.
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

  /** Empties the dirty into the pending. */
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

  /** Makes pending ready to be sent, bar those of keys of which one is still under way. */
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
      const why = this.#isClosed ? 'the store could not be reached when it was closed' : 'too many wait for the store';
      this.#options.report(
        new KeyscopeError(
          'store_unavailable',
          `Counts of how often keys were used are being lost, ${count} of them now: ${why}.`,
        ),
      );
    }
    this.#dropped += count;
  }
}

function open(entry: HasCounters): KeyCounters {
  entry.counters = new KeyCounters(entry.record.id);
  return entry.counters;
}

/** What a day's counters are called. Made once a day, so that a million counts share the text. */
function fieldsOf(day: string): readonly (readonly [UsageOutcome, string])[] {
  return USAGE_OUTCOMES.map((outcome) => [outcome, usageField(day, outcome)] as const);
}

function sumOf(pending: ReadonlyMap<string, { readonly counts: ReadonlyMap<string, number> }>): number {
  let sum = 0;
  for (const { counts } of pending.values()) for (const count of counts.values()) sum += count;
  return sum;
}
