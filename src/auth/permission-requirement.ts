import { z } from 'zod';
import { didYouMean, listNames } from '../did-you-mean';
import type { ParameterSource } from '../http/route-parameter';
import { compileRequirement, NO_REQUIREMENT, type Requirement } from '../keys/authorize';
import { inputError, parseInput } from '../validate-input';

/** Which permissions a key must have: one, one of several, all of several, or (left out) none in particular. */
export type PermissionRequirement<Permission extends string = string> =
  | Permission
  | { readonly anyOf: readonly Permission[] }
  | { readonly allOf: readonly Permission[] };

export interface RequireApiKeyOptions {
  /**
   * Where the request names its workspace: a parameter or a function. A parameter is looked up in `req.params`, and in
   * `req.query` where only that can be meant: on the route that answers, if neither its path nor what it is mounted under
   * might name it. Left out: the key's own workspace is meant.
   */
  readonly workspace?: ParameterSource;
  /**
   * Where the request names its agent (= project): likewise. `false`: the handler filters by `req.apiKey.scope` itself.
   * Left out: the route has no agent, and keys that are limited to some agents are refused.
   */
  readonly agent?: ParameterSource | false;
  /** Whether a request without any key is let in, without `req.apiKey`. A bad key is refused all the same. Default false. */
  readonly optional?: boolean;
}

/** A request, a response, anything that Express calls middleware with. */
function looksLikeRequest(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'headers' in value;
}

const source = z.union([z.string().min(1), z.custom<ParameterSource>((value) => typeof value === 'function')], {
  error: 'Give the name of a parameter, or a function of the request.',
});
const optionsSchema = z.strictObject({
  workspace: source.optional(),
  agent: z
    .union([source, z.literal(false)], {
      error: 'Give the name of a parameter, a function of the request, or false where the handler filters by itself.',
    })
    .optional(),
  optional: z.boolean().default(false),
});

export function parseRequireOptions(options: RequireApiKeyOptions) {
  return parseInput(optionsSchema, options, 'requireApiKey', 'invalid_options');
}

/**
 * Checks a route's requirement against the declared permissions, once, when the route is made.
 *
 * @throws {KeyscopeError} `invalid_options`
 */
export function parseRequirement(
  requirement: PermissionRequirement | undefined,
  declared: readonly string[],
  what: string,
): Requirement {
  if (looksLikeRequest(requirement)) {
    throw inputError(
      what,
      [{ path: '', message: `Pass the middleware that ${what}() returns, not ${what} itself.` }],
      'invalid_options',
    );
  }
  if (requirement === undefined) return NO_REQUIREMENT;
  const name = z.string({ error: `Give one of ${listNames(declared)}.` }).refine((text) => declared.includes(text), {
    error: ({ input }) =>
      `No such permission is declared. ${didYouMean(input, declared)}Declared: ${listNames(declared)}.`,
  });
  if (typeof requirement === 'string') {
    return compileRequirement('all', [parseInput(name, requirement, what, 'invalid_options')]);
  }
  const schema = z.strictObject({ anyOf: z.array(name).optional(), allOf: z.array(name).optional() });
  const { anyOf, allOf } = parseInput(schema, requirement, what, 'invalid_options');
  const [list, mode] = anyOf === undefined ? [allOf, 'all' as const] : [anyOf, 'any' as const];
  if (list === undefined || (anyOf !== undefined && allOf !== undefined)) {
    throw inputError(
      what,
      [{ path: '', message: 'Give a permission, or an object with either anyOf or allOf.' }],
      'invalid_options',
    );
  }
  return compileRequirement(mode, list);
}
