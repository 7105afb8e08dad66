import type { Request } from 'express';
import { z } from 'zod';
import { parseInput } from '../validate-input';

/** The signed-in operator, as the app's `authenticate` returns it. */
export interface AdminIdentity {
  /** The workspace whose keys and projects this operator manages. It comes from here only, never from the request. */
  readonly workspaceId: string;
  /**
   * The operator for the audit log, such as an e-mail address or a user id. Null if unknown: all unknown operators of a
   * workspace then share one `Idempotency-Key` scope, and a replayed response contains the token.
   */
  readonly actor: string | null;
  /** True if the operator can only read. Default false. */
  readonly readOnly?: boolean;
  /** Name of the workspace for the console. Default: its id. */
  readonly workspaceName?: string;
}

/**
 * Returns the signed-in operator, or null. Exceptions, rejections and any other result count as null and are reported
 * by the `error` event.
 */
export type Authenticate = (
  req: Request,
) => AdminIdentity | null | undefined | false | Promise<AdminIdentity | null | undefined | false>;

/** An agent (= project) that the console offers. */
export interface AgentChoice {
  readonly id: string;
  readonly name: string;
}

/** Returns the id of an agent, or null if it is unknown. */
export type ResolveAgent = (
  name: string,
  workspaceId: string,
) => string | null | undefined | Promise<string | null | undefined>;

export interface AdminRouterOptions {
  /**
   * Identifies the operator from the app's own session. Called first, on every request. API keys do not authenticate
   * operators: nothing here reads one.
   *
   * @example (req) => req.user ? { workspaceId: req.user.accountId, actor: req.user.email } : null
   */
  readonly authenticate: Authenticate;
  /** Returns the agents (= projects) of a workspace that the console offers. Others can still be typed. Default none. */
  readonly listAgents?: (workspaceId: string) => readonly AgentChoice[] | Promise<readonly AgentChoice[]>;
  /**
   * Returns the id of the agent (= project) that an operator has named, for example by its slug, or null if it is unknown.
   * Unknown agents and projects are then rejected. `'listed'` accepts only the ids that `listAgents` returns.
   * Default: any id is accepted.
   *
   * @example (name, workspaceId) => findAgent(workspaceId, name)?.id ?? null
   */
  readonly resolveAgent?: 'listed' | ResolveAgent;
  /**
   * The metric names that the console offers, or a function that returns them, for a project if it has a second parameter.
   * `projectId` is null for all projects of the workspace. Others can be typed. Default none.
   *
   * @example (workspaceId, projectId) => projectId === null ? [] : metricsOf(workspaceId, projectId)
   */
  readonly metricNames?:
    | readonly string[]
    | ((workspaceId: string, projectId: string | null) => readonly string[] | Promise<readonly string[]>);
  /**
   * Other origins whose pages can make changes, such as `['https://admin.example.com']`. Needed if a proxy changes the
   * `Host` header and Express' `trust proxy` is not set. Default none.
   */
  readonly allowedOrigins?: readonly string[];
  /** Maximum body size in bytes. Default 1,048,576 (1 MiB). The largest valid create request takes half of it. */
  readonly maxBody?: number;
  /**
   * A URL of your API for the console's `curl` example, such as `'https://api.example.com/v1/agents'`. It should accept
   * GET with any key. Default: an invented URL.
   */
  readonly exampleUrl?: string | ((workspaceId: string) => string | null | Promise<string | null>);
  /** The app's sign-in page, as a URL or a path such as `'/sign-in'`. The console links to it. Default none. */
  readonly signInUrl?: string;
  /** Name at the top of the console, such as that of your product. Default `'keyscope'`. */
  readonly title?: string;
  /** A page of the app, as a URL or a path, that the name links to. Default none. */
  readonly homeUrl?: string;
  /** The app's sign-out page, as a URL or a path. The console links to it. Default none. */
  readonly signOutUrl?: string;
  /** `WWW-Authenticate` of a 401 response (RFC 9110 section 11.6.1). Default `'Session realm="api-keys"'`. */
  readonly challenge?: string;
}

/** The options with all defaults filled in. */
export type AdminSettings = ReturnType<typeof resolveAdminOptions>;

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

const AUTHENTICATE_MESSAGE =
  'Expected a function (req) => ({ workspaceId, actor }) that returns null if the request is not signed in. Without it, anyone could manage your keys.';
const METRIC_NAMES_MESSAGE =
  'Expected an array of names, or a function of the workspace id and the project id that returns one.';
/** Printable ASCII, as header values can contain. */
const CHALLENGE = /^[ -~]{1,500}$/;

/** True for an HTTP URL or a path. `javascript:` would run code, and `//` would lead to another host. */
function isLink(text: string): boolean {
  return isHttpUrl(text) || (/^\/(?![/\\])/.test(text) && URL.canParse(text, 'http://localhost'));
}

export function isHttpUrl(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text);
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

function link(example: string) {
  return z.string().refine(isLink, `Expected a URL, or a path such as '${example}'.`).nullable().default(null);
}

const optionsSchema = z.strictObject({
  authenticate: z.custom<Authenticate>(isFunction, AUTHENTICATE_MESSAGE),
  listAgents: z
    .custom<NonNullable<AdminRouterOptions['listAgents']>>(
      isFunction,
      'Expected a function of the workspace id that returns an array of { id, name }.',
    )
    .default(() => () => []),
  resolveAgent: z
    .custom<'listed' | ResolveAgent>(
      (value) => value === 'listed' || isFunction(value),
      "Expected 'listed', or a function of a name and the workspace id that returns an agent's id or null.",
    )
    .nullable()
    .default(null),
  metricNames: z
    .custom<NonNullable<AdminRouterOptions['metricNames']>>(
      (value) => isFunction(value) || (Array.isArray(value) && value.every((name) => typeof name === 'string')),
      METRIC_NAMES_MESSAGE,
    )
    .transform((names) => (typeof names === 'function' ? names : () => names))
    .default(() => () => []),
  allowedOrigins: z
    .array(z.string().refine(isOrigin, "Expected origins such as 'https://admin.example.com', without a path."))
    .default([]),
  maxBody: z
    .int()
    .min(1024)
    .max(64 * 1_048_576)
    .default(1_048_576),
  exampleUrl: z
    .custom<NonNullable<AdminRouterOptions['exampleUrl']>>(
      (value) => isFunction(value) || (typeof value === 'string' && isHttpUrl(value)),
      "Expected a URL such as 'https://api.example.com/v1/agents', or a function of the workspace id that returns one.",
    )
    .transform((url) => (typeof url === 'function' ? url : () => url))
    .default(() => () => null),
  signInUrl: link('/sign-in'),
  title: z.string().min(1).max(60).default('keyscope'),
  homeUrl: link('/'),
  signOutUrl: link('/sign-out'),
  challenge: z.string().regex(CHALLENGE, 'Expected printable ASCII.').default('Session realm="api-keys"'),
});

/** @throws {KeyscopeError} `invalid_options`, with all issues. */
export function resolveAdminOptions(options: AdminRouterOptions) {
  const { resolveAgent, ...settings } = parseInput(optionsSchema, options ?? {}, 'adminRouter', 'invalid_options');
  const { listAgents } = settings;
  async function resolveListed(id: string, workspaceId: string): Promise<string | null> {
    return (await listAgents(workspaceId)).some((agent) => agent.id === id) ? id : null;
  }
  return { ...settings, resolveAgent: resolveAgent === 'listed' ? resolveListed : resolveAgent };
}
