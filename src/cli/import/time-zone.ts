import { DAY } from '../../clock';

/** Converts a local time to an instant. `local` is the local time as if it were UTC, in milliseconds. */
export type ToInstant = (local: number) => number;

const OFFSET = /^([+-])(0\d|1[0-4]):?([0-5]\d)$/;

function offsetOf(format: Intl.DateTimeFormat, instant: number): number {
  const parts = Object.fromEntries(format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instant / 1000) * 1000;
}

/**
 * The conversion for a time zone: `UTC`, an offset such as `+02:00`, or an IANA name such as `Europe/Berlin`. Null if the
 * zone is unknown.
 *
 * A local time that occurs twice, or never because clocks go forward, becomes the earlier instant: a key must not live
 * longer than it did.
 */
export function createToInstant(zone: string): ToInstant | null {
  const [, sign, hours, minutes] = OFFSET.exec(zone) ?? [];
  if (sign !== undefined) {
    const offset = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -60_000 : 60_000);
    return (local) => local - offset;
  }
  if (!/^[A-Z][A-Za-z_]*(?:\/[A-Za-z_+-]+\d*)*$/.test(zone)) return null;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'iso8601',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch {
    return null;
  }
  return (local) => {
    const offsets = [offsetOf(format, local - DAY), offsetOf(format, local + DAY)];
    return Math.min(...offsets.map((offset) => local - offset));
  };
}
