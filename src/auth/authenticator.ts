import type { Alias } from '../cache/caches';
import type { CacheHandle, ReadThroughCache } from '../cache/read-through-cache';
import { Deadline } from '../timeout';
import { DUMMY_DIGEST, type TokenHasher } from '../token/digest';
import { ID_LENGTH } from '../token/format';
import { aliasOf, fingerprintOf, hashInputOf, isImportedToken } from '../token/imported-token';
import type { CachedKey } from './request-api-key';
import { VerifiedTokens } from './verified-tokens';

/** Reason why a well-formed token has no key. The response is the same for all of them, to prevent probing. */
export type Mismatch = 'unknown' | 'wrong_secret' | 'pepper';

/** The key or the mismatch, from data that can lapse. Counts if it is valid in the turn in which it is used. */
export interface Fetched extends Pick<CacheHandle<CachedKey>, 'isValid'> {
  readonly outcome: CachedKey | Mismatch;
}

/** Finds the key of a token, if the token has the key's secret. Independent of expiry, permissions and requests. */
export interface Authenticator {
  /** Id in a well-formed token, else null. No I/O. */
  parseKeyId(text: string): string | null;
  /** The key of a token that was verified on this connection before, if it is still valid. No I/O. */
  getVerified(connection: object, token: string, wall: number): CachedKey | undefined;
  /** The key or the mismatch, from the cache. Undefined if the cache cannot decide. A key is kept for `getVerified`. */
  getCached(id: string, token: string, wall: number, connection?: object): CachedKey | Mismatch | undefined;
  /**
   * The same, from the store. Rejects with `store_unavailable`.
   *
   * @param fresh - Only data that was read after this call.
   */
  fetch(id: string, token: string, fresh: boolean): Promise<Fetched>;
}

/** Authenticates tokens that this app created. */
export function createAuthenticator(deps: {
  readonly parse: (text: string) => string | null;
  readonly hasher: TokenHasher;
  readonly keys: ReadThroughCache<CachedKey>;
}): Authenticator {
  const { parse, hasher, keys } = deps;
  const verifiedTokens = new VerifiedTokens(keys);

  /** Does the same work for an unknown id and a wrong secret, so that the response time does not reveal which it was. */
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
      const handle = await (fresh ? keys.loadFresh(id) : keys.load(id));
      return { outcome: verifySecret(handle.value, token), isValid: (wall) => handle.isValid(wall) };
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
      const deadline = new Deadline(storeTimeout);
      const aliasId = aliasOf(identity);
      const alias = await (fresh ? aliases.loadFresh(aliasId) : aliases.load(aliasId));
      if (alias.value === null) return { outcome: unknown(identity), isValid: (wall) => alias.isValid(wall) };
      const fetching = keyscopeTokens.fetch(alias.value.keyId, hashInputOf(identity), fresh);
      const { outcome, isValid } = await deadline.within(fetching);
      return { outcome, isValid: (wall) => alias.isValid(wall) && isValid(wall) };
    },
  };
}
