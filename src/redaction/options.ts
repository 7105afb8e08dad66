import { didYouMean, listNames } from '../did-you-mean';
import { KeyscopeError } from '../errors';
import type { ParameterSource } from '../http/route-parameter';
import { compileFields, type Fields } from './path-matcher';
import { parsePath, type Step } from './path-parser';

/** How far a body may go before it counts as one that cannot be redacted. */
export interface Limits {
  /** Objects and arrays open inside one another. Default 1024. */
  readonly depth: number;
  /**
   * Bytes of one member name, with the white space around it, where names decide. Default 65,536. Names elsewhere may have
   * any length.
   */
  readonly keyBytes: number;
  /**
   * Bytes of one conversation held back until its project is known, where a text body mixes projects and a transcript or
   * metric comes before the member that names the project. Default 1,048,576 (1 MiB).
   */
  readonly heldBytes: number;
}

/** What `redactResponse` is told. Every field may be left out. */
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
   * `{ HANDOFF_REASON: 'handoff_reason' }`. Each leaves only where its metric does. Default none.
   */
  readonly metricAliases?: Readonly<Record<string, string | readonly string[]>>;
  /**
   * Whose data a body is: a route parameter by its name, `{ query }`, or a function of the request; or, if one body mixes
   * projects, `{ member }`: the top-level member of a conversation that says so. Default: the agent the route declared
   * to `requireApiKey`, and where there is none, the member `project_id`.
   */
  readonly project?: ParameterSource | { readonly member: string };
  /** Media types that the route vouches for, and which leave unread: `['audio/wav']`, `['image/*']`. Default none. */
  readonly passthrough?: readonly string[];
  /** See {@link Limits}. */
  readonly limits?: Partial<Limits>;
}

/** The options as the request path reads them. */
export interface ResolvedRedactOptions {
  readonly fields: Fields;
  /** As given; `undefined`: not given. */
  readonly project: RedactOptions['project'];
  /** Lower case, `type/subtype` or `type/*`. */
  readonly passthrough: readonly string[];
  readonly limits: Limits;
}

