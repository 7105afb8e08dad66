import type { ReadThrough } from '../cache/read-through';
import { DECOY_DIGEST, type Digester } from '../token/digest';
import type { KeyEntry } from './request-key';

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
  readonly keys: ReadThrough<KeyEntry>;
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
      const entry = keys.peek(id, wall);
      return entry === undefined ? undefined : prove(entry, token);
    },
    async lookUp(id, token) {
      return prove(await keys.load(id), token);
    },
  };
}
