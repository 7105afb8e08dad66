import type { Key } from '../api/types';

/** Limits as a request states them. */
export type RateLimits = readonly { readonly limit: number; readonly window: string }[] | null;

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

function windowText(window: number | string): string {
  if (typeof window === 'string') return window;
  const [unit, length] = UNITS.find(([, each]) => window % each === 0) ?? (['ms', 1] as const);
  return `${window / length}${unit}`;
}

/** `1000/1m, 50000/1d`; empty for the defaults of the app. */
export function rateLimitText(limits: Key['rateLimit'] | RateLimits | undefined): string {
  if (limits === null || limits === undefined) return '';
  return limits.length === 0 ? 'none' : limits.map(({ limit, window }) => `${limit}/${windowText(window)}`).join(', ');
}

/** The limits in a text. The server reports those that are none. */
export function parseRateLimits(text: string): RateLimits {
  const trimmed = text.trim();
  if (trimmed === '') return null;
  if (trimmed === 'none') return [];
  return trimmed.split(',').map((part) => {
    const [limit = '', window = ''] = part.split('/');
    return { limit: Number(limit.trim() || Number.NaN), window: window.trim() };
  });
}
