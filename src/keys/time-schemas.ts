import { z } from 'zod';
import { DURATION_FORMS, LAST_TIME, parseDuration, parseTime, TIME_FORMS } from './time';

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

/** `expiresAt` as a time, `expiresIn` as a duration. Both must be in the future, which begins at the time of the call. */
export function expiryFields(now: () => number) {
  function field(sentence: string, parse: (value: unknown) => number | null, begin: () => number) {
    return z
      .unknown()
      .transform((value, context): number | undefined => {
        if (value === undefined) return undefined;
        const parsed = parse(value);
        const end = parsed === null ? Number.NaN : begin() + parsed;
        const small = parse === parseDuration && lacksUnit(value);
        if (!small && end > now() && end <= LAST_TIME) return parsed as number;
        const unit = small ? ` ${unitMessage(value)}` : '';
        const reason = end > LAST_TIME ? ` ${BEYOND_MESSAGE}` : Number.isNaN(end) || small ? unit : ` ${PAST_MESSAGE}`;
        context.addIssue({ code: 'custom', message: `${sentence}${reason}`, input: value });
        return z.NEVER;
      })
      .optional();
  }
  return {
    expiresAt: field(`Expected ${TIME_FORMS}. Every key expires.`, parseTime, () => 0).meta({
      ...STRING_OR_MS,
      description: 'When the key expires: a time in the future.',
      examples: ['2031-05-01', '2031-05-01T12:00:00Z'],
    }),
    expiresIn: field(`Expected ${DURATION_FORMS}. A year is '365d'; every key expires.`, parseDuration, now).meta({
      ...STRING_OR_MS,
      description: 'Alternative to `expiresAt`: the lifetime of the key from now.',
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
