import { z } from 'zod';
import { LAST_TIME } from '../clock';
import { DURATION_FORMS, parseDuration, parseTime, TIME_FORMS } from './time';

const PAST_MESSAGE = 'It must be in the future.';
const BEYOND_MESSAGE = 'Its year is beyond 9999.';

/** JSON Schema of a time or a duration. */
const STRING_OR_MS = { anyOf: [{ type: 'string' }, { type: 'integer', minimum: 0 }] } as const;

/**
 * Numbers below this are probably seconds or days. A string such as '30s' says its unit, so that shorter durations are
 * still possible.
 */
const MIN_DURATION_NUMBER = 60_000;

/** Whether a number of milliseconds is suspiciously small. */
function lacksUnit(value: unknown): boolean {
  return typeof value === 'number' && value > 0 && value < MIN_DURATION_NUMBER;
}

function unitMessage(value: unknown): string {
  return `${value} means ${value} milliseconds. For a duration below a minute, use a string such as '30s'.`;
}

const NEVER_MESSAGE = 'Every key expires. For keys that never do, pass `keysWithoutExpiry: true` to createApiKeys.';

interface ExpiryField {
  readonly sentence: string;
  /** The value for a key that never expires, and what it is read as. */
  readonly never: unknown;
  readonly ends: number;
  readonly parse: (value: unknown) => number | null;
  /** Milliseconds since the epoch to which the parsed value is added. */
  readonly begin: () => number;
}

/**
 * `expiresAt` as a time, `expiresIn` as a duration. Both must be in the future, which begins at the time of the call. Of a
 * key that never expires they are `LAST_TIME` and infinite. No other input gives `LAST_TIME`.
 */
export function expiryFields(now: () => number, allowsNever: boolean) {
  function field({ sentence, never, ends, parse, begin }: ExpiryField) {
    return z
      .unknown()
      .transform((value, context): number | undefined => {
        if (value === undefined) return undefined;
        if (value === never && allowsNever) return ends;
        if (value === never) {
          context.addIssue({ code: 'custom', message: NEVER_MESSAGE, input: value });
          return z.NEVER;
        }
        const parsed = parse(value);
        const end = parsed === null ? Number.NaN : begin() + parsed;
        const small = parse === parseDuration && lacksUnit(value);
        if (!small && end > now() && end <= LAST_TIME) return Math.min(parsed as number, LAST_TIME - 1);
        const unit = small ? ` ${unitMessage(value)}` : '';
        const reason = end > LAST_TIME ? ` ${BEYOND_MESSAGE}` : Number.isNaN(end) || small ? unit : ` ${PAST_MESSAGE}`;
        context.addIssue({ code: 'custom', message: `${sentence}${reason}`, input: value });
        return z.NEVER;
      })
      .optional();
  }
  return {
    expiresAt: field({
      sentence: `Expected ${TIME_FORMS}${allowsNever ? ', or null for a key that never expires.' : '. Every key expires.'}`,
      never: null,
      ends: LAST_TIME,
      parse: parseTime,
      begin: () => 0,
    }).meta({
      anyOf: [...STRING_OR_MS.anyOf, ...(allowsNever ? [{ type: 'null' as const }] : [])],
      description: `When the key expires: a time in the future${allowsNever ? ', or null for never' : ''}.`,
      examples: ['2031-05-01', '2031-05-01T12:00:00Z'],
    }),
    expiresIn: field({
      sentence: `Expected ${DURATION_FORMS}. A year is '365d'; ${allowsNever ? "'never' is no expiry" : 'every key expires'}.`,
      never: 'never',
      ends: Number.POSITIVE_INFINITY,
      parse: parseDuration,
      begin: now,
    }).meta({
      ...STRING_OR_MS,
      description: `Alternative to \`expiresAt\`: the lifetime of the key from now${allowsNever ? ', or `never`' : ''}.`,
      examples: ['90d', 86_400_000],
    }),
  };
}

export const overlap = z
  .unknown()
  .transform((value, context) => {
    const duration = parseDuration(value);
    if (duration !== null) return duration;
    const message = `Expected ${DURATION_FORMS}: how long the old key is still accepted. 0 revokes it at once.`;
    context.addIssue({ code: 'custom', message, input: value });
    return z.NEVER;
  })
  .meta({
    ...STRING_OR_MS,
    description: 'How long the old key continues to work. 0 revokes it at once.',
    examples: ['24h', 0],
  });
