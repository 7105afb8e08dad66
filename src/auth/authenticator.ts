import type { Alias } from '../cache/caches';
import type { ReadThroughCache } from '../cache/read-through-cache';
import { createDeadline } from '../timeout';
import { DUMMY_DIGEST, type TokenHasher } from '../token/digest';
import { ID_LENGTH } from '../token/format';
import { aliasOf, fingerprintOf, hashInputOf, isImportedToken } from '../token/imported-token';
import type { CachedKey } from './request-api-key';
import { VerifiedTokens } from './verified-tokens';

/** Reason why a well-formed token has no key. The response is the same for all of them, to prevent probing. */
export type Mismatch = 'unknown' | 'wrong_secret' | 'pepper';

/** Finds the key of a token, if the token has the key's secret. Independent of expiry, permissions and requests. */
export interface Authenticator {
  /** Id in a well-formed token, else null. No I/O. */
  parseKeyId(text: string): string | null;
  /** The key of a token that was verified on this connection before, if it is still valid. No I/O. */
  getVerified(connection: object, token: string, wall: number): CachedKey | undefined;
  /** The key or the mismatch, from the cache. Undefined if the cache cannot decide. A key is kept for `getVerified`. */
  getCached(id: string, token: string, wall: number, connection?: object): CachedKey | Mismatch | undefined;
  /**
   * The same, from the store if necessary. Rejects with `store_unavailable`.
   *
   * @param fresh Read the record of the key in any case, by a read that is sent after this call.
   */
  fetch(id: string, token: string, fresh: boolean): Promise<CachedKey | Mismatch>;
}

/** Authenticates tokens that this app created. */
export function createAuthenticator(deps: {
  readonly parse: (text: string) => string | null;
  readonly hasher: TokenHasher;
  readonly keys: ReadThroughCache<CachedKey>;
}): Authenticator {
  const { parse, hasher, keys } = deps;
  const verifiedTokens = new VerifiedTokens(keys);

  /** Does the same work for an unknown id and a wrong secret, so that the response time does not tell them apart. */
  function verifySecret(entry: CachedKey | null, token: string): CachedKey | Mismatch {
    const digest = entry === null ? DUMMY_DIGEST : entry.record.digest;
    if (hasher.verify(token, digest) && entry !== null) return entry;
    const lacksPepper = hasher.lacksPepper(token, digest);
    if (entry === null) return 'unknown';
    return lacksPepper ? 'pepper' : 'wrong_secret';
  }

  return {
    parseKeyId: parse,
    getVerified: (connection, token, wall) => verifiedTokens.get(connection, token, wall),
    getCached(id, token, wall, connection) {
      const entry = keys.get(id, wall);
      if (entry === undefined) return undefined;
      const outcome = verifySecret(entry, token);
      if (connection !== undefined && typeof outcome === 'object') verifiedTokens.set(connection, token, outcome);
      return outcome;
    },
    async fetch(id, token, fresh) {
      return verifySecret(await (fresh ? keys.loadFresh(id) : keys.load(id)), token);
    },
  };
}

/**
 * Also authenticates imported tokens. A string that is no token of this app is identified by its fingerprint, which is
 * longer than any id. The string itself is not cached. The fingerprint gives an alias, and the alias a key id. Only the
 * digest in the key's record proves that the token is correct.
 */
export function createImportedTokenAuthenticator(deps: {
  readonly keyscopeTokens: Authenticator;
  readonly aliases: ReadThroughCache<Alias>;
  readonly hasher: TokenHasher;
  /** Milliseconds for both reads together. */
  readonly storeTimeout: number;
}): Authenticator {
  const { keyscopeTokens, aliases, hasher, storeTimeout } = deps;

  /** Performs a dummy comparison, so that unknown tokens take as long as known ones. */
  function unknown(fingerprint: string): Mismatch {
    hasher.verify(hashInputOf(fingerprint), DUMMY_DIGEST);
    return 'unknown';
  }

  return {
    parseKeyId(text) {
      return keyscopeTokens.parseKeyId(text) ?? (isImportedToken(text) ? fingerprintOf(text) : null);
    },
    // Imported tokens are not in it, because an alias can change while its key does not.
    getVerified: keyscopeTokens.getVerified,
    getCached(identity, token, wall, connection) {
      if (identity.length === ID_LENGTH) return keyscopeTokens.getCached(identity, token, wall, connection);
      const alias = aliases.get(aliasOf(identity), wall);
      if (alias === undefined) return undefined;
      return alias === null ? unknown(identity) : keyscopeTokens.getCached(alias.keyId, hashInputOf(identity), wall);
    },
    async fetch(identity, token, fresh) {
      if (identity.length === ID_LENGTH) return keyscopeTokens.fetch(identity, token, fresh);
      const deadline = createDeadline(storeTimeout);
      const alias = await aliases.load(aliasOf(identity));
      if (alias === null) return unknown(identity);
      return deadline.within(keyscopeTokens.fetch(alias.keyId, hashInputOf(identity), fresh));
    },
  };
}
