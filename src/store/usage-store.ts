import { DAY } from '../clock';
import { KEY_DENIAL_CODES, type KeyscopeError } from '../errors';

/** Outcomes of requests with the id and secret of a key: allowed, or the code of the denial. */
export const USAGE_OUTCOMES = ['allowed', ...KEY_DENIAL_CODES] as const;
export type UsageOutcome = (typeof USAGE_OUTCOMES)[number];

/** Number of days, including today, for which counts are kept. */
export const USAGE_DAYS = 90;
/** Precision of the time of a key's last use, in milliseconds. */
export const LAST_USED_STEP = 60_000;

/** The day in UTC, `YYYY-MM-DD`. */
export function dayOf(wall: number): string {
  return new Date(wall).toISOString().slice(0, 10);
}

/** The `count` days that end with the day of `wall`, oldest first. */
export function lastDays(count: number, wall: number): string[] {
  return Array.from({ length: count }, (_, index) => dayOf(wall - (count - 1 - index) * DAY));
}

/** Name of a stored counter, such as `2030-01-31:allowed`. Names sort by day. */
export function usageField(day: string, outcome: string): string {
  return `${day}:${outcome}`;
}

const DAY_LENGTH = 'YYYY-MM-DD'.length;

/** Day and outcome in a counter's name. No regular expression: a page of keys has ten thousand counters. */
export function readUsageField(field: string): { day: string; outcome: string } {
  return { day: field.slice(0, DAY_LENGTH), outcome: field.slice(DAY_LENGTH + 1) };
}

/** True if a stored field is a counter. Other fields are stored next to the counters. */
export function isUsageField(field: string): boolean {
  return field.charAt(DAY_LENGTH) === ':' && field.charAt(0) >= '0' && field.charAt(0) <= '9';
}

/**
 * Counts by one process for one key, to be added to the stored counts. A delta is resent with the same number and
 * counts until it is settled. It is added once, however often it arrives.
 */
export interface UsageDelta {
  readonly keyId: string;
  /** At least 1. Grows with each delta of one process for one key. */
  readonly number: number;
  /** By `usageField`. */
  readonly counts: ReadonlyMap<string, number>;
  /** Milliseconds since the epoch, a multiple of `LAST_USED_STEP`. */
  readonly lastUsedAt: number;
}

/** Result of adding deltas. */
export interface UsageReceipt {
  /** Keys with a delta that need not be resent: it has been added, now or before, or the key no longer exists. */
  readonly settled: ReadonlySet<string>;
  /** Error because of which other keys are not settled; null if all are. */
  readonly failure: KeyscopeError | null;
}

/** Stored usage of one key, by all processes. */
export interface UsageRecord {
  readonly lastUsedAt: number | null;
  /** By `usageField`. */
  readonly counts: ReadonlyMap<string, number>;
}

/** Store of usage counts. They are separate from the keys: the use of a key does not invalidate its cache entry. */
export interface UsageStore {
  /**
   * Adds the counts of a process, each key's delta in one atomic step. Removes days before the last `USAGE_DAYS`. Never
   * rejects: a delta must be resent if it was not added, or if it is unknown whether it was.
   *
   * @param source Unique name of the process.
   */
  addUsage(source: string, deltas: readonly UsageDelta[]): Promise<UsageReceipt>;
  /**
   * Stored usage of these keys, from a day on. If a key was never used or does not exist, it is not in the result.
   */
  readUsage(ids: readonly string[], since: string): Promise<ReadonlyMap<string, UsageRecord>>;
}
