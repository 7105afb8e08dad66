import type { Alias } from '../cache/caches';
import type { ReadThroughCache } from '../cache/read-through-cache';
import { createDeadline } from '../timeout';
import { DECOY_DIGEST, type Digester } from '../token/digest';
import { ID_LENGTH } from '../token/format';
import { aliasOf, fingerprintOf, isForeignToken, proofOf } from '../token/imported-token';
import type { KeyEntry } from './request-api-key';

/**
 * The same for an app that has imported keys. A token of our own form goes the way it always does; only what is refused
 * there is looked at a second time. Such a token is identified by its fingerprint, which is longer than any id, and
 * nothing is remembered by the token itself.
 *
 * What an alias stands for proves nothing: the key's record does, by the digest that it holds.
 */
export function createForeignAuthenticator(deps: {
  readonly native: Authenticator;
  readonly aliases: ReadThroughCache<Alias>;
  readonly digester: Digester;
  /** Milliseconds for both reads together. */
  readonly storeTimeout: number;
}): Authenticator {
  const { native, aliases, digester, storeTimeout } = deps;

  /** The work that a token takes whose key there is. */
  function refuse(fingerprint: string): null {
    digester.matches(proofOf(fingerprint), DECOY_DIGEST);
    return null;
  }

  return {
    identify(text) {
      return native.identify(text) ?? (isForeignToken(text) ? fingerprintOf(text) : null);
    },
    recall(identity, token, wall) {
      if (identity.length === ID_LENGTH) return native.recall(identity, token, wall);
      const alias = aliases.get(aliasOf(identity), wall);
      if (alias === undefined) return undefined;
      return alias === null ? refuse(identity) : native.recall(alias.keyId, proofOf(identity), wall);
    },
    async lookUp(identity, token) {
      if (identity.length === ID_LENGTH) return native.lookUp(identity, token);
      const deadline = createDeadline(storeTimeout);
      const alias = await aliases.load(aliasOf(identity));
      if (alias === null) return refuse(identity);
      return deadline.within(native.lookUp(alias.keyId, proofOf(identity)));
    },
  };
}

/** Finds the key that a token is for, where the token is right. Knows nothing of requests, permissions and expiry. */
export interface Authenticator {
  /** The key's id where the text has the form of a token, without any I/O. */
  identify(text: string): string | null;
  /** The key where the token holds its secret, null where it does not or there is none, undefined where memory cannot say. */
  recall(id: string, token: string, wall: number): KeyEntry | null | undefined;
  /** The same from the store. Rejects with `store_unavailable`. */
  lookUp(id: string, token: string): Promise<KeyEntry | null>;
}

export function createAuthenticator(deps: {
  readonly parse: (text: string) => string | null;
  readonly digester: Digester;
  readonly keys: ReadThroughCache<KeyEntry>;
}): Authenticator {
  const { parse, digester, keys } = deps;

  /** Unknown, deleted and wrong take the same work, and come to the same. */
  function prove(entry: KeyEntry | null, token: string): KeyEntry | null {
    const matches = digester.matches(token, entry === null ? DECOY_DIGEST : entry.record.digest);
    return matches ? entry : null;
  }

  return {
    identify: parse,
    recall(id, token, wall) {
      const entry = keys.get(id, wall);
      return entry === undefined ? undefined : prove(entry, token);
    },
    async lookUp(id, token) {
      return prove(await keys.load(id), token);
    },
  };
}