const OPTIONS = [
  'conversations',
  'transcript',
  'metrics',
  'metricAliases',
  'project',
  'passthrough',
  'limits',
] as const;
const DEFAULT_LIMITS: Limits = { depth: 1024, keyBytes: 65_536, heldBytes: 1_048_576 };
const DEFAULT_PROJECT_MEMBER = 'project_id';
/** RFC 6838 section 4.2 names, with `*` for any subtype; no parameters. */
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]*\/(?:\*|[a-z0-9][a-z0-9!#$&^_.+-]*)$/;

function fail(what: string): never {
  throw new KeyscopeError('invalid_options', `redactResponse: ${what}`);
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (value === null || typeof value !== 'object') return String(value);
  return Array.isArray(value) ? 'an array' : 'an object';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What was written in an object itself, and nothing that all objects inherit. */
function own<T extends object>(given: T): T {
  return Object.assign(Object.create(null) as object, given) as T;
}

function refuseUnknown(given: object, accepted: readonly string[], of: string): void {
  for (const name of Object.keys(given)) {
    if (accepted.includes(name)) continue;
    fail(`unknown ${of} "${name}". ${didYouMean(name, accepted)}Accepted: ${listNames(accepted)}.`);
  }
}

function listOf(value: unknown, option: string, what: string): readonly string[] {
  const list: unknown = typeof value === 'string' ? [value] : value;
  if (!Array.isArray(list)) fail(`${option} must be ${what} or a list of them, received ${shown(value)}.`);
  if (list.length === 0)
    fail(`${option} is an empty list, so nothing of it would be withheld; leave it out for the default.`);
  list.forEach((item: unknown, i) => {
    if (typeof item !== 'string') fail(`${option}[${i}] must be ${what}, received ${shown(item)}.`);
  });
  return list as string[];
}

function pathsOf(value: unknown, option: string, byDefault: readonly string[]): readonly (readonly Step[])[] {
  const texts = listOf(value === undefined ? byDefault : value, option, 'a path');
  return texts.map((text, i) => parsePath(text, `${option}[${i}]`));
}

function fieldPathsOf(value: unknown, option: string, byDefault: readonly string[]): readonly (readonly Step[])[] {
  const paths = pathsOf(value, option, byDefault);
  for (const [i, path] of paths.entries()) {
    const text: unknown = typeof value === 'string' ? value : Array.isArray(value) ? value[i] : byDefault[i];
    if (String(text).startsWith('$') || typeof path[0] !== 'string') {
      fail(
        `${option}[${i}] is ${shown(text)}, but it starts inside a conversation and must begin with a member's name.`,
      );
    }
  }
  return paths;
}

function aliasesOf(value: unknown): readonly { metric: string; member: string }[] {
  if (value === undefined) return [];
  if (!isObject(value)) fail(`metricAliases must be an object of member names by metric, received ${shown(value)}.`);
  return Object.entries(value).flatMap(([metric, members]) => {
    const option = `metricAliases[${JSON.stringify(metric)}]`;
    return listOf(members, option, "a member's name").map((text, i) => {
      const path = parsePath(text, `${option}[${i}]`);
      const member = path[0];
      if (path.length !== 1 || typeof member !== 'string') {
        fail(`${option}[${i}] is ${shown(text)}, but must be the name of a top-level member of a conversation.`);
      }
      return { metric, member };
    });
  });
}

/** What a path leads to whatever the arrays on the way: `a[*].b` and `a.b` meet in the same members. */
function target(path: readonly Step[]): string {
  return JSON.stringify(path.filter((step) => step !== null));
}

function refuseContradictions(groups: readonly (readonly [what: string, path: readonly Step[]])[]): void {
  const claimed = new Map<string, string>();
  for (const [what, path] of groups) {
    const other = claimed.get(target(path));
    if (other !== undefined && other !== what) {
      const member = path.filter((step) => step !== null).join('.');
      fail(`the member "${member}" is claimed by both ${other} and ${what}; it can be only one of them.`);
    }
    claimed.set(target(path), what);
  }
}

function projectOf(value: unknown): RedactOptions['project'] {
  if (value === undefined || typeof value === 'function') return value as RedactOptions['project'];
  if (typeof value === 'string' && value !== '') return value;
  if (isObject(value)) {
    refuseUnknown(value, ['member', 'query'], 'field of project');
    const { member, query } = own(value);
    if (query === undefined && typeof member === 'string' && member !== '') return { member };
    if (member === undefined && typeof query === 'string' && query !== '') return { query };
  }
  return fail(
    `project must be the name of a route parameter, { query: "…" }, { member: "…" } or a function of the request, received ${shown(value)}.`,
  );
}

function passthroughOf(value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) fail(`passthrough must be a list of media types, received ${shown(value)}.`);
  return value.map((type: unknown, i) => {
    const lower = typeof type === 'string' ? type.toLowerCase() : '';
    if (!MEDIA_TYPE.test(lower)) {
      fail(`passthrough[${i}] must be a media type such as audio/wav or image/*, received ${shown(type)}.`);
    }
    return lower;
  });
}

function limitsOf(value: unknown): Limits {
  if (value === undefined) return DEFAULT_LIMITS;
  if (!isObject(value)) fail(`limits must be an object, received ${shown(value)}.`);
  const names = Object.keys(DEFAULT_LIMITS) as (keyof Limits)[];
  refuseUnknown(value, names, 'limit');
  const limits: Record<keyof Limits, number> = { ...DEFAULT_LIMITS };
  for (const name of names) {
    const given = own(value)[name];
    if (given === undefined) continue;
    if (typeof given !== 'number' || !Number.isSafeInteger(given) || given < 1) {
      fail(`limits.${name} must be a whole number of at least 1, received ${shown(given)}.`);
    }
    limits[name] = given;
  }
  return limits;
}

/**
 * Checks the options and compiles the paths.
 *
 * @throws KeyscopeError `invalid_options`, saying what was given and what is accepted
 */
export function resolveRedactOptions(given: RedactOptions = {}): ResolvedRedactOptions {
  if (!isObject(given)) fail(`the options must be an object, received ${shown(given)}.`);
  refuseUnknown(given, OPTIONS, 'option');
  const options: RedactOptions = own(given);
  const conversations = pathsOf(options.conversations, 'conversations', ['$', 'conversations[*]']);
  const transcript = fieldPathsOf(options.transcript, 'transcript', ['turns']);
  const metrics = fieldPathsOf(options.metrics, 'metrics', ['metrics']);
  const aliases = aliasesOf(options.metricAliases);
  refuseContradictions([
    ...transcript.map((path) => ['transcript', path] as const),
    ...metrics.map((path) => ['metrics', path] as const),
    ...aliases.map(({ metric, member }) => [`the alias of ${metric}`, [member]] as const),
  ]);
  const project = projectOf(options.project);
  const projectMember = typeof project === 'object' && 'member' in project ? project.member : DEFAULT_PROJECT_MEMBER;
  for (const path of [...transcript, ...metrics, ...aliases.map(({ member }) => [member])]) {
    if (path[0] === projectMember) fail(`the member "${projectMember}" names the project, so it cannot be withheld.`);
  }
  return {
    fields: compileFields({ conversations, transcript, metrics, aliases, projectMember }),
    project,
    passthrough: passthroughOf(options.passthrough),
    limits: limitsOf(options.limits),
  };
}
