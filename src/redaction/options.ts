import { z } from 'zod';
import { KeyscopeError } from '../errors';
import type { ParameterSource } from '../http/route-parameter';
import { parseInput, rejectRequest } from '../validate-input';
import { compileFields, type Fields } from './path-matcher';
import { parsePath, type Step } from './path-parser';
import { MACHINE_DEPTH } from './stream/wasm/machine';

const FORMATS = ['json', 'ndjson', 'json-seq', 'sse', 'jsonp'] as const;

/** How JSON is arranged in a body. */
export type BodyFormat = (typeof FORMATS)[number];

/** How far a body may go before it counts as one that cannot be redacted. */
export interface Limits {
  /** Objects and arrays open inside one another, at most 61,439. Default 1024. */
  readonly depth: number;
  /**
   * Bytes of one member name, with the white space around it, in objects on a path. Default 65,536. Other names may have
   * any length.
   */
  readonly keyBytes: number;
  /**
   * Bytes of one conversation held back until its project is known, if a body sent as bytes mixes projects and a transcript or
   * metric comes before the member that names the project. Default 1,048,576 (1 MiB).
   */
  readonly heldBytes: number;
}

/** Options of `redactResponse`. */
export interface RedactOptions {
  /**
   * Where conversation objects are in a body: paths such as `conversations[*]`, or `$` for the body itself. An array at
   * such a place stands for its elements. Default `['$', 'conversations[*]']`.
   */
  readonly conversations?: string | readonly string[];
  /** The members of a conversation that are its transcript, as paths inside it. Default `['turns']`. */
  readonly transcript?: string | readonly string[];
  /** The members of a conversation that hold its metrics by name, as paths inside it. Default `['metrics']`. */
  readonly metrics?: string | readonly string[];
  /**
   * Top-level members of a conversation that repeat a metric, by the metric's name:
   * `{ HANDOFF_REASON: 'handoff_reason' }`. Each is sent only if its metric is. Default none.
   */
  readonly metricAliases?: Readonly<Record<string, string | readonly string[]>>;
  /**
   * The project of a body: a route parameter by its name, `{ query }`, or a function of the request. If one body mixes
   * projects, `{ member }`: the top-level member of a conversation that names its project. Default: the agent that the route
   * declared to `requireApiKey`, and if there is none, the member `project_id`.
   */
  readonly project?: ParameterSource | { readonly member: string };
  /** Media types that pass through unread, because they never contain redacted fields: `['audio/wav']`, `['image/*']`. Default none. */
  readonly passthrough?: readonly string[];
  /**
   * Formats of bodies whose media type does not say it: `{ 'application/octet-stream': 'ndjson' }` for a `.jsonl` file. Default none.
   */
  readonly formats?: Readonly<Record<string, BodyFormat>>;
  /**
   * Names of server-sent events whose data is text that never holds a transcript or metrics: `['endpoint', 'ping']`. `message` stands
   * for events without a name. Their data passes through unparsed. Default none.
   */
  readonly textEvents?: readonly string[];
  /**
   * Set it if the caller chooses member names (GraphQL aliases, PostgREST's `select`, JSON Patch), so that names say nothing about
   * what a member holds. The route then responds 403 `feature_not_enabled` unless the project has everything enabled. Default false.
   */
  readonly callerChoosesNames?: boolean;
  /** See {@link Limits}. */
  readonly limits?: Partial<Limits>;
  /**
   * `'report'`: send every response unchanged, and emit what would have been removed or rejected as `reported`. The first
   * 1,048,576 bytes (1 MiB) of each body are looked at, after its end. Default `'enforce'`.
   */
  readonly mode?: 'enforce' | 'report';
}

/** The options as the request path reads them. */
export interface ResolvedRedactOptions {
  readonly fields: Fields;
  /** As given; `undefined`: not given. */
  readonly project: RedactOptions['project'];
  /** Lower case, `type/subtype` or `type/*`. */
  readonly passthrough: readonly string[];
  readonly formats: ReadonlyMap<string, BodyFormat>;
  readonly textEvents: ReadonlySet<string>;
  readonly callerChoosesNames: boolean;
  readonly asciiNames: boolean;
  readonly limits: Limits;
  readonly mode: 'enforce' | 'report';
}

