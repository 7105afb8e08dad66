import { createHash } from 'node:crypto';

/**
 * A token: `<prefix>_<id>_<secret><checksum>`, e.g. `ks_4fQaB91zT0mXw7Lc_…`. Everything after the prefix has a fixed
 * length and only that one underscore, so a prefix can contain underscores.
 */

/** Characters of ids, secrets and checksums, in the order of their values. A double click selects a string of them. */
export const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Number of characters at the start of an id that derive from its workspace. */
export const TAG_LENGTH = 4;
export const ID_LENGTH = 16;
/** 62^32 possibilities: 190 bits. */
export const SECRET_LENGTH = 32;
export const CHECKSUM_LENGTH = 6;
/** Length of a token's end in its masked form. Part of the checksum: 24 bits about a secret of 190. */
export const LAST_LENGTH = 4;

/** Form of a prefix. It is used in headers, Redis and regular expressions, and must not look like the end of a token. */
const PREFIX = /^[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*$/;
const MAX_PREFIX_LENGTH = 32;
const ID = new RegExp(`^[0-9A-Za-z]{${ID_LENGTH}}$`);

/** Whether a string can be a prefix: 1–32 letters, digits and single underscores, beginning with a letter. */
export function isTokenPrefix(text: string): boolean {
  return text.length <= MAX_PREFIX_LENGTH && PREFIX.test(text);
}

/** Whether a value has the form of a key id. */
export function isKeyId(text: unknown): text is string {
  return typeof text === 'string' && ID.test(text);
}

/** Length of every token with this prefix. */
export function tokenLength(prefix: string): number {
  return prefix.length + 1 + ID_LENGTH + 1 + SECRET_LENGTH + CHECKSUM_LENGTH;
}

/** The lowest `length` base-62 digits of a number, zero-padded. */
export function toBase62(value: number, length: number): string {
  let text = '';
  for (let rest = value; text.length < length; rest = Math.floor(rest / 62)) text = BASE62.charAt(rest % 62) + text;
  return text;
}

/**
 * First characters of all ids of a workspace: the Redis Cluster hash tag of all data of the workspace. One slot makes
 * changes atomic. Workspaces can share a tag. It is neither secret nor proof of ownership.
 */
export function workspaceTag(workspaceId: string): string {
  // 48 bits are exact in a number, and enough for all 62^4 tags to be equally likely.
  return toBase62(createHash('sha256').update(workspaceId).digest().readUIntBE(0, 6), TAG_LENGTH);
}

/** Tag of an id: its first characters. */
export function tagOf(id: string): string {
  return id.slice(0, TAG_LENGTH);
}

/**
 * Regular expression that finds tokens in text, for secret scanners: pass them its `source`. It uses only syntax that RE2
 * and Hyperscan support. A match has the form of a token; `createTokenParser` also checks the checksum.
 *
 * @param prefix Prefix of the tokens, e.g. `'ks'`.
 * @example tokenPattern('ks').test(logLine)
 */
export function tokenPattern(prefix: string): RegExp {
  const rest = `[0-9A-Za-z]{${ID_LENGTH}}_[0-9A-Za-z]{${SECRET_LENGTH + CHECKSUM_LENGTH}}`;
  return new RegExp(`\\b${prefix.replace(/[^A-Za-z0-9_]/g, '\\$&')}_${rest}\\b`);
}
