import type { Request } from 'express';
import { z } from 'zod';
import { didYouMean, listNames } from '../did-you-mean';
import { headerName } from '../http/reserved-names';
import type { ParameterSource } from '../http/route-parameter';
import { compileRequirement, NO_REQUIREMENT, type Requirement } from '../keys/authorize';
import { inputError, parseInput, rejectRequest } from '../validate-input';
import type { CompareWith } from './report-requests';

/**
 * Permissions that a key must have. Default: none; any valid key.
 *
 * @example 'conversations'
 * @example { anyOf: ['conversations', 'handoff'] }   // at least one of them
 * @example { allOf: ['conversations', 'handoff'] }   // all of them
 */
export type PermissionRequirement<Permission extends string = string> =
  | Permission
  | { readonly anyOf: readonly Permission[] }
  | { readonly allOf: readonly Permission[] };

export interface RequireApiKeyOptions {
  /**
   * Workspace of the request: a route parameter (`'account_id'`), a query parameter (`{ query: 'account_id' }`) or a
   * function of the request. Requests that do not state it are denied. Default: the key's own workspace.
   */
  readonly workspace?: ParameterSource;
  /**
   * Agent (= project) of the request, in the same forms. `false`: the handler filters by `req.apiKey.scope` itself.
   * Default: the route has no agent, and keys that are limited to some agents are denied.
   */
  readonly agent?: ParameterSource | false;
  /** Allow requests without a token, without `req.apiKey`. Invalid tokens are still denied. Default `false`. */
  readonly optional?: boolean;
  /**
   * Read the key from the store for every request instead of the cache, for routes that move money: a key that was revoked
   * before the request is denied. While a failover is under way, a master that was replaced can still reply, for less than
   * `maxRevocationLag`. Costs one read of Redis per request; without Redis, 503. Default `false`.
   */
  readonly fresh?: boolean;
  /**
   * End the response when the key stops being valid: it is deleted or disabled, expires, loses the required permission, or
   * cannot be confirmed by the store. The same for every key, permission and `requireFeature` that the request passes. `true`:
   * any response that is not finished by then, such as a download. `false`: none. Default: those that stream a body behind
   * `redactResponse`. The connection is closed, and the `ended` event emitted.
   */
  readonly endOnRevocation?: boolean;
  /**
   * Remove the token from the request before the handler or an upstream sees it. Not possible if a function reads it
   * (`tokenSource`). Default `false`.
   */
  readonly hideCredentials?: boolean;
  /**
   * Request headers that tell an upstream which key was used. The client's own headers of these names are removed, in any
   * spelling. Values are percent-encoded (RFC 3986) and separated by commas; `*` stands for all agents. Default: none.
   *
   * @example { id: 'x-key-id', workspaceId: 'x-workspace-id', permissions: 'x-key-permissions' }
   */
  readonly identityHeaders?: IdentityHeaders;
  /**
   * Allow CORS preflights, which carry no token: `OPTIONS` with `Origin` and `Access-Control-Request-Method`. They reach
   * the next handler without `req.apiKey`. Better: mount `cors()` before `requireApiKey()`. Default `false`.
   */
  readonly allowPreflight?: boolean;
  /**
   * `'report'`: decide, and change nothing. The request is not delayed, `req.apiKey` is not set, and what would have been denied
   * is emitted as `reported`. For a trial beside an existing check. Default `'enforce'`.
   */
  readonly mode?: 'enforce' | 'report';
  /**
   * With `mode: 'report'`: what the existing check decided. Called when the response has ended. Differences are emitted as
   * `reported`.
   *
   * @example (req) => req.user !== undefined
   */
  readonly compareWith?: CompareWith;
}

/** Names of request headers in lower case, by what they tell. */
export interface IdentityHeaders {
  readonly id?: string;
  readonly workspaceId?: string;
  readonly permissions?: string;
  readonly agents?: string;
}

const SOURCES = "Expected the name of a route parameter, { query: 'name' }, or a function of the request";
const sources = [
  z
    .string()
    .min(1)
    .refine((name) => !/^:|\//.test(name), "Expected the name of a route parameter, such as 'id' for '/:id'."),
  z.strictObject({ query: z.string().min(1) }),
  z.custom<(req: Request) => string | undefined>((value) => typeof value === 'function'),
] as const;

/** Accepts every form of a `ParameterSource`. */
export const parameterSource = z.union(sources, { error: `${SOURCES}.` });

const optionsSchema = z.strictObject({
  workspace: parameterSource.optional(),
  agent: z
    .union([...sources, z.literal(false)], { error: `${SOURCES}, or false if the handler filters by itself.` })
    .optional(),
  optional: z.boolean().default(false),
  fresh: z.boolean().default(false),
  endOnRevocation: z.boolean().optional(),
  hideCredentials: z.boolean().default(false),
  identityHeaders: z
    .strictObject({
      id: headerName.optional(),
      workspaceId: headerName.optional(),
      permissions: headerName.optional(),
      agents: headerName.optional(),
    })
    .optional(),
  allowPreflight: z.boolean().default(false),
  mode: z.enum(['enforce', 'report'], "Expected 'enforce' or 'report'.").default('enforce'),
  compareWith: z
    .custom<CompareWith>((value) => typeof value === 'function', 'Expected a function of the request and the response.')
    .optional(),
});

export function parseRequireOptions(options: RequireApiKeyOptions) {
  const parsed = parseInput(optionsSchema, options, 'requireApiKey', 'invalid_options');
  if (parsed.compareWith !== undefined && parsed.mode !== 'report') {
    const message = "compareWith needs `mode: 'report'`: it only compares.";
    throw inputError('requireApiKey', [{ path: 'compareWith', message }], 'invalid_options');
  }
  return parsed;
}

/**
 * Validates the requirement of a route against the declared permissions, once, when the route is created.
 *
 * @param what Function that received it, for messages.
 * @throws {KeyscopeError} `invalid_options`
 */
export function parseRequirement(
  requirement: PermissionRequirement | undefined,
  declared: readonly string[],
  what: string,
): Requirement {
  rejectRequest(requirement, what);
  if (requirement === undefined) return NO_REQUIREMENT;
  const name = z
    .string({ error: `Expected one of ${listNames(declared)}.` })
    .refine((text) => declared.includes(text), {
      error: ({ input }) =>
        `No such permission is declared. ${didYouMean(input, declared)}Declared: ${listNames(declared)}.`,
    });
  if (typeof requirement === 'string') {
    return compileRequirement('all', [parseInput(name, requirement, what, 'invalid_options')]);
  }
  const forms = `Expected a permission, or an object such as { anyOf: ['${declared[0]}'] } or { allOf: ['${declared[0]}'] }.`;
  const schema = z.strictObject(
    { anyOf: z.array(name).optional(), allOf: z.array(name).optional() },
    { error: ({ code }) => (code === 'invalid_type' ? forms : undefined) },
  );
  const { anyOf, allOf } = parseInput(schema, requirement, what, 'invalid_options');
  const [list, mode] = anyOf === undefined ? [allOf, 'all' as const] : [anyOf, 'any' as const];
  if (list === undefined || (anyOf !== undefined && allOf !== undefined)) {
    throw inputError(what, [{ path: '', message: `${forms} Received neither or both.` }], 'invalid_options');
  }
  return compileRequirement(mode, list);
}
