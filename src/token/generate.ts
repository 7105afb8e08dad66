import { createHash, randomBytes, randomInt } from 'node:crypto';
import { checksumOf } from './checksum';
import { BASE62, ID_LENGTH, LAST_LENGTH, SECRET_LENGTH, TAG_LENGTH, toBase62, workspaceTag } from './format';

/** Source of unpredictable bytes. */
export type RandomSource = (size: number) => Uint8Array;

/** A new token, and the parts of it that can be stored. */
export interface GeneratedToken {
  readonly id: string;
  /** The whole token, to be shown once and never stored. */
  readonly token: string;
  /** Last characters of the token, for the masked form. */
  readonly last4: string;
}

/** The largest multiple of 62 in a byte. Larger bytes would make the first characters more likely than the last ones. */
const MAX_UNBIASED_BYTE = 256 - (256 % 62);

function randomText(length: number, random: RandomSource): string {
  let text = '';
  while (text.length < length) {
    // 3 % of the bytes are rejected. Four extra bytes make a second round rare.
    for (const byte of random(length - text.length + 4)) {
      if (byte < MAX_UNBIASED_BYTE && text.length < length) text += BASE62.charAt(byte % 62);
    }
  }
  return text;
}

/** Deterministic bytes, derived from a string. */
function bytesFrom(text: string): RandomSource {
  let round = 0;
  return (size) => createHash('sha512').update(`${round++}\0${text}`).digest().subarray(0, size);
}

function makeId(workspaceId: string, random: RandomSource): string {
  return workspaceTag(workspaceId) + randomText(ID_LENGTH - TAG_LENGTH, random);
}

/** Characters of an id after its tag that count the ids of one millisecond. */
const COUNTER_LENGTH = 4;

/**
 * Returns a function that makes an id for a key of a workspace. Lists order keys of one millisecond by their ids, so ids
 * of one millisecond grow: their first characters count from a random number. The others are random.
 */
export function createIdGenerator(): (workspaceId: string, ms: number) => string {
  let last = { ms: -1, count: 0 };
  return (workspaceId, ms) => {
    const count = ms === last.ms ? last.count + 1 : randomInt(62 ** COUNTER_LENGTH / 2);
    last = { ms, count };
    const random = randomText(ID_LENGTH - TAG_LENGTH - COUNTER_LENGTH, randomBytes);
    return workspaceTag(workspaceId) + toBase62(count, COUNTER_LENGTH) + random;
  };
}

/**
 * Id of a key that can be created only once: the same parts give the same id, other parts another one. An id is public;
 * the secret of the token does not follow from it.
 */
export function deriveId(workspaceId: string, parts: readonly (string | null)[]): string {
  return makeId(workspaceId, bytesFrom(JSON.stringify([workspaceId, ...parts])));
}

/**
 * Generates a token for a key of a workspace.
 *
 * @param random For tests. Must be cryptographically strong. Default: `crypto.randomBytes`.
 * @param id Default: a random id.
 */
export function generateToken(
  prefix: string,
  workspaceId: string,
  random: RandomSource = randomBytes,
  id: string = makeId(workspaceId, random),
): GeneratedToken {
  const body = `${prefix}_${id}_${randomText(SECRET_LENGTH, random)}`;
  const token = body + checksumOf(body);
  return { id, token, last4: token.slice(-LAST_LENGTH) };
}
