import { z } from 'zod';
import { auditText, externalId } from '../field-schemas';
import type { KeyOwner } from '../store/column-codecs';
import { KEY_STATUSES } from '../store/key-search';
import { isEnvironment } from '../token/environment';
import { metadataPairs, ownerObject } from './column-schemas';
import { DURATION_FORMS, parseDuration } from './time';

/* Filters of key lists. The forms as strings are for query parameters and the command line. */

const MIN_DURATION = 60_000;

function duration(description: string) {
  return z
    .unknown()
    .transform((value, context): number => {
      const ms = parseDuration(value);
      if (ms !== null && ms >= MIN_DURATION) return ms;
      const message = `Expected ${DURATION_FORMS}, and at least a minute.`;
      context.addIssue({ code: 'custom', message, input: value });
      return z.NEVER;
    })
    .optional()
    .meta({ type: 'string', description, examples: ['30d'] });
}

const OWNER_MESSAGE =
  "Expected { kind: 'user', id: 'u-17' }, 'user:u-17' or 'service:crm'; null or 'none' for keys without an owner.";

function ownerOf(text: string): unknown {
  if (text === 'none') return null;
  const [, kind, id] = /^(user|service):(.+)$/s.exec(text) ?? [];
  return { kind, id };
}

/** `'none'`, or kind and id with a colon between them, as an owner. */
const owner = z
  .unknown()
  .transform((given, context): KeyOwner | null => {
    const read = ownerObject.safeParse(typeof given === 'string' ? ownerOf(given) : given);
    if (read.success) return read.data;
    context.addIssue({ code: 'custom', message: OWNER_MESSAGE, input: given });
    return z.NEVER;
  })
  .optional()
  .meta({
    type: 'string',
    description: 'Keys of this owner; `none`: keys without one.',
    examples: ['user:u-17', 'service:crm'],
  });

/** Pairs as one string or several, `name=value` each, as an object. Other values are returned as they are. */
function pairsOf(given: unknown): unknown {
  const pairs = typeof given === 'string' ? [given] : given;
  if (!Array.isArray(pairs) || !pairs.every((pair) => typeof pair === 'string' && pair.includes('='))) return given;
  return Object.fromEntries(
    (pairs as string[]).map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
}

const PAIRS_MESSAGE = "Expected an object with at least one pair, such as { team: 'billing' }, or 'team=billing'.";

const metadata = z
  .preprocess(
    pairsOf,
    metadataPairs.refine((pairs) => Object.keys(pairs).length > 0, PAIRS_MESSAGE),
  )
  .optional()
  .meta({
    type: 'array',
    items: { type: 'string', pattern: '=' },
    description: 'Keys with these metadata, all of them: `name=value`, once for each name.',
    examples: [['team=billing']],
  });

const ENVIRONMENT_MESSAGE = 'Expected the name of an environment, or null for keys without one.';

/** Filters of a list of keys. */
export const filterFields = {
  status: z.enum(KEY_STATUSES).optional().meta({
    description:
      '`active`: neither disabled nor expired. `disabled`: disabled and not expired. `expired`: also by a rotation. `rotated`: replaced by another key.',
  }),
  expiringWithin: duration('Keys that expire within this time, and have not yet.'),
  unusedFor: duration(
    'Keys that were neither used nor created in this time. Processes store the last use every few seconds.',
  ),
  permission: z.string().min(1).max(200).optional().meta({ description: 'Keys with this permission.' }),
  agent: externalId
    .optional()
    .meta({ description: 'Keys that name this agent. `all`: keys for all agents, which no other value includes.' }),
  owner,
  environment: z
    .string(ENVIRONMENT_MESSAGE)
    .refine(isEnvironment, ENVIRONMENT_MESSAGE)
    .nullable()
    .optional()
    .meta({ type: 'string', description: 'Keys of this environment.' }),
  metadata,
  createdBy: auditText.meta({ type: 'string', description: 'Keys that this person or program has created.' }),
};

export const FILTER_NAMES = Object.keys(filterFields) as (keyof typeof filterFields)[];
