import { DAY } from '../clock';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'always' });

/** A time in ISO 8601, in UTC: `2031-05-01T12:00:00Z`. */
export function isoTime(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}

/** The distance of a time from now: `in 3 days`, `2 hours ago`. */
export function relativeTime(time: Date, now: number): string {
  const distance = time.getTime() - now;
  const size = Math.abs(distance);
  if (size < MINUTE) return distance < 0 ? 'just now' : 'in a moment';
  if (size < HOUR) return relative.format(Math.trunc(distance / MINUTE), 'minute');
  if (size < 2 * DAY) return relative.format(Math.trunc(distance / HOUR), 'hour');
  return relative.format(Math.round(distance / DAY), 'day');
}

/** An expiry in a text; `never` if there is none. */
export function expiryText(expiresAt: Date | null, format: (time: Date) => string): string {
  return expiresAt === null ? 'never' : format(expiresAt);
}

/** Both: `2031-05-01T12:00:00Z (in 3 days)`. */
export function fullTime(time: Date, now: number): string {
  return `${isoTime(time)} (${relativeTime(time, now)})`;
}
