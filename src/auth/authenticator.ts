import type { Alias } from '../cache/caches';
import type { ReadThroughCache } from '../cache/read-through-cache';
import { createDeadline } from '../timeout';
import { DUMMY_DIGEST, type TokenHasher } from '../token/digest';
import { ID_LENGTH } from '../token/format';
import { aliasOf, fingerprintOf, hashInputOf, isImportedToken } from '../token/imported-token';
import type { CachedKey } from './request-api-key';

/**
 * The same for an app that has imported keys. A token of our own form goes the way it always does; only what is refused
 * there is looked at a second time. Such a token is identified by its fingerprint, which is longer than any id, and
 * nothing is remembered by the token itself.
 *
 * What an alias stands for proves nothing: the key's record does, by the digest that it holds.
 */
export function createImportedTokenAuthenticator(deps: {
  readonly keyscopeTokens: Authenticator;
  readonly aliases: ReadThroughCache<Alias>;
  readonly hasher: TokenHasher;
  /** Milliseconds for both reads together. */
  readonly storeTimeout: number;
}): Authenticator {
  const { keyscopeTokens: native, aliases, hasher, storeTimeout } = deps;

  /** The work that a token takes whose key there is. */
  function refuse(fingerprint: string): null {
    hasher.verify(hashInputOf(fingerprint), DUMMY_DIGEST);
    return null;
  }

  return {
    parseKeyId(text) {
      return native.parseKeyId(text) ?? (isImportedToken(text) ? fingerprintOf(text) : null);
    },
    getCached(identity, token, wall) {
      if (identity.length === ID_LENGTH) return native.getCached(identity, token, wall);
      const alias = aliases.get(aliasOf(identity), wall);
      if (alias === undefined) return undefined;
      return alias === null ? refuse(identity) : native.getCached(alias.keyId, hashInputOf(identity), wall);
    },
    async fetch(identity, token) {
      if (identity.length === ID_LENGTH) return native.fetch(identity, token);
      const deadline = createDeadline(storeTimeout);
      const alias = await aliases.load(aliasOf(identity));
      if (alias === null) return refuse(identity);
      return deadline.within(native.fetch(alias.keyId, hashInputOf(identity)));
    },
  };
}

/** Finds the key that a token is for, where the token is right. Knows nothing of requests, permissions and expiry. */
export interface Authenticator {
  /** The key's id where the text has the form of a token, without any I/O. */
  parseKeyId(text: string): string | null;
  /** The key where the token holds its secret, null where it does not or there is none, undefined where memory cannot say. */
  getCached(id: string, token: string, wall: number): CachedKey | null | undefined;
  /** The same from the store. Rejects with `store_unavailable`. */
  fetch(id: string, token: string): Promise<CachedKey | null>;
}

export function createAuthenticator(deps: {
  readonly parse: (text: string) => string | null;
  readonly hasher: TokenHasher;
  readonly keys: ReadThroughCache<CachedKey>;
}): Authenticator {
  const { parse, hasher, keys } = deps;

  /** Unknown, deleted and wrong take the same work, and come to the same. */
  function verifySecret(entry: CachedKey | null, token: string): CachedKey | null {
    const matches = hasher.verify(token, entry === null ? DUMMY_DIGEST : entry.record.digest);
    return matches ? entry : null;
  }

  return {
    parseKeyId: parse,
    getCached(id, token, wall) {
      const entry = keys.get(id, wall);
      return entry === undefined ? undefined : verifySecret(entry, token);
    },
    async fetch(id, token) {
      return verifySecret(await keys.load(id), token);
    },
  };
}
