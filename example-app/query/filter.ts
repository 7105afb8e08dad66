import { z } from 'zod';
import { ApiError } from '../api-error';
import { ENVIRONMENTS, type Environment } from '../data/model';
import { type Paged, readCursor } from './cursor';

/** A search of the transcript. Only callers that may read the transcript may search it. */
export interface Search {
  readonly type: 'transcript' | 'semantic';
  readonly text: string;
  /** The speaker whose words are searched; null for both. */
  readonly speaker: 'user' | 'agent' | null;
}

/** The parsed query of the v3 list, with its defaults. Times in milliseconds since the epoch. */
export interface Filter {
  readonly limit: number;
  readonly page:
    | { readonly by: 'offset'; readonly offset: number }
    | { readonly by: 'cursor'; readonly position: number };
  /** The first moment, included. */
  readonly from: number;
  /** The last moment, excluded, so that neighbouring windows share no conversation. */
  readonly until: number;
  readonly environment: Environment;
  /** In lower case; null for all. */
  readonly channels: ReadonlySet<string> | null;
  readonly variantId: string | null;
  readonly variantName: string | null;
  readonly inProgress: boolean | null;
  readonly includeLatency: boolean;
  readonly search: Search | null;
  /** A random choice instead of a page. */
  readonly sample: boolean;
}

const MAX_LIMIT = 1000;
const DEFAULT_LIMIT = 1000;

const integer = (low: number, high: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, `must be a whole number from ${low} to ${high}`)
    .transform(Number)
    .refine((value) => value >= low && value <= high, `must be a whole number from ${low} to ${high}`);
/** `True` and `False` are how Python's clients write booleans. */
const boolean = z
  .enum(['true', 'false', 'True', 'False'], 'must be true or false')
  .transform((value) => value.toLowerCase() === 'true');
const text = z.string('must be given once').min(1, 'must not be empty').max(1000, 'must be at most 1000 characters');

const DATE_ONLY = /^\d{4}-\d\d-\d\d$/;
const WITHOUT_ZONE = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?$/;
const time = z
  .union([z.iso.date(), z.iso.datetime({ offset: true, local: true })], {
    error: 'must be an ISO 8601 time such as 2026-08-01T09:00:00Z; write + as %2B',
  })
  // Without a zone JavaScript would take the time to be the server's own; UTC is the same everywhere.
  .transform((value) => Date.parse(!DATE_ONLY.test(value) && WITHOUT_ZONE.test(value) ? `${value}Z` : value))
  .refine((value) => !Number.isNaN(value), 'is not a time that exists');

const schema = z.object({
  start_time: time.optional(),
  end_time: time.optional(),
  limit: integer(1, MAX_LIMIT).default(DEFAULT_LIMIT),
  offset: integer(0, 999_999_999).optional(),
  cursor: text.optional(),
  client_env: z.enum(ENVIRONMENTS, `must be one of ${ENVIRONMENTS.join(', ')}`).default('live'),
  channel: z
    .union([z.string(), z.array(z.string())])
    .transform((value) => (Array.isArray(value) ? value : [value]))
    .pipe(z.array(text))
    .optional(),
  variant_id: text.optional(),
  variant_name: text.optional(),
  in_progress: boolean.optional(),
  include_latency: boolean.default(false),
  query_type: z.enum(['transcript', 'semantic'], 'must be transcript or semantic').optional(),
  query: text.optional(),
  turn_type: z.enum(['user', 'agent'], 'must be user or agent').optional(),
  sample: z.enum(['random'], 'must be random').optional(),
});
type Query = z.infer<typeof schema>;

function conflicts(query: Query): string[] {
  const found: string[] = [];
  if (query.query_type !== undefined) {
    if (query.sample !== undefined) found.push('query_type and sample exclude each other');
    for (const name of ['query', 'start_time', 'end_time'] as const) {
      if (query[name] === undefined) found.push(`query_type needs ${name}`);
    }
  } else if (query.query !== undefined) {
    found.push('query needs query_type');
  }
  if (query.turn_type !== undefined && query.query_type !== 'transcript') {
    found.push('turn_type goes with query_type=transcript only');
  }
  if (query.sample !== undefined) {
    if (query.cursor !== undefined) found.push('a random sample has no pages: leave cursor out');
    for (const name of ['start_time', 'end_time'] as const) {
      if (query[name] === undefined) found.push(`sample needs ${name}`);
    }
  }
  if (query.variant_id !== undefined && query.variant_name !== undefined) {
    found.push('variant_id and variant_name exclude each other');
  }
  if (query.start_time !== undefined && query.end_time !== undefined && query.end_time <= query.start_time) {
    found.push('end_time must be later than start_time');
  }
  return found;
}

function refuse(problems: readonly string[]): never {
  throw new ApiError(400, 'GET_CONVERSATIONS_FILTER_PARSE_ERROR', `Invalid query: ${problems.join('; ')}.`);
}

function pageOf(query: Query, paged: Paged): Filter['page'] {
  if (query.cursor === undefined) return { by: 'offset', offset: query.offset ?? 0 };
  const position = readCursor(paged, query.cursor);
  if (position === null) return refuse(['cursor is not one that this endpoint returned']);
  return { by: 'cursor', position };
}

/** @throws {ApiError} 400 `GET_CONVERSATIONS_FILTER_PARSE_ERROR`, with everything that is wrong. */
export function parseFilter(input: unknown, paged: Paged): Filter {
  const parsed = schema.safeParse(input);
  if (!parsed.success) {
    return refuse(parsed.error.issues.map((issue) => `${String(issue.path[0] ?? 'query')} ${issue.message}`));
  }
  const query = parsed.data;
  const found = conflicts(query);
  if (found.length > 0) refuse(found);
  return {
    limit: query.limit,
    page: pageOf(query, paged),
    from: query.start_time ?? Number.NEGATIVE_INFINITY,
    until: query.end_time ?? Number.POSITIVE_INFINITY,
    environment: query.client_env,
    channels: query.channel === undefined ? null : new Set(query.channel.map((channel) => channel.toLowerCase())),
    variantId: query.variant_id ?? null,
    variantName: query.variant_name ?? null,
    inProgress: query.in_progress ?? null,
    includeLatency: query.include_latency,
    search:
      query.query_type === undefined || query.query === undefined
        ? null
        : { type: query.query_type, text: query.query, speaker: query.turn_type ?? null },
    sample: query.sample !== undefined,
  };
}
