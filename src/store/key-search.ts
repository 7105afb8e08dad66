import { LAST_TIME } from '../clock';
import { maskImportedToken, maskToken } from '../token/mask';
import type { KeyMetadata, KeyOwner } from './column-codecs';
import { foldName } from './index-position';
import type { KeyRecord } from './records';

/** A masked token, or its end: 4 characters of its checksum. */
const MASKED = /\*{3,}[0-9a-z]|^[0-9a-z]{4}$/;
/** Shorter searches would match ids by chance. */
const MIN_ID_SEARCH = 4;

/** True if a folded search may be part of an id. */
export function mayBeId(q: string): boolean {
  return q.length >= MIN_ID_SEARCH;
}

/** True if a folded search may be a masked token. Only the record has it; other searches need no records. */
export function mayBeMasked(q: string): boolean {
  return MASKED.test(q);
}

/** True if an index entry matches a folded search by its folded name or its id. */
export function matchesIndexEntry({ id, name }: { readonly id: string; readonly name: string }, q: string): boolean {
  return name.includes(q) || (mayBeId(q) && id.toLowerCase().includes(q));
}

/** True if a key matches a folded search by its name, its id or its masked token. */
export function matchesKey(key: KeyRecord, q: string): boolean {
  const { id, name, prefix, last4, alias } = key;
  if (matchesIndexEntry({ id, name: foldName(name) }, q)) return true;
  if (!mayBeMasked(q)) return false;
  const masked = alias === null ? maskToken(prefix, id, last4) : maskImportedToken(prefix, last4);
  return masked.toLowerCase().includes(q);
}

/** States in which keys can be listed. */
export const KEY_STATUSES = ['active', 'disabled', 'expired', 'rotated'] as const;
export type KeyStatus = (typeof KEY_STATUSES)[number];

/** Conditions on the columns and the last use of keys. All of them must hold. Absent: any. */
export interface KeyFilter {
  readonly status?: KeyStatus | undefined;
  /** Milliseconds. */
  readonly expiringWithin?: number | undefined;
  /** Milliseconds. */
  readonly unusedFor?: number | undefined;
  readonly permission?: string | undefined;
  readonly agent?: string | undefined;
  readonly owner?: KeyOwner | null | undefined;
  readonly environment?: string | null | undefined;
  readonly metadata?: KeyMetadata | undefined;
  readonly createdBy?: string | null | undefined;
}

/** The first pair of a filter whose name is among those that are indexed; null if there is none. */
export function indexedPair(filter: KeyFilter | null, names: readonly string[]): readonly [string, string] | null {
  for (const name of names) {
    const value = filter?.metadata?.[name];
    if (value !== undefined) return [name, value];
  }
  return null;
}

function hasStatus({ disabled, expiresAt, rotatedTo }: KeyRecord, status: KeyStatus, now: number): boolean {
  if (status === 'rotated') return rotatedTo !== null;
  if (status === 'expired') return expiresAt <= now;
  return now < expiresAt && disabled === (status === 'disabled');
}

function expiresWithin({ expiresAt }: KeyRecord, duration: number, now: number): boolean {
  return expiresAt > now && expiresAt <= now + duration && expiresAt !== LAST_TIME;
}

function coversAgent({ agents }: KeyRecord, agent: string): boolean {
  return agents === 'all' || agent === 'all' ? agents === agent : agents.includes(agent);
}

/** True if the columns of a key match a filter. `unusedFor` needs the last use also, see {@link isUnused}. */
export function matchesFilter(key: KeyRecord, filter: KeyFilter, now: number): boolean {
  const { status, expiringWithin, permission, agent, owner, environment, metadata = {}, createdBy } = filter;
  if (status !== undefined && !hasStatus(key, status, now)) return false;
  if (expiringWithin !== undefined && !expiresWithin(key, expiringWithin, now)) return false;
  if (permission !== undefined && !key.permissions.includes(permission)) return false;
  if (agent !== undefined && !coversAgent(key, agent)) return false;
  if (owner !== undefined && (owner?.kind !== key.owner?.kind || owner?.id !== key.owner?.id)) return false;
  if (environment !== undefined && key.environment !== environment) return false;
  if (createdBy !== undefined && key.createdBy !== createdBy) return false;
  return Object.entries(metadata).every(([name, value]) => key.metadata[name] === value);
}

/** True if a key was neither used nor created in the last `unusedFor` milliseconds. */
export function isUnused({ createdAt }: KeyRecord, lastUsedAt: number | null, unusedFor: number, now: number): boolean {
  return Math.max(createdAt, lastUsedAt ?? 0) < now - unusedFor;
}
