import { createHash } from 'node:crypto';

/**
 * A token: `<prefix>_<id><secret><checksum>` with an underscore after the id, e.g. `ks_4fQaB91zT0mXw7Lc_…`. Everything
 * after the prefix has a fixed length and no underscore of its own but that one, so a prefix may contain underscores.
 */

/** The characters of ids, secrets and checksums, in the order of their values: those that a double click selects whole. */
export const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Characters of an id that derive from its workspace; the rest is random. */
export const TAG_LENGTH = 4;
export const ID_LENGTH = 16;
/** 62^32 possibilities: 190 bits. */
export const SECRET_LENGTH = 32;
export const CHECKSUM_LENGTH = 6;
/** How much of a token's end its masked form shows: part of the checksum, which gives nothing of the secret away that counts. */
export const LAST_LENGTH = 4;

/** What a prefix may be: it ends up in headers, Redis and regular expressions, and must not look like a token's end. */
const PREFIX = /^[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*$/;
const MAX_PREFIX_LENGTH = 32;
const ID = new RegExp(`^[0-9A-Za-z]{${ID_LENGTH}}$`);

/** Whether text can be the prefix of tokens: 1–32 letters, digits and single underscores, from a letter on. */
export function isTokenPrefix(text: string): boolean {
  return text.length <= MAX_PREFIX_LENGTH && PREFIX.test(text);
}

/** Whether text has the form of a key's id. */
export function isKeyId(text: unknown): text is string {
  return typeof text === 'string' && ID.test(text);
}

/** The length of every token with this prefix. */
export function tokenLength(prefix: string): number {
  return prefix.length + 1 + ID_LENGTH + 1 + SECRET_LENGTH + CHECKSUM_LENGTH;
}

/** The lowest `length` digits of a number in base 62, zero-padded. */
export function toBase62(value: number, length: number): string {
  let text = '';
  for (let rest = value; text.length < length; rest = Math.floor(rest / 62)) text = BASE62.charAt(rest % 62) + text;
  return text;
}

/**
 * The first characters of all ids of a workspace. They are the Redis Cluster hash tag of everything that a workspace
 * owns: one slot, hence atomic changes. Workspaces may share a tag; it is no secret and no proof of anything.
 */
export function workspaceTag(workspaceId: string): string {
  // 48 bits: exact in a number, and far enough above 62^4 for every tag to be as likely as any other.
  return toBase62(createHash('sha256').update(workspaceId).digest().readUIntBE(0, 6), TAG_LENGTH);
}

/** The tag of an id: its first characters. */
export function tagOf(id: string): string {
  return id.slice(0, TAG_LENGTH);
}

/**
 * A regular expression that finds tokens in text, for secret scanners (give them its `source`). It keeps to what RE2 and
 * Hyperscan know. What it finds has a token's form; `createTokenParser` checks the checksum and tells a real token from
 * a look-alike.
 */
export function tokenPattern(prefix: string): RegExp {
  const rest = `[0-9A-Za-z]{${ID_LENGTH}}_[0-9A-Za-z]{${SECRET_LENGTH + CHECKSUM_LENGTH}}`;
  return new RegExp(`\\b${prefix.replace(/[^A-Za-z0-9_]/g, '\\$&')}_${rest}\\b`);
}
