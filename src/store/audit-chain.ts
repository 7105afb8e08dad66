import { createHash } from 'node:crypto';

/** Place of an entry in the hash chain of its audit log. */
export interface ChainPlace {
  /** The head of the chain before this entry, as the entry states it. Null if the entry has no hash. */
  readonly previous: ChainHead | null;
  /** Null if the entry was written by a version without the chain. */
  readonly hash: string | null;
  /** True if `hash` is the hash of the entry as it is stored. */
  readonly isIntact: boolean;
}

/** End of the chain: id and hash of the newest entry. */
export interface ChainHead {
  readonly id: string;
  /** Empty if that entry has no hash, or was removed. */
  readonly hash: string;
}

/** Names and values of an entry's fields, alternating. The last field is `hash`. */
export type EntryFields = readonly string[];

/**
 * Hash of an entry: SHA-1 over its field names and values in their stored order, each as `<length in bytes>:<text>`.
 * `scripts/common.lua.ts` computes the same in Redis, whose Lua knows no other hash.
 */
export function hashEntry(fields: EntryFields): string {
  const hash = createHash('sha1');
  for (const text of fields) hash.update(`${Buffer.byteLength(text)}:${text}`);
  return hash.digest('hex');
}

/** Writes a head as it is stored, printed and accepted: `<id>:<hash>`. */
export function writeHead({ id, hash }: ChainHead): string {
  return `${id}:${hash}`;
}

const HEAD = /^(\d{1,16}-\d{1,16}):([0-9a-f]{40}|)$/;

/** Reads a head; null if it is none. */
export function readHead(text: string): ChainHead | null {
  const [, id, hash] = HEAD.exec(text) ?? [];
  return id === undefined || hash === undefined ? null : { id, hash };
}

/** Place of the first entry of a log that was empty. */
const BEFORE_ALL: ChainHead = { id: '0-0', hash: '' };

/** Reads the place of a stored entry in the chain. */
export function placeInChain(fields: EntryFields): ChainPlace {
  const end = fields.length - 2;
  const hash = fields[end] === 'hash' ? (fields[end + 1] as string) : null;
  if (hash === null) return { previous: null, hash, isIntact: false };
  const stated = fields[0] === 'previous' ? fields[1] : undefined;
  const previous = stated === '' ? BEFORE_ALL : readHead(stated ?? '');
  return { previous, hash, isIntact: previous !== null && hashEntry(fields.slice(0, end)) === hash };
}