const DEFAULT_LIMITS: Limits = { depth: 1024, keyBytes: 65_536, heldBytes: 1_048_576 };
const DEFAULT_PROJECT_MEMBER = 'project_id';
/** RFC 6838 section 4.2 names, with `*` for any subtype; no parameters. */
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]*\/(?:\*|[a-z0-9][a-z0-9!#$&^_.+-]*)$/;
const EMPTY_MESSAGE = 'Expected at least one entry; an empty array would redact nothing. Leave it out for the default.';
const PROJECT_MESSAGE =
  "Expected a route parameter's name, { query: '…' }, { member: '…' } or a function of the request.";
const TYPE_MESSAGE = 'Expected a media type such as audio/wav or image/*.';

/** One string or several. */
function strings(what: string) {
  const message = `Expected ${what} or an array of them.`;
  const list = z.array(z.string(`Expected ${what}.`), message).min(1, EMPTY_MESSAGE);
  return z.preprocess((value) => (typeof value === 'string' ? [value] : value), list);
}

const mediaType = z.string(TYPE_MESSAGE).toLowerCase().regex(MEDIA_TYPE, TYPE_MESSAGE);
function limit(name: keyof Limits, most = Number.MAX_SAFE_INTEGER) {
  const message = `Expected a whole number from 1 to ${most}.`;
  return z.int(message).min(1, message).max(most, message).default(DEFAULT_LIMITS[name]);
}

const memberName = z.string(PROJECT_MESSAGE).min(1, PROJECT_MESSAGE);

const schema = z.strictObject({
  conversations: strings('a path').default(['$', 'conversations[*]']),
  transcript: strings('a path').default(['turns']),
  metrics: strings('a path').default(['metrics']),
  metricAliases: z.record(z.string(), strings("a member's name")).default({}),
  project: z
    .custom<RedactOptions['project']>()
    .pipe(
      z.union(
        [
          memberName,
          z.custom<ParameterSource>((value) => typeof value === 'function'),
          z.strictObject({ query: memberName }),
          z.strictObject({ member: memberName }),
        ],
        PROJECT_MESSAGE,
      ),
    )
    .optional(),
  passthrough: z.array(mediaType).default([]),
  formats: z.record(mediaType, z.enum(FORMATS)).default({}),
  textEvents: z.array(z.string().min(1)).default([]),
  callerChoosesNames: z.boolean().default(false),
  limits: z
    .strictObject({ depth: limit('depth', MACHINE_DEPTH), keyBytes: limit('keyBytes'), heldBytes: limit('heldBytes') })
    .prefault({}),
  mode: z.enum(['enforce', 'report'], "Expected 'enforce' or 'report'.").default('enforce'),
});

function fail(what: string): never {
  throw new KeyscopeError('invalid_options', `redactResponse: ${what}`);
}

function pathsOf(texts: readonly string[], option: string): readonly (readonly Step[])[] {
  return texts.map((text, i) => parsePath(text, `${option}[${i}]`));
}

function fieldPathsOf(texts: readonly string[], option: string): readonly (readonly Step[])[] {
  const paths = pathsOf(texts, option);
  for (const [i, path] of paths.entries()) {
    if (!texts[i]!.startsWith('$') && typeof path[0] === 'string') continue;
    const text = JSON.stringify(texts[i]);
    fail(`${option}[${i}] is ${text}, but it starts inside a conversation and must begin with a member's name.`);
  }
  return paths;
}

function aliasesOf(
  aliases: Readonly<Record<string, readonly string[]>>,
): readonly { metric: string; member: string }[] {
  return Object.entries(aliases).flatMap(([metric, members]) => {
    const option = `metricAliases[${JSON.stringify(metric)}]`;
    return pathsOf(members, option).map((path, i) => {
      const [member] = path;
      if (path.length === 1 && typeof member === 'string') return { metric, member };
      const text = JSON.stringify(members[i]);
      return fail(`${option}[${i}] is ${text}, but must be the name of a top-level member of a conversation.`);
    });
  });
}

function rejectContradictions(groups: readonly (readonly [what: string, path: readonly Step[]])[]): void {
  const matched = new Map<string, string>();
  for (const [what, path] of groups) {
    // Without the arrays on the way: `a[*].b` and `a.b` meet in the same members.
    const members = path.filter((step) => step !== null);
    const key = JSON.stringify(members);
    const other = matched.get(key);
    if (other !== undefined && other !== what) {
      fail(`the member "${members.join('.')}" is claimed by both ${other} and ${what}; it can be only one of them.`);
    }
    matched.set(key, what);
  }
}

/**
 * Checks the options and compiles the paths.
 *
 * @throws KeyscopeError `invalid_options`, with everything that is wrong in `issues`
 */
export function resolveRedactOptions(given: RedactOptions = {}): ResolvedRedactOptions {
  rejectRequest(given, 'redactResponse');
  const options = parseInput(schema, given, 'redactResponse', 'invalid_options');
  const { project, passthrough, callerChoosesNames } = options;
  const conversations = pathsOf(options.conversations, 'conversations');
  const transcript = fieldPathsOf(options.transcript, 'transcript');
  const metrics = fieldPathsOf(options.metrics, 'metrics');
  const aliases = aliasesOf(options.metricAliases);
  rejectContradictions([
    ...transcript.map((path) => ['transcript', path] as const),
    ...metrics.map((path) => ['metrics', path] as const),
    ...aliases.map(({ metric, member }) => [`the alias of ${metric}`, [member]] as const),
  ]);
  const projectMember = typeof project === 'object' && 'member' in project ? project.member : DEFAULT_PROJECT_MEMBER;
  for (const path of [...transcript, ...metrics, ...aliases.map(({ member }) => [member])]) {
    if (path[0] === projectMember) fail(`the member "${projectMember}" names the project, so it cannot be redacted.`);
  }
  const fields = compileFields({ conversations, transcript, metrics, aliases, projectMember });
  return {
    fields,
    project,
    passthrough,
    callerChoosesNames,
    asciiNames: fields.asciiNames,
    formats: new Map(Object.entries(options.formats)),
    textEvents: new Set(options.textEvents),
    limits: options.limits,
    mode: options.mode,
  };
}
