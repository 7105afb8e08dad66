import { z } from 'zod';
import type { Clock } from '../clock';
import { KeyscopeError } from '../errors';
import type { Events } from '../events';
import { authorize, type RequestValue } from '../keys/authorize';
import type { UsageRecorder } from '../usage/recorder';
import { parseInput } from '../validate-input';
import type { Authenticator } from './authenticator';
import { type PermissionRequirement, parseRequirement } from './permission-requirement';
import { invalidKey } from './read-token';
import type { CachedKey, RequestApiKey } from './request-api-key';

export interface VerifyOptions<Permission extends string = string> {
  readonly permission?: PermissionRequirement<Permission>;
  /** The workspace that is meant. Left out: the key's own. */
  readonly workspaceId?: string;
  /**
   * The agent (= project) that is meant. `false`: you filter by `key.scope` yourself. Left out: no agent is meant, and
   * keys that are limited to some agents are refused.
   */
  readonly agentId?: string | false;
}

/** The decision about a token. `error` carries the code and the status that a response would have. */
export type Verification =
  | { readonly ok: true; readonly key: RequestApiKey }
  | { readonly ok: false; readonly error: KeyscopeError };

const optionsSchema = z.strictObject({
  permission: z.unknown().optional(),
  workspaceId: z.string().optional(),
  agentId: z.union([z.string(), z.literal(false)]).optional(),
});

/** Most callers give none, and reading none costs as much as the rest of the decision. Inherits nothing. */
const NO_OPTIONS: VerifyOptions = Object.freeze(Object.create(null) as object);

const mention = (value: string): RequestValue => ({ value: value === '' ? undefined : value, ambiguous: false });

/**
 * The decision that `requireApiKey` makes, without Express: for WebSocket upgrades and workers. Resolves with a refusal
 * rather than rejecting, also where the store cannot be reached (`store_unavailable`); rejects only with
 * `invalid_options` for mistakes in the options.
 */
export function createVerify(deps: {
  readonly authenticator: Authenticator;
  readonly clock: Clock;
  readonly events: Events;
  readonly permissions: readonly string[];
  readonly usage: Pick<UsageRecorder, 'count'>;
}) {
  const { authenticator, clock, events, permissions, usage } = deps;
  // Verifying is a request path too: what a permission's name comes to is worked out once.
  const single = new Map(permissions.map((name) => [name, parseRequirement(name, permissions, 'verify')]));

  function refuse(error: KeyscopeError, entry: CachedKey | null): Verification {
    if (events.hasListeners('denied')) {
      const { id = null, workspaceId = null } = entry?.record ?? {};
      events.emit('denied', { code: error.code, keyId: id, workspaceId });
    }
    return { ok: false, error };
  }

  return async function verify(token: string | undefined, options?: VerifyOptions): Promise<Verification> {
    const { permission, workspaceId, agentId } =
      options === undefined
        ? NO_OPTIONS
        : (parseInput(optionsSchema, options, 'verify', 'invalid_options') as VerifyOptions);
    const requirement = single.get(permission as string) ?? parseRequirement(permission, permissions, 'verify');
    if (token === undefined || token === '') {
      return refuse(new KeyscopeError('missing_key', 'Give an API key.'), null);
    }
    const id = typeof token === 'string' ? authenticator.parseKeyId(token) : null;
    if (id === null) return refuse(invalidKey(), null);

    let entry = authenticator.getCached(id, token, clock.wall());
    const cached = entry !== undefined;
    if (events.hasListeners('cache')) events.emit('cache', { subject: 'key', outcome: cached ? 'hit' : 'miss' });
    if (entry === undefined) {
      try {
        entry = await authenticator.fetch(id, token);
      } catch (error) {
        if (error instanceof KeyscopeError) return refuse(error, null);
        throw error;
      }
    }
    if (entry === null) return refuse(invalidKey(), null);
    const { record, apiKey } = entry;
    const agent = agentId === false ? 'handler' : agentId === undefined ? null : mention(agentId);
    const facts = { workspace: workspaceId === undefined ? null : mention(workspaceId), agent } as const;
    const wall = clock.wall();
    const denial = authorize(record, apiKey.scope, requirement, facts, wall);
    usage.count(entry, denial === null ? 'allowed' : denial.code, wall);
    if (denial !== null) return refuse(new KeyscopeError(denial.code, denial.message), entry);
    if (events.hasListeners('authenticated')) {
      events.emit('authenticated', { keyId: record.id, workspaceId: record.workspaceId, cached });
    }
    return { ok: true, key: apiKey };
  };
}
