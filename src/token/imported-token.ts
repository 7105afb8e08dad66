import { sha256 } from './digest';
import { LAST_LENGTH } from './format';

/**
 * Tokens that others made, and whose keys were imported. Of such a token nothing may be known but its SHA-256, so that is
 * what everything follows from: the name under which its key is looked up, and the text whose digest is stored. Both are
 * hashes of different texts, so that neither leads to the other, nor back.
 */

/** Shorter ones could be guessed; longer ones are no keys, and not worth hashing. */
const MIN_LENGTH = 8;
const MAX_LENGTH = 512;
const VISIBLE = /^[!-~]+$/;

/** A length from which on the ends of a token may be shown: what stays hidden is more than anyone can guess. */
const SHOWN_FROM = 24;

const HEX = /^[0-9a-f]{64}$/i;
const BASE64 = /^[\w+/-]{43}=?$/;
const HASH_BYTES = 32;
const ALIAS_LENGTH = 32;
const ALIAS = new RegExp(`^[0-9a-f]{${ALIAS_LENGTH}}$`);

/** Whether text can be a foreign token: 8–512 visible ASCII characters. A header that was sent twice has a space in it. */
export function isImportedToken(text: unknown): text is string {
  return typeof text === 'string' && text.length >= MIN_LENGTH && text.length <= MAX_LENGTH && VISIBLE.test(text);
}

/** SHA-256 of a foreign token: 64 hexadecimal digits. */
export function fingerprintOf(token: string): string {
  return sha256(token);
}

/** A fingerprint from SHA-256 as others write it: hexadecimal, base64 or base64url; null where it is none of these. */
export function readFingerprint(text: string): string | null {
  if (HEX.test(text)) return text.toLowerCase();
  const bytes = BASE64.test(text) ? Buffer.from(text, 'base64') : null;
  return bytes?.length === HASH_BYTES ? bytes.toString('hex') : null;
}

/** What a foreign token's key is looked up by. 128 bits: no two tokens have the same. */
export function aliasOf(fingerprint: string): string {
  return sha256(`keyscope-foreign:${fingerprint}`).slice(0, ALIAS_LENGTH);
}

/** Whether text has the form of an alias. */
export function isAlias(text: string): boolean {
  return ALIAS.test(text);
}

/** The text whose digest is stored in place of the token's own. No native token is such a text: none has a colon. */
export function hashInputOf(fingerprint: string): string {
  return `foreign:${fingerprint}`;
}

/** What may be shown of a foreign token: nothing where it is short, or not known. */
export function maskableEnds(token: string | undefined): { first: string; last: string } {
  if (token === undefined || token.length < SHOWN_FROM) return { first: '', last: '' };
  return { first: token.slice(0, LAST_LENGTH), last: token.slice(-LAST_LENGTH) };
}
