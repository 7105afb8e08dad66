import { sha256 } from './digest';
import { LAST_LENGTH } from './format';

/**
 * Imported tokens: issued by another system. Of some of them only the SHA-256 is known, so everything derives from that:
 * the alias that finds the key, and the string whose digest is stored. Both are hashes of different strings, so that
 * neither reveals the other or the token.
 */

/** Shorter tokens could be guessed. Longer strings are no tokens, and hashing them would cost time. */
const MIN_LENGTH = 8;
const MAX_LENGTH = 512;
const VISIBLE = /^[!-~]+$/;

/** Minimum length of a token whose ends can be shown: the hidden part cannot be guessed. */
const SHOWN_FROM = 24;

const HEX = /^[0-9a-f]{64}$/i;
const BASE64 = /^[\w+/-]{43}=?$/;
const HASH_BYTES = 32;
const ALIAS_LENGTH = 32;
const ALIAS = new RegExp(`^[0-9a-f]{${ALIAS_LENGTH}}$`);

/** Whether a value can be an imported token: 8–512 visible ASCII characters. A header that was sent twice contains a space. */
export function isImportedToken(text: unknown): text is string {
  return typeof text === 'string' && text.length >= MIN_LENGTH && text.length <= MAX_LENGTH && VISIBLE.test(text);
}

/** SHA-256 of an imported token: 64 hexadecimal digits. */
export function fingerprintOf(token: string): string {
  return sha256(token);
}

/** Parses a SHA-256 in hexadecimal, base64 or base64url. Null if it is none of these. */
export function readFingerprint(text: string): string | null {
  if (HEX.test(text)) return text.toLowerCase();
  const bytes = BASE64.test(text) ? Buffer.from(text, 'base64') : null;
  return bytes?.length === HASH_BYTES ? bytes.toString('hex') : null;
}

/** Alias of an imported token, by which its key is found. 128 bits, so that no two tokens share one. */
export function aliasOf(fingerprint: string): string {
  return sha256(`keyscope-imported:${fingerprint}`).slice(0, ALIAS_LENGTH);
}

/** Whether a string has the form of an alias. */
export function isAlias(text: string): boolean {
  return ALIAS.test(text);
}

/** String whose digest is stored instead of the token's own. No keyscope token is such a string, because none has a colon. */
export function hashInputOf(fingerprint: string): string {
  return `imported:${fingerprint}`;
}

/** First and last characters of an imported token, for the masked form. Empty if the token is short or unknown. */
export function maskableEnds(token: string | undefined): { first: string; last: string } {
  if (token === undefined || token.length < SHOWN_FROM) return { first: '', last: '' };
  return { first: token.slice(0, LAST_LENGTH), last: token.slice(-LAST_LENGTH) };
}
