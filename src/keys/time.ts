import { types } from 'node:util';
import { LAST_TIME } from '../clock';

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const DURATION = /^(\d{1,16})(ms|s|m|h|d|w)$/;

/** Forms of durations, for messages. */
export const DURATION_FORMS = "a string such as '90d', '12h', '30m', '45s' or '2w', or whole milliseconds";

/**
 * Parses a duration: whole milliseconds, or a string of a whole number and a unit. A day is 24 hours. Null for everything
 * else, for example negative numbers.
 */
export function parseDuration(value: unknown): number | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : null;
  const [, count, unit] = (typeof value === 'string' && DURATION.exec(value)) || [];
  if (count === undefined) return null;
  const ms = Number(count) * UNITS[unit as keyof typeof UNITS];
  return Number.isSafeInteger(ms) ? ms : null;
}

/** Forms of times, for messages. */
export const TIME_FORMS =
  "a Date, milliseconds since the epoch, or an ISO 8601 string such as '2031-05-01' or '2031-05-01T12:00:00Z'";

/** A date alone begins in UTC. A time needs a zone, because its meaning would otherwise depend on the machine. */
const ISO = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/;

/** Whether the day exists. `Date.parse` accepts 31 February as 3 March. */
function isDay(day: string): boolean {
  const ms = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day);
}

function toMs(value: unknown): number {
  if (typeof value === 'number') return value;
  if (types.isDate(value)) return value.getTime();
  const day = typeof value === 'string' ? ISO.exec(value)?.[1] : undefined;
  return day !== undefined && isDay(day) ? Date.parse(value as string) : Number.NaN;
}

/** Parses a point in time into milliseconds since the epoch. Null if the value is none, or ambiguous. */
export function parseTime(value: unknown): number | null {
  const ms = toMs(value);
  return Number.isSafeInteger(ms) && ms >= 0 && ms <= LAST_TIME ? ms : null;
}

/** Expiry of a key that is created now, with a default lifetime in milliseconds. An infinite one: never. */
export function newExpiry(now: number, lifetime: number, given: { expiresAt?: number; expiresIn?: number }): number {
  const { expiresAt, expiresIn = lifetime } = given;
  return expiresAt ?? (expiresIn === Number.POSITIVE_INFINITY ? LAST_TIME : Math.min(now + expiresIn, LAST_TIME - 1));
}

/** Milliseconds; infinite if the key never expires. */
export function lifetimeOf({
  createdAt,
  expiresAt,
}: {
  readonly createdAt: number;
  readonly expiresAt: number;
}): number {
  return expiresAt === LAST_TIME ? Number.POSITIVE_INFINITY : expiresAt - createdAt;
}
