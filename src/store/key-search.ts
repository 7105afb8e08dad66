import { maskImportedToken, maskToken } from '../token/mask';
import { foldName } from './index-position';
import type { KeyRecord } from './records';

/** A masked token, or its end: 4 characters of its checksum. */
const MASKED = /\*{3,}[0-9a-z]|^[0-9a-z]{4}$/;
/** Shorter searches would match ids by chance. */
const MIN_ID_SEARCH = 4;

/** True if a folded search may be a masked token. Only the record has it; other searches need no records. */
export function mayBeMasked(q: string): boolean {
  return MASKED.test(q);
}

/** True if an index entry matches a folded search by its folded name or its id. */
export function matchesIndexEntry({ id, name }: { readonly id: string; readonly name: string }, q: string): boolean {
  return name.includes(q) || (q.length >= MIN_ID_SEARCH && id.toLowerCase().includes(q));
}

/** True if a key matches a folded search by its name, its id or its masked token. */
export function matchesKey(key: KeyRecord, q: string): boolean {
  const { id, name, prefix, last4, alias } = key;
  if (matchesIndexEntry({ id, name: foldName(name) }, q)) return true;
  if (!mayBeMasked(q)) return false;
  const masked = alias === null ? maskToken(prefix, id, last4) : maskImportedToken(prefix, last4);
  return masked.toLowerCase().includes(q);
}
