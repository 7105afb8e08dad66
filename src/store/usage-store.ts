import { KEY_DENIAL_CODES, type KeyscopeError } from '../errors';

/** Outcomes of requests that came with a key and its secret: allowed, or the code of the denial. */
export const USAGE_OUTCOMES = ['allowed', ...KEY_DENIAL_CODES] as const;
export type UsageOutcome = (typeof USAGE_OUTCOMES)[number];

/** For so many days, today among them, counts are kept. */
export const USAGE_DAYS = 90;
/** How exactly it is known when a key was used last, in milliseconds. */
export const LAST_USED_STEP = 60_000;

const DAY = 86_400_000;

/** The day in UTC, `YYYY-MM-DD`. */
export function dayOf(wall: number): string {
  return new Date(wall).toISOString().slice(0, 10);
}

/** The last `count` days, oldest first, the one of `wall` last. */
export function lastDays(count: number, wall: number): string[] {
  return Array.from({ length: count }, (_, index) => dayOf(wall - (count - 1 - index) * DAY));
}

/** What a counter is called where counts are kept: `2030-01-31:allowed`. Sorts by day. */
export function usageField(day: string, outcome: string): string {
  return `${day}:${outcome}`;
}

const DAY_LENGTH = 'YYYY-MM-DD'.length;

/** The day and the outcome that a counter's name was made of. No pattern: a page of keys has ten thousand counters. */
export function readUsageField(field: string): { day: string; outcome: string } {
  return { day: field.slice(0, DAY_LENGTH), outcome: field.slice(DAY_LENGTH + 1) };
}

/** Whether something that stands beside counters is one. */
export function isUsageField(field: string): boolean {
  return field.charAt(DAY_LENGTH) === ':' && field.charAt(0) >= '0' && field.charAt(0) <= '9';
}

/**
 * What one process has counted of one key, to be added to what is stored. Sent again with the same number and the same
 * counts until it is settled, and added once, however often it arrives.
 */
export interface UsageDelta {
  readonly keyId: string;
  /** Of one process' deltas for one key, each later one has a higher number. At least 1. */
  readonly number: number;
  /** By `usageField`. */
  readonly counts: ReadonlyMap<string, number>;
  /** Milliseconds since the epoch, a multiple of `LAST_USED_STEP`. */
  readonly lastUsedAt: number;
}

/** What has become of deltas. */
export interface UsageReceipt {
  /** The keys whose delta need not be sent again: it has been added, now or before, or there is no such key any more. */
  readonly settled: ReadonlySet<string>;
  /** Why others are not settled; null where all are. */
  readonly failure: KeyscopeError | null;
}

/** What is stored of one key's use, by all processes. */
export interface UsageRecord {
  readonly lastUsedAt: number | null;
  /** By `usageField`. */
  readonly counts: ReadonlyMap<string, number>;
}

/** Where counts are kept, beside the keys: nothing that is remembered of a key is forgotten because it is used. */
export interface UsageStore {
  /**
   * Adds what a process has counted, each key's delta in one atomic step, and lets go of days before the last
   * `USAGE_DAYS`. Never rejects: what could not be added, or may or may not have been, is to be sent again.
   *
   * @param source Names the process, unlike any other's name.
   */
  addUsage(source: string, deltas: readonly UsageDelta[]): Promise<UsageReceipt>;
  /**
   * What is stored of these keys' use, from a day on. A key that was never used, or does not exist, is not in the result.
   */
  readUsage(ids: readonly string[], since: string): Promise<ReadonlyMap<string, UsageRecord>>;
}
