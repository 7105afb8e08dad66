import { z } from 'zod';
import type { Clock } from '../clock';
import type { KeyscopeError } from '../errors';
import { type AuthContext, authorize, type Denial, invalidKey, type RequestValue } from '../keys/authorize';
import { LimitWait, NO_LIMITERS, type RequestLimits } from '../limits/request-limits';
import type { Deadline } from '../timeout';
import { parseInput } from '../validate-input';
import { type Access, isDenial, type RequestDescription } from './access';
import { addressHint } from './describe-request';
import { type PermissionRequirement, parseRequirement } from './permission-requirement';
import { type CachedKey, createRequestApiKey, type RequestApiKey } from './request-api-key';
import type { SharedSignals } from './shared-signals';

export interface VerifyOptions<Permission extends string = string> {
  /** The required permissions. Default: none; any valid key. */
  readonly permission?: PermissionRequirement<Permission>;
  /** The workspace of the request. Default: the key's own. */
  readonly workspaceId?: string;
  /**
   * The agent (= project) of the request. `false`: you filter by `key.scope` yourself. Default: no agent; keys that are
   * limited to some agents are denied.
   */
  readonly agentId?: string | false;
  /**
   * Address of the caller. Keys with `allowedIps` are denied without it. Behind a proxy, do not pass a header that callers
   * can forge.
   *
   * @example verify(token, { ip: req.ip })
   */
  readonly ip?: string | undefined;
  /** Read the key from the store instead of the cache, as `requireApiKey(permission, { fresh: true })` does. Default `false`. */
  readonly fresh?: boolean;
  /** Count the call in the limits of the key and the project, and deny it when one is exceeded. Default `true`. */
  readonly rateLimit?: boolean;
}

/** Decision about a token. `error` has the code and the status that a response would have. */
export type Verification<Permission extends string = string> =
  | { readonly ok: true; readonly key: RequestApiKey<Permission> }
  | { readonly ok: false; readonly error: KeyscopeError };

const optionsSchema = z.strictObject({
  permission: z.unknown().optional(),
  workspaceId: z.string().optional(),
  agentId: z.union([z.string(), z.literal(false)]).optional(),
  ip: z.string().optional(),
  fresh: z.boolean().optional(),
  rateLimit: z.boolean().optional(),
});

/** Default options. Parsing none would cost as much as the rest of the decision. Inherits nothing. */
const NO_OPTIONS: VerifyOptions = Object.freeze(Object.create(null) as object);

const MISSING: Denial = { code: 'missing_key', reason: 'missing', message: 'Pass an API key.' };

const NO_ADDRESS = 'The key is limited to some addresses. Pass the address of the caller: verify(token, { ip }).';

function toValue(value: string): RequestValue {
  return { value: value === '' ? undefined : value, ambiguous: false };
}

function toContext({ workspaceId, agentId, ip }: VerifyOptions): AuthContext {
  return {
    address: ip,
    workspace: workspaceId === undefined ? null : toValue(workspaceId),
    agent: agentId === false ? 'handler' : agentId === undefined ? null : toValue(agentId),
  };
}

/**
 * Creates `verify()`: the decision of `requireApiKey` without Express, for WebSocket upgrades and workers. Resolves with
 * a denial rather than rejecting, also if the store is unreachable (`store_unavailable`). Rejects only with
 * `invalid_options`.
 */
export function createVerify(deps: {
  readonly access: Access;
  readonly limits: RequestLimits;
  readonly clock: Clock;
  /** The declared permissions. */
  readonly permissions: readonly string[];
  readonly signals: SharedSignals;
}) {
  const { access, limits, clock, permissions, signals } = deps;
  // Also a hit path: requirements of one permission are compiled once.
  const single = new Map(permissions.map((name) => [name, parseRequirement(name, permissions, 'verify')]));

  function deny(denial: Denial, key: CachedKey | null, ip?: string): Verification {
    const describe = (): RequestDescription => ({
      method: null,
      route: null,
      hint: ({ reason }) => (reason === 'ip' ? addressHint(ip, key, NO_ADDRESS) : null),
    });
    return { ok: false, error: access.deny(denial, key, describe) };
  }

  return async function verify(token: string | undefined, given?: VerifyOptions): Promise<Verification> {
    const options =
      given === undefined
        ? NO_OPTIONS
        : (parseInput(optionsSchema, given, 'verify', 'invalid_options') as VerifyOptions);
    const { permission, fresh = false, rateLimit = true } = options;
    const requirement = single.get(permission as string) ?? parseRequirement(permission, permissions, 'verify');
    if (token === undefined || token === '') return deny(MISSING, null);
    if (typeof token !== 'string') return deny(invalidKey('malformed', 'The token is not a string.'), null);

    const context = toContext(options);
    let cached = false;
    let waited: LimitWait | null = null;
    let deadline: Deadline | null = null;

    function conclude(outcome: CachedKey | Denial): Verification | LimitWait {
      if (isDenial(outcome)) return deny(outcome, null);
      const wall = clock.wall();
      const denial = authorize(outcome, requirement, context, wall);
      if (denial !== null) return deny(denial, outcome, options.ip);
      const limited = rateLimit
        ? limits.of(outcome, requirement.permissions, options.agentId || undefined)
        : NO_LIMITERS;
      const result = limited.length === 0 ? null : limits.take(limited, NO_LIMITERS, waited, wall, deadline);
      if (result instanceof LimitWait) return result;
      if (result !== null) return deny(result, outcome);
      access.allow(outcome, wall, cached, false);
      const source = { key: outcome, openSignal: () => signals.open(outcome, requirement, context) };
      return { ok: true, key: createRequestApiKey(source, undefined) };
    }

    for (;;) {
      const readsFirst: boolean = fresh && waited === null;
      const known: CachedKey | Denial | undefined = readsFirst ? undefined : access.authenticate(token, clock.wall());
      cached = known !== undefined;
      if (!cached) deadline ??= limits.startDeadline();
      const result: Verification | LimitWait =
        known === undefined
          ? await access.fetch(token, readsFirst, conclude, waited === null ? undefined : deadline!)
          : conclude(known);
      if (!(result instanceof LimitWait)) return result;
      // Another decision follows then: a call is accepted by what is valid at that moment.
      await result.done;
      waited = result;
      deadline = result.deadline;
    }
  };
}
