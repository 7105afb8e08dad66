import { z } from 'zod';
import type { RateLimit } from '../store/limit-store';
import { parseDuration } from './time';
import type { RateLimitInput } from './types';

const MAX_LIMITS = 4;
const MAX_LIMIT = 1_000_000_000;
const SECOND = 1000;
const MAX_WINDOW = 366 * 86_400 * SECOND;

const LIMITS_MESSAGE = `Expected an array of at most ${MAX_LIMITS} limits such as { limit: 1000, window: '1m' }.`;
const LIMIT_MESSAGE = `Expected a whole number of requests from 1 to ${MAX_LIMIT}.`;
const WINDOW_MESSAGE =
  "Expected whole seconds, from '1s' to '366d': a string such as '30s', '1m', '12h' or '30d', or milliseconds.";

const windowLength = z
  .unknown()
  .transform((value, context) => {
    const ms = parseDuration(value);
    if (ms !== null && ms >= SECOND && ms <= MAX_WINDOW && ms % SECOND === 0) return ms;
    context.addIssue({ code: 'custom', message: WINDOW_MESSAGE, input: value });
    return z.NEVER;
  })
  .meta({
    anyOf: [{ type: 'string' }, { type: 'integer', minimum: SECOND, maximum: MAX_WINDOW, multipleOf: SECOND }],
    description: 'Length of the window. Windows begin at multiples of it since 1970, in UTC.',
    examples: ['1m', '1d', 60_000],
  });

/** Schema of one rate limit. */
export const rateLimit = z.strictObject({
  limit: z.int(LIMIT_MESSAGE).min(1, LIMIT_MESSAGE).max(MAX_LIMIT, LIMIT_MESSAGE),
  window: windowLength,
});

/** Schema of rate limits. Their windows differ, because a limit is counted by its window. */
export const rateLimits = z
  .array(rateLimit, LIMITS_MESSAGE)
  .max(MAX_LIMITS, LIMITS_MESSAGE)
  .superRefine((limits, context) => {
    limits.forEach(({ window }: RateLimit, index) => {
      if (limits.findIndex((other) => other.window === window) === index) return;
      const message = 'Expected another window than that of a limit before.';
      context.addIssue({ code: 'custom', message, path: [index, 'window'], input: window });
    });
  });

/** Schema of the rate limits of a key. */
export const keyRateLimits = rateLimits.nullable().meta({
  description: 'Limits of the requests of the key. Null: the defaults of the app. An empty array: none.',
});

/** The option `rateLimit`. */
export interface RateLimitOptions {
  /** Limits of each key without limits of its own. */
  readonly default?: readonly RateLimitInput[];
  /** Limits of each project, over all keys, on routes that declare an `agent`. */
  readonly project?: readonly RateLimitInput[];
  /** Whether requests are denied (503) or allowed, and not counted, if the store cannot be asked. Default `'deny'`. */
  readonly onStoreFailure?: 'deny' | 'allow';
}

export const rateLimitOptions = z.strictObject({
  default: rateLimits.default([]),
  project: rateLimits.default([]),
  onStoreFailure: z.enum(['deny', 'allow']).default('deny'),
});

/** The permissions that have limits, with them. */
export function limitsOfPermissions(
  permissions: Readonly<Record<string, { readonly rateLimit?: readonly RateLimit[] | undefined }>>,
): ReadonlyMap<string, readonly RateLimit[]> {
  return new Map(
    Object.entries(permissions).flatMap(([name, { rateLimit = [] }]) =>
      rateLimit.length === 0 ? [] : [[name, rateLimit]],
    ),
  );
}
