import { types } from 'node:util';

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const DURATION = /^(\d{1,16})(ms|s|m|h|d|w)$/;

/** How durations are written, for messages. */
export const DURATION_FORMS = "a text such as '90d', '12h', '30m', '45s' or '2w', or whole milliseconds";

/**
 * A duration in milliseconds: a whole number of them, or text of a whole number and a unit. A day is 24 hours. Null for
 * everything else, negative ones among them.
 */
export function parseDuration(value: unknown): number | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : null;
  const [, count, unit] = (typeof value === 'string' && DURATION.exec(value)) || [];
  if (count === undefined) return null;
  const ms = Number(count) * UNITS[unit as keyof typeof UNITS];
  return Number.isSafeInteger(ms) ? ms : null;
}

/** The last moment that has a four-digit year, 9999-12-31T23:59:59.999Z: what ISO 8601 text can say without extensions. */
export const LAST_TIME = 253_402_300_799_999;

/** How times are written, for messages. */
export const TIME_FORMS =
  "a Date, milliseconds since the epoch, or ISO 8601 text such as '2031-05-01' or '2031-05-01T12:00:00Z'";

/** A date alone is its first moment in UTC. A time needs its zone: without one it would mean something else on each machine. */
const ISO = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/;

/** Whether a calendar has this day: `Date.parse` takes 31 February for 3 March. */
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

/** A point in time in milliseconds since the epoch, or null where the value is none that can be told without guessing. */
export function parseTime(value: unknown): number | null {
  const ms = toMs(value);
  return Number.isSafeInteger(ms) && ms >= 0 && ms <= LAST_TIME ? ms : null;
}
