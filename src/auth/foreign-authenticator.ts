import type { ReadThrough } from '../cache/read-through';
import type { Alias } from '../cache/recollection';
import { createDeadline } from '../deadline';
import { DECOY_DIGEST, type Digester } from '../token/digest';
import { aliasOf, fingerprintOf, isForeignToken, proofOf } from '../token/foreign';
import { ID_LENGTH } from '../token/format';
import type { Authenticator } from './authenticator';

/**
 * The same for an app that has imported keys. A token of our own form goes the way it always does; only what is refused
 * there is looked at a second time. Such a token is identified by its fingerprint, which is longer than any id, and
 * nothing is remembered by the token itself.
 *
 * What an alias stands for proves nothing: the key's record does, by the digest that it holds.
 */
export function createForeignAuthenticator(deps: {
  readonly native: Authenticator;
  readonly aliases: ReadThrough<Alias>;
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
      const alias = aliases.peek(aliasOf(identity), wall);
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
