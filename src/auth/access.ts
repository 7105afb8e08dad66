import { readValid } from '../cache/read-valid';
import type { Clock } from '../clock';
import { KEY_DENIAL_CODES, type KeyDenialCode, KeyscopeError } from '../errors';
import type { DeniedEvent, Events } from '../events';
import { type Denial, invalidKey } from '../keys/authorize';
import type { Deadline } from '../timeout';
import { acceptsEnvironment, type EnvironmentRule, environmentHint } from '../token/environment';
import { explainMalformed } from '../token/explain-malformed';
import { ID_LENGTH } from '../token/format';
import type { UsageRecorder } from '../usage/recorder';
import type { Authenticator, Mismatch } from './authenticator';
import type { CachedKey } from './request-api-key';

/** A denial because the store could not be read. Keeps the error for its cause. */
interface StoreDenial extends Denial {
  readonly error: KeyscopeError;
}

function toStoreDenial(error: KeyscopeError): StoreDenial {
  return { code: error.code, reason: 'store', message: error.message, error };
}

/** Request of a `denied` event. */
export interface RequestDescription extends Pick<DeniedEvent, 'method' | 'route'> {
  /** Sentence for the developer about this denial. Null if the request adds nothing. */
  hint(denial: Denial): string | null;
}

/** Decision about a token, shared by `requireApiKey` and `verify`: authenticate, then allow or deny. */
export interface Access {
  /**
   * The key of a token or the denial, from the cache. Undefined if the cache cannot decide. No I/O. The same token on the
   * same `connection` is hashed once.
   */
  authenticate(token: string, wall: number, connection?: object): CachedKey | Denial | undefined;
  /**
   * The same, from the store. Calls `conclude` in the turn in which the data was checked.
   *
   * @param fresh - Only data that was read after this call.
   * @param deadline - Of a request that has waited for allowance. Default: a `storeTimeout` from now.
   */
  fetch<T>(
    token: string,
    fresh: boolean,
    conclude: (outcome: CachedKey | Denial) => T,
    deadline?: Deadline,
  ): Promise<T>;
  /** Counts an allowed request unless `isCounted`, and emits the `authenticated` event. */
  allow(key: CachedKey, wall: number, cached: boolean, isCounted: boolean): void;
  /** The event of a denial. `key`: null unless the caller sent its secret. */
  describe(denial: Denial, key: CachedKey | null, description: RequestDescription): DeniedEvent;
  /** Counts a denied request whose key is known, and emits the `denied` event. Returns the error for the caller. */
  deny(denial: Denial, key: CachedKey | null, describe: () => RequestDescription): KeyscopeError;
}

export function isDenial(outcome: CachedKey | Denial): outcome is Denial {
  return !('record' in outcome);
}

function isKeyDenialCode(code: string): code is KeyDenialCode {
  return (KEY_DENIAL_CODES as readonly string[]).includes(code);
}

const HINTS: Partial<Record<Denial['reason'], string>> = {
  unknown: 'No key has the id in this token: it was deleted, or created with another Redis, database or `namespace`.',
  wrong_secret:
    'The key exists, but the secret is not its own. If the token is genuine, the key was created with a `pepper` that this app does not have.',
  pepper:
    'The key was created without a pepper, and this app has one. Add `null` to the `pepper` array to accept such keys.',
  expired: 'The key has expired, or was rotated. Rotate keys before they expire.',
  disabled: 'An operator can enable the key again.',
};

interface AccessDeps extends EnvironmentRule {
  readonly authenticator: Authenticator;
  readonly events: Events;
  readonly usage: Pick<UsageRecorder, 'count'>;
  /** Prefix of this app's tokens, without the environment. */
  readonly prefix: string;
  readonly clock: Clock;
  /** Milliseconds. */
  readonly storeTimeout: number;
}

export function createAccess(deps: AccessDeps): Access {
  const { authenticator, events, usage, prefix, clock, storeTimeout } = deps;

  /** Denial of a string that is no token of this app. */
  function malformedKey(text: string): Denial {
    const { reason, hint } = explainMalformed(text, prefix, deps);
    return invalidKey(reason, hint);
  }

  /** The key, unless it belongs to another environment. Apps can share a Redis, and imported tokens have no prefix. */
  function ofEnvironment(key: CachedKey): CachedKey | Denial {
    const { environment } = key.record;
    if (environment === deps.environment || acceptsEnvironment(deps, environment)) return key;
    return invalidKey('other_environment', environmentHint(deps, environment));
  }

  function toDenial(mismatch: Mismatch, id: string, token: string): Denial {
    // With imported tokens, a string that is no token of this app is looked up as well. Its form says more than 'unknown'.
    if (mismatch !== 'unknown' || id.length === ID_LENGTH) return invalidKey(mismatch);
    const denial = malformedKey(token);
    return denial.reason === 'malformed' ? invalidKey(mismatch) : denial;
  }

  function hintOf(denial: Denial, { hint }: RequestDescription): string | null {
    return denial.hint ?? hint(denial) ?? HINTS[denial.reason] ?? null;
  }

  function emitCacheEvent(outcome: 'hit' | 'miss'): void {
    if (events.hasListeners('cache')) events.emit('cache', { subject: 'key', outcome });
  }

  function describeDenial(denial: Denial, key: CachedKey | null, description: RequestDescription): DeniedEvent {
    const { code, reason } = denial;
    const { method, route } = description;
    const { id: keyId = null, workspaceId = null } = key?.record ?? {};
    return { code, reason, hint: hintOf(denial, description), keyId, workspaceId, method, route };
  }

  return {
    describe: describeDenial,

    authenticate(token, wall, connection) {
      const verified = connection === undefined ? undefined : authenticator.getVerified(connection, token, wall);
      if (verified !== undefined) {
        emitCacheEvent('hit');
        return ofEnvironment(verified);
      }
      const id = authenticator.parseKeyId(token);
      if (id === null) return malformedKey(token);
      const found = authenticator.getCached(id, token, wall, connection);
      emitCacheEvent(found === undefined ? 'miss' : 'hit');
      if (found === undefined) return undefined;
      return typeof found === 'string' ? toDenial(found, id, token) : ofEnvironment(found);
    },

    async fetch(token, fresh, conclude, deadline) {
      const id = authenticator.parseKeyId(token);
      if (id === null) return conclude(malformedKey(token));
      return readValid(
        (isOwn) => authenticator.fetch(id, token, fresh || isOwn),
        { clock, storeTimeout, deadline },
        (fetched) => {
          if (fetched instanceof KeyscopeError) return conclude(toStoreDenial(fetched));
          const { outcome } = fetched;
          return conclude(typeof outcome === 'string' ? toDenial(outcome, id, token) : ofEnvironment(outcome));
        },
      );
    },

    allow(key, wall, cached, isCounted) {
      if (!isCounted) usage.count(key, 'allowed', wall);
      if (!events.hasListeners('authenticated')) return;
      const { id: keyId, workspaceId } = key.record;
      events.emit('authenticated', { keyId, workspaceId, cached });
    },

    deny(denial, key, describe) {
      if (key !== null && isKeyDenialCode(denial.code)) usage.count(key, denial.code, clock.wall());
      if (events.hasListeners('denied')) events.emit('denied', describeDenial(denial, key, describe()));
      return (
        (denial as Partial<StoreDenial>).error ??
        new KeyscopeError(denial.code, denial.message, { limit: denial.limit })
      );
    },
  };
}
