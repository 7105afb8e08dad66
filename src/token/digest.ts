import { createHmac, createSecretKey, hash, timingSafeEqual } from 'node:crypto';
import { KeyscopeError } from '../errors';

/** Hashes tokens for the store, and verifies tokens against stored digests. */
export interface TokenHasher {
  /** Digest to store: 64 hexadecimal digits. */
  hash(token: string): string;
  /** Whether a stored digest belongs to this token, under any of the peppers. */
  verify(token: string, digest: string): boolean;
  /** Whether `verify` fails only because the digest was made without a pepper, which this app does not accept. */
  lacksPepper(token: string, digest: string): boolean;
}

/** Compared if there is no key, so that an unknown id takes as long as a wrong secret. Matches no token. */
export const DUMMY_DIGEST = '0'.repeat(64);

/** SHA-256 of a string, in hexadecimal. `crypto.hash` takes two thirds of the time of `createHash`. */
export function sha256(text: string): string {
  return hash('sha256', text, 'hex');
}

/** Longest strings that are compared in buffers which are kept. Tokens and digests are shorter. */
const MAX_KEPT = 128;
/** Pairs of buffers by length. To allocate them takes longer than to compare: 0.3 to 1 µs for each request. */
const buffers: [Buffer, Buffer][] = [];

function buffersOf(length: number): [Buffer, Buffer] {
  return [Buffer.alloc(length), Buffer.alloc(length)];
}

/**
 * Compares in constant time. `latin1`, because then two strings of one length make two buffers of one length. It drops the upper
 * half of a character, so strings whose lower halves are equal are compared once more: the caller who sent one knows the other.
 */
export function isSame(text: string, other: string): boolean {
  const { length } = text;
  if (other.length !== length) return false;
  if (length <= MAX_KEPT) buffers[length] ??= buffersOf(length);
  const [left, right] = buffers[length] ?? buffersOf(length);
  left.write(text, 'latin1');
  right.write(other, 'latin1');
  return timingSafeEqual(left, right) && text === other;
}

function describe(pepper: unknown): string {
  return pepper === '' ? 'an empty string' : typeof pepper;
}

/** Identifies a pepper without revealing it: 6 characters of an HMAC. `none` stands for no pepper. */
export function pepperFingerprint(pepper: string | null): string {
  if (pepper === null) return 'none';
  return createHmac('sha256', pepper).update('keyscope pepper fingerprint').digest('base64url').slice(0, 6);
}

function digestFunction(pepper: string | null): (token: string) => string {
  if (pepper === null) return sha256;
  if (typeof pepper !== 'string' || pepper === '') {
    throw new KeyscopeError(
      'invalid_options',
      `\`pepper\` received ${describe(pepper)}. Expected a long random string, or null in an array for keys without a pepper.`,
    );
  }
  const key = createSecretKey(pepper, 'utf8');
  return function keyedDigest(token) {
    return createHmac('sha256', key).update(token).digest('hex');
  };
}

/**
 * Creates the hasher of tokens: SHA-256, or HMAC-SHA-256 (RFC 2104) with a pepper, so that write access to the store is
 * not enough to create a key. A slow password hash would add nothing, because the secret has 190 random bits.
 *
 * @param peppers The first one hashes, all of them verify. `null` stands for no pepper: `[next, null]` introduces a pepper
 *   on a running system, `[next, current]` replaces one. While `null` is in the array, write access to the store is
 *   enough to create a key. Remove it when the old keys are gone.
 * @throws {KeyscopeError} `invalid_options` for an empty array or an empty pepper.
 */
export function createTokenHasher(peppers: readonly (string | null)[] | undefined): TokenHasher {
  const needsPepper = peppers !== undefined && !peppers.includes(null);
  const digests = (peppers ?? [null]).map(digestFunction);
  const [first] = digests;
  if (!first) {
    throw new KeyscopeError(
      'invalid_options',
      '`pepper` received an empty array. Pass at least one pepper, or leave the option out for plain SHA-256.',
    );
  }
  return {
    hash: first,
    verify(token, digest) {
      let matched = 0;
      // All peppers, also after a match: the time must not reveal which one a key has, or that there is a key.
      for (const digestOf of digests) matched |= isSame(digest, digestOf(token)) ? 1 : 0;
      return matched === 1;
    },
    lacksPepper: (token, digest) => needsPepper && isSame(digest, sha256(token)),
  };
}
