import type { Request } from 'express';
import { z } from 'zod';
import { parseInput } from '../validate-input';

/** Who is signed in, as the app answers. */
export interface AdminIdentity {
  /** Whose keys and projects are managed: this workspace's and nobody else's. Comes from here and from nowhere else. */
  readonly workspaceId: string;
  /**
   * Who it is, for the audit trail: an e-mail address, a user id. Null where nobody can say: all of those in a workspace are
   * one to `Idempotency-Key`, and an answer that is given again holds the token.
   */
  readonly actor: string | null;
  /** Whether they may only look. Default false. */
  readonly readOnly?: boolean;
}

/** Whoever is signed in, or null. Throwing, rejecting and any other answer count as null, and are reported. */
export type Authenticate = (
  req: Request,
) => AdminIdentity | null | undefined | false | Promise<AdminIdentity | null | undefined | false>;

/** An agent (= project), as people choose it. */
export interface AgentChoice {
  readonly id: string;
  readonly name: string;
}

export interface AdminRouterOptions {
  /**
   * Says who is signed in, from the app's own session: asked on every request, before anything else. An API key is no
   * admin credential: nothing here looks at one.
   */
  readonly authenticate: Authenticate;
  /** The agents (= projects) to choose from in a workspace. Others can still be named. Default none. */
  readonly listAgents?: (workspaceId: string) => readonly AgentChoice[] | Promise<readonly AgentChoice[]>;
  /** The names of metrics to choose from. Others can still be named. Default none. */
  readonly metricNames?: readonly string[] | ((workspaceId: string) => readonly string[] | Promise<readonly string[]>);
  /**
   * Origins, besides the request's own, whose pages may make changes, e.g. `['https://admin.example.com']`. Needed where a
   * proxy changes the `Host` header and Express' `trust proxy` is not set. Default none.
   */
  readonly allowedOrigins?: readonly string[];
  /** The longest body taken, in bytes. Default 1,048,576 (1 MiB): the largest create request there can be takes half. */
  readonly maxBody?: number;
  /**
   * A URL of your API that any key may be tried on with a GET, e.g. `'https://api.example.com/v1/agents'`: what the
   * console shows as a `curl` line to whoever has made a key. Default: a made-up one.
   */
  readonly exampleUrl?: string | ((workspaceId: string) => string | null | Promise<string | null>);
  /** Where people sign in to the app, for the console: a URL, or a path such as `'/sign-in'`. Default none. */
  readonly signInUrl?: string;
  /** The challenge in `WWW-Authenticate` when nobody is signed in (RFC 9110, 11.6.1). Default `'Session realm="api-keys"'`. */
  readonly challenge?: string;
}

/** The options with every default filled in: what the rest of the router reads. */
export type AdminSettings = ReturnType<typeof resolveAdminOptions>;

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

const AUTHENTICATE =
  'Give a function (req) => ({ workspaceId, actor }), or null where nobody is signed in. Without it everybody could manage your keys.';
const METRIC_NAMES = 'Give a list of names, or a function of the workspace id that gives one.';
/** What a header field may hold. */
const CHALLENGE = /^[ -~]{1,500}$/;

/** Whether a browser may be sent there: never where it would run something, nor, by `//`, to another host unawares. */
function isLink(text: string): boolean {
  return isHttpUrl(text) || (/^\/(?![/\\])/.test(text) && URL.canParse(text, 'http://localhost'));
}

export function isHttpUrl(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text);
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

const optionsSchema = z.strictObject({
  authenticate: z.custom<Authenticate>(isFunction, AUTHENTICATE),
  listAgents: z
    .custom<NonNullable<AdminRouterOptions['listAgents']>>(
      isFunction,
      'Give a function of the workspace id that gives a list of { id, name }.',
    )
    .default(() => () => []),
  metricNames: z
    .custom<NonNullable<AdminRouterOptions['metricNames']>>(
      (value) => isFunction(value) || (Array.isArray(value) && value.every((name) => typeof name === 'string')),
      METRIC_NAMES,
    )
    .transform((names) => (typeof names === 'function' ? names : () => names))
    .default(() => () => []),
  allowedOrigins: z
    .array(z.string().refine(isOrigin, "Give origins such as 'https://admin.example.com', without a path."))
    .default([]),
  maxBody: z
    .int()
    .min(1024)
    .max(64 * 1_048_576)
    .default(1_048_576),
  exampleUrl: z
    .custom<NonNullable<AdminRouterOptions['exampleUrl']>>(
      (value) => isFunction(value) || (typeof value === 'string' && isHttpUrl(value)),
      "Give a URL such as 'https://api.example.com/v1/agents', or a function of the workspace id that gives one.",
    )
    .transform((url) => (typeof url === 'function' ? url : () => url))
    .default(() => () => null),
  signInUrl: z.string().refine(isLink, "Give a URL, or a path such as '/sign-in'.").nullable().default(null),
  challenge: z.string().regex(CHALLENGE, 'Use printable ASCII.').default('Session realm="api-keys"'),
});

/** @throws {KeyscopeError} `invalid_options`, with everything that is wrong. */
export function resolveAdminOptions(options: AdminRouterOptions) {
  return parseInput(optionsSchema, options ?? {}, 'adminRouter', 'invalid_options');
}
