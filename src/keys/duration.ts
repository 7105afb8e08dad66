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
