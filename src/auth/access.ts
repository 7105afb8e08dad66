import { KeyscopeError } from '../errors';
import type { DeniedEvent, Events } from '../events';
import { type AuthContext, authorize, type Denial, type KeyDenial, type Requirement } from '../keys/authorize';
import { ID_LENGTH } from '../token/format';
import { malformedReason } from '../token/malformed-reason';
import type { UsageRecorder } from '../usage/recorder';
import type { Authenticator, Mismatch } from './authenticator';
import { invalidKey } from './read-token';
import type { CachedKey } from './request-api-key';

/** A denial because the store could not be read. Keeps the error for its cause. */
interface StoreDenial extends Denial {
  readonly error: KeyscopeError;
}

/** What the `denied` event says of the request. */
export interface RequestDescription extends Pick<DeniedEvent, 'method' | 'route'> {
  /** A sentence for the developer about this denial; null if the request has nothing to add. */
  hint(denial: Denial): string | null;
}

/** The decision about a token, shared by `requireApiKey` and `verify`: authenticate, then authorize or deny. */
export interface Access {
  /** The key of a token or the denial, from the cache; undefined if the cache cannot answer. No I/O. */
  authenticate(token: string, wall: number): CachedKey | Denial | undefined;
  /** The same, from the store if necessary. */
  fetch(token: string): Promise<CachedKey | Denial>;
  /** Null: allowed. Counts denied requests, and allowed ones unless `isCounted`. */
  authorize(
    key: CachedKey,
    requirement: Requirement,
    context: AuthContext,
    wall: number,
    isCounted: boolean,
  ): KeyDenial | null;
  /** Emits the `authenticated` event of an allowed request. */
  allow(key: CachedKey, cached: boolean): void;
  /** Emits the `denied` event. Returns the error for the caller. `key`: null unless the caller sent its secret. */
  deny(denial: Denial, key: CachedKey | null, describe: () => RequestDescription): KeyscopeError;
}

export function isDenial(outcome: CachedKey | Denial): outcome is Denial {
  return !('record' in outcome);
}

const HINTS: Partial<Record<Denial['reason'], string>> = {
  malformed: 'The value does not have the form of a token. It was cut, or it is another credential.',
  checksum: 'The value has the form of a token, but its checksum does not match: it was mistyped or cut.',
  unknown: 'No key has the id in this token: it was deleted, or created with another Redis, database or `namespace`.',
  wrong_secret:
    'The key exists, but the secret is not its own. If the token is genuine, the key was created with a `pepper` that this app does not have.',
  pepper:
    'The key was created without a pepper, and this app has one. Add `null` to the `pepper` array to accept such keys.',
  expired: 'The key has expired, or was rotated. Rotate keys before they expire.',
  disabled: 'An operator can enable the key again.',
};

export function createAccess(deps: {
  readonly authenticator: Authenticator;
  readonly events: Events;
  readonly usage: Pick<UsageRecorder, 'count'>;
  /** Of this app's tokens. */
  readonly prefix: string;
}): Access {
  const { authenticator, events, usage, prefix } = deps;

  function toDenial(mismatch: Mismatch, id: string, token: string): Denial {
    // With imported tokens, a string that is no token of this app is looked up, too. Its form says more than 'unknown'.
    if (mismatch !== 'unknown' || id.length === ID_LENGTH) return invalidKey(mismatch);
    const reason = malformedReason(token, prefix);
    return invalidKey(reason === 'malformed' ? mismatch : reason);
  }

  function hintOf(denial: Denial, { hint }: RequestDescription): string | null {
    if (denial.reason === 'other_prefix') {
      return `The value has the form of a token with another prefix. This app's tokens begin with ${prefix}_.`;
    }
    return hint(denial) ?? HINTS[denial.reason] ?? null;
  }

  return {
    authenticate(token, wall) {
      const id = authenticator.parseKeyId(token);
      if (id === null) return invalidKey(malformedReason(token, prefix));
      const found = authenticator.getCached(id, token, wall);
      if (events.hasListeners('cache')) {
        events.emit('cache', { subject: 'key', outcome: found === undefined ? 'miss' : 'hit' });
      }
      return typeof found === 'string' ? toDenial(found, id, token) : found;
    },

    async fetch(token) {
      const id = authenticator.parseKeyId(token) as string;
      try {
        const found = await authenticator.fetch(id, token);
        return typeof found === 'string' ? toDenial(found, id, token) : found;
      } catch (error) {
        if (!(error instanceof KeyscopeError)) throw error;
        const denial: StoreDenial = { code: error.code, reason: 'store', message: error.message, error };
        return denial;
      }
    },

    authorize(key, requirement, context, wall, isCounted) {
      const denial = authorize(key.record, key.scope, requirement, context, wall);
      if (denial !== null) usage.count(key, denial.code, wall);
      else if (!isCounted) usage.count(key, 'allowed', wall);
      return denial;
    },

    allow({ record }, cached) {
      if (!events.hasListeners('authenticated')) return;
      events.emit('authenticated', { keyId: record.id, workspaceId: record.workspaceId, cached });
    },

    deny(denial, key, describe) {
      if (events.hasListeners('denied')) {
        const description = describe();
        const { method, route } = description;
        const { code, reason } = denial;
        const { id: keyId = null, workspaceId = null } = key?.record ?? {};
        events.emit('denied', { code, reason, hint: hintOf(denial, description), keyId, workspaceId, method, route });
      }
      return (denial as Partial<StoreDenial>).error ?? new KeyscopeError(denial.code, denial.message);
    },
  };
}
