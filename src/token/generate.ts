import { randomBytes } from 'node:crypto';
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
const FAIR = 256 - (256 % 62);

function randomText(length: number, random: RandomSource): string {
  let text = '';
  while (text.length < length) {
    // 3 % of the bytes are rejected: a few more than needed make a second round rare.
    for (const byte of random(length - text.length + 4)) {
      if (byte < FAIR && text.length < length) text += BASE62.charAt(byte % 62);
    }
  }
  return text;
}

/** Makes a token for a key of a workspace. `random` is for tests; it must be cryptographically strong. */
export function generateToken(prefix: string, workspaceId: string, random: RandomSource = randomBytes): GeneratedToken {
  const id = workspaceTag(workspaceId) + randomText(ID_LENGTH - TAG_LENGTH, random);
  const body = `${prefix}_${id}_${randomText(SECRET_LENGTH, random)}`;
  const token = body + checksumOf(body);
  return { id, token, last4: token.slice(-LAST_LENGTH) };
}
