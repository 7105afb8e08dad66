import * as crypto from 'node:crypto';
import { KeyscopeError } from '../errors';

/** Hashes tokens for the store, and verifies tokens against stored digests. */
export interface TokenHasher {
  /** The digest to store: 64 hexadecimal digits. */
  hash(token: string): string;
  /** Whether a stored digest belongs to this token, under any of the peppers. */
  verify(token: string, digest: string): boolean;
  /** Whether `verify` fails only because the digest was made without a pepper, which this app does not accept. */
  lacksPepper(token: string, digest: string): boolean;
}

/** Compared with where there is no key, so that an unknown id takes the work that a wrong secret does. Matches no token. */
export const DUMMY_DIGEST = '0'.repeat(64);

const DIGEST_LENGTH = 64;
/** Not looked up on the texts, for the reason given in parse.ts. */
const { charCodeAt } = String.prototype;

/** `crypto.hash` (Node 20.12 on) skips the hash object and its streams: about a third of the time of `createHash`. */
export const sha256: (text: string) => string =
  typeof crypto.hash === 'function'
    ? (text) => crypto.hash('sha256', text, 'hex')
    : (text) => crypto.createHash('sha256').update(text).digest('hex');

/** 0 where two digests are the same. Looks at all of both, so that the time says nothing of where they differ. */
function difference(digest: string, other: string): number {
  // A loop over the characters takes a tenth of what two Buffers for timingSafeEqual do, and is as constant: one length,
  // no branch on what is read.
  let bits = digest.length ^ DIGEST_LENGTH;
  for (let index = 0; index < DIGEST_LENGTH; index++) {
    bits |= charCodeAt.call(digest, index) ^ charCodeAt.call(other, index);
  }
  return bits;
}

function describe(pepper: unknown): string {
  return pepper === '' ? 'an empty text' : typeof pepper;
}

/** Identifies a pepper without revealing it: 6 characters of an HMAC. `none` stands for no pepper. */
export function pepperFingerprint(pepper: string | null): string {
  if (pepper === null) return 'none';
  return crypto.createHmac('sha256', pepper).update('keyscope pepper fingerprint').digest('base64url').slice(0, 6);
}

function digestFunction(pepper: string | null): (token: string) => string {
  if (pepper === null) return sha256;
  if (typeof pepper !== 'string' || pepper === '') {
    throw new KeyscopeError(
      'invalid_options',
      `\`pepper\` received ${describe(pepper)}. Pass a long random text, or null in a list for keys made without a pepper.`,
    );
  }
  const key = crypto.createSecretKey(pepper, 'utf8');
  return function keyedDigest(token) {
    return crypto.createHmac('sha256', key).update(token).digest('hex');
  };
}

/**
 * Makes the digests of tokens: SHA-256, or HMAC-SHA-256 (RFC 2104) with a pepper, so that write access to the store alone
 * cannot mint a key. A slow password hash would add nothing: the secret has 190 random bits.
 *
 * `peppers`: the first signs, all verify. `null` in the list stands for "no pepper": `[next, null]` introduces one on a
 * running system, `[next, current]` replaces it. For as long as `null` is in the list, unpeppered digests verify and who
 * can write to the store can mint a key; take it out once the old keys are gone.
 *
 * @throws {KeyscopeError} `invalid_options` for an empty list (nothing could sign) or an empty pepper.
 */
export function createTokenHasher(peppers: readonly (string | null)[] | undefined): TokenHasher {
  const needsPepper = peppers !== undefined && !peppers.includes(null);
  const digests = (peppers ?? [null]).map(digestFunction);
  const [sign] = digests;
  if (!sign) {
    throw new KeyscopeError(
      'invalid_options',
      '`pepper` received an empty list. Pass at least one pepper, or leave the option out for plain SHA-256.',
    );
  }
  return {
    hash: sign,
    verify(token, digest) {
      let matched = 0;
      // All of them, found or not: the time must not tell which pepper a key was made with, or that there is a key.
      for (const digestOf of digests) matched |= difference(digest, digestOf(token)) === 0 ? 1 : 0;
      return matched === 1;
    },
    lacksPepper: (token, digest) => needsPepper && difference(digest, sha256(token)) === 0,
  };
}
