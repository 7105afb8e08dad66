import type { ReadThroughCache } from '../cache/read-through-cache';
import { isSame } from '../token/digest';
import type { CachedKey } from './request-api-key';

interface VerifiedToken {
  token: string;
  id: string;
  entry: CachedKey;
}

/**
 * The last token that was verified on each connection, so that the next request with it need not be parsed and hashed.
 * It proves that the caller has the secret of this cache entry and nothing else: the entry must still be in the cache,
 * under a lease that holds, and authorization follows as for every request.
 *
 * Bounded by the open connections: one token each, released when its connection is, or when its entry was invalidated.
 */
export class VerifiedTokens {
  readonly #keys: Pick<ReadThroughCache<CachedKey>, 'get'>;
  readonly #byConnection = new WeakMap<object, VerifiedToken>();

  constructor(keys: Pick<ReadThroughCache<CachedKey>, 'get'>) {
    this.#keys = keys;
  }

  /** The cache entry that this token was verified against on this connection, if it is still valid. */
  get(connection: object, token: string, wall: number): CachedKey | undefined {
    const verified = this.#byConnection.get(connection);
    // Behind a proxy, requests of several callers share a connection: the time must not reveal another caller's token.
    if (verified === undefined || !isSame(verified.token, token)) return undefined;
    if (this.#keys.get(verified.id, wall) === verified.entry) return verified.entry;
    this.#byConnection.delete(connection);
    return undefined;
  }

  set(connection: object, token: string, entry: CachedKey): void {
    const verified = this.#byConnection.get(connection);
    if (verified === undefined) {
      this.#byConnection.set(connection, { token, id: entry.record.id, entry });
    } else {
      verified.token = token;
      verified.id = entry.record.id;
      verified.entry = entry;
    }
  }
}
