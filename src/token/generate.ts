import { createHash, randomBytes } from 'node:crypto';
import { checksumOf } from './checksum';
import { BASE62, ID_LENGTH, LAST_LENGTH, SECRET_LENGTH, TAG_LENGTH, workspaceTag } from './format';

/** Gives unpredictable bytes. */
export type RandomSource = (size: number) => Uint8Array;

/** A new token, and what may be kept of it. */
export interface GeneratedToken {
  readonly id: string;
  /** The whole text, to be shown once and never stored. */
  readonly token: string;
  /** Its last characters, for the masked form. */
  readonly last4: string;
}

/** The largest multiple of 62 in a byte. Bytes from here on would make the first characters likelier than the last ones. */
const MAX_UNBIASED_BYTE = 256 - (256 % 62);

function randomText(length: number, random: RandomSource): string {
  let text = '';
  while (text.length < length) {
    // 3 % of the bytes are rejected: a few more than needed make a second round rare.
    for (const byte of random(length - text.length + 4)) {
      if (byte < MAX_UNBIASED_BYTE && text.length < length) text += BASE62.charAt(byte % 62);
    }
  }
  return text;
}

/** Bytes that follow from a text, as many as asked for. */
function bytesFrom(text: string): RandomSource {
  let round = 0;
  return (size) => createHash('sha512').update(`${round++}\0${text}`).digest().subarray(0, size);
}

function makeId(workspaceId: string, random: RandomSource): string {
  return workspaceTag(workspaceId) + randomText(ID_LENGTH - TAG_LENGTH, random);
}

/**
 * The id of a key that may be made once only: the same parts always give the same id, others another one. An id is
 * public; nothing of a token's secret follows from it.
 */
export function deriveId(workspaceId: string, parts: readonly (string | null)[]): string {
  return makeId(workspaceId, bytesFrom(JSON.stringify([workspaceId, ...parts])));
}

/**
 * Makes a token for a key of a workspace.
 *
 * @param random For tests; it must be cryptographically strong.
 * @param id Default: a random one.
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
