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
import { type Counted, Tally } from './key-counters';

const DAY = 86_400_000;
/** Tallies that are collected at the latest when there are so many: a stream of ever other keys. */
const MAX_LISTED = 10_000;
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
class Parcel {
  readonly counts = new Map<string, number>();
  lastUsedAt = 0;
}

/**
 * Counts requests in memory and stores the counts every few seconds.
 *
 * A count is in one of three places. The **tally** that a remembered key carries: there counting is an addition. From
 * there it is collected, as if nothing had been, into the key's **waiting** parcel. A parcel that is sent gets a number
 * and is not added to any more; it is sent again, the same under the same number, until the store says that it has it.
 * The store adds a number once. So a flush that failed half-way, or was answered too late, counts neither twice nor not
 * at all.
 */
export class UsageRecorder {
  readonly #options: UsageRecorderOptions;
  readonly #maxCounters: number;
  readonly #source = randomBytes(9).toString('base64url');
  /** Tallies that hold something. */
  #listed: Tally[] = [];
  readonly #waiting = new Map<string, Parcel>();
  readonly #sent = new Map<string, UsageDelta>();
  /** In `#waiting` and `#sent` together. */
  #counters = 0;
  #number = 0;
  /** What the tallies hold is of the day that began here. */
  #dayStart = Number.NaN;
  #fields = fieldsOf('');
  #timer: NodeJS.Timeout | undefined;
  #flush: Promise<void> | null = null;
  #nextFlush: Promise<void> | null = null;
  #isFailing = false;
  #lost = 0;
  #isClosed = false;
  /** Counts have no way left to the store. */
  #isOver = false;

  constructor(options: UsageRecorderOptions) {
    this.#options = options;
    this.#maxCounters = options.maxCounters ?? MAX_COUNTERS;
  }

  /** Counts a request that came with this key and its secret. No I/O, and nothing to wait for. */
  count(entry: Counted, outcome: UsageOutcome, wall: number): void {
    if (this.#isOver) return;
    const tally = entry.tally ?? open(entry);
    // Written so that it holds, too, before the first day is known.
    if (!(wall >= this.#dayStart && wall < this.#dayStart + DAY)) this.#beginDay(wall);
    tally[outcome] += 1;
    tally.lastUsedAt = wall;
    if (!tally.isListed) this.#list(tally);
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
    return this.#flush === null && this.#listed.length === 0 && this.#counters === 0;
  }

  /** Stores what there is, and afterwards counts nothing more. Tells of what could not be stored: it is lost. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.isIdle) await this.flush();
    // What was counted meanwhile, for requests that were still under way.
    if (this.#listed.length > 0 && !this.#isFailing) await this.flush();
    this.#isOver = true;
    this.#collect();
    clearTimeout(this.#timer);
    if (this.#counters > 0) this.#lose(sumOf(this.#waiting) + sumOf(this.#sent));
  }

  #list(tally: Tally): void {
    tally.isListed = true;
    this.#listed.push(tally);
    if (this.#listed.length >= MAX_LISTED) {
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

  /** Empties the tallies into the parcels. */
  #collect(): void {
    const tallies = this.#listed;
    this.#listed = [];
    for (const tally of tallies) {
      tally.isListed = false;
      const parcel = this.#waiting.get(tally.keyId) ?? new Parcel();
      for (const [outcome, field] of this.#fields) {
        const count = tally[outcome];
        if (count === 0) continue;
        tally[outcome] = 0;
        const before = parcel.counts.get(field);
        if (before === undefined && this.#counters >= this.#maxCounters) {
          this.#lose(count);
          continue;
        }
        if (before === undefined) this.#counters += 1;
        parcel.counts.set(field, (before ?? 0) + count);
      }
      parcel.lastUsedAt = Math.max(parcel.lastUsedAt, tally.lastUsedAt);
      if (parcel.counts.size > 0) this.#waiting.set(tally.keyId, parcel);
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
    this.#pack();
    if (this.#sent.size === 0) return;
    const { settled, failure } = await this.#options.store.addUsage(this.#source, [...this.#sent.values()]);
    for (const keyId of settled) {
      this.#counters -= this.#sent.get(keyId)?.counts.size ?? 0;
      this.#sent.delete(keyId);
    }
    if (failure === null) {
      this.#isFailing = false;
      this.#lost = 0;
    } else if (!this.#isFailing) {
      this.#isFailing = true;
      this.#options.report(failure);
    }
    if (this.#counters > 0) this.#schedule();
  }

  /** Makes parcels ready to be sent, bar those of keys of which one is still under way. */
  #pack(): void {
    this.#number += 1;
    for (const [keyId, { counts, lastUsedAt }] of this.#waiting) {
      if (this.#sent.has(keyId)) continue;
      this.#waiting.delete(keyId);
      const minute = Math.floor(lastUsedAt / LAST_USED_STEP) * LAST_USED_STEP;
      this.#sent.set(keyId, { keyId, number: this.#number, counts, lastUsedAt: minute });
    }
  }

  #lose(count: number): void {
    if (this.#lost === 0) {
      const why = this.#isClosed ? 'the store could not be reached when it was closed' : 'too many wait for the store';
      this.#options.report(
        new KeyscopeError(
          'store_unavailable',
          `Counts of how often keys were used are being lost, ${count} of them now: ${why}.`,
        ),
      );
    }
    this.#lost += count;
  }
}

function open(entry: Counted): Tally {
  entry.tally = new Tally(entry.record.id);
  return entry.tally;
}

/** What a day's counters are called. Made once a day, so that a million counts share the text. */
function fieldsOf(day: string): readonly (readonly [UsageOutcome, string])[] {
  return USAGE_OUTCOMES.map((outcome) => [outcome, usageField(day, outcome)] as const);
}

function sumOf(parcels: ReadonlyMap<string, { readonly counts: ReadonlyMap<string, number> }>): number {
  let sum = 0;
  for (const { counts } of parcels.values()) for (const count of counts.values()) sum += count;
  return sum;
}
