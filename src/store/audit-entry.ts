import { LAST_TIME } from '../clock';
import { KeyscopeError } from '../errors';
import type { Features } from '../features';
import { AUDITED_FIELD_NAMES } from './key-fields';
import type { KeyRecord } from './records';
import type { AuditEntry, AuditQuery } from './store';

type Shown = Readonly<Record<string, unknown>>;

/** Fields of a key in an audit entry or an event, as they are shown: the expiry of a key that never expires is null. */
export function shownFields(stored: Shown): Shown {
  return Object.freeze(stored.expiresAt === LAST_TIME ? { ...stored, expiresAt: null } : stored);
}

/** Fields of a created or deleted key in an audit entry: all audited fields that are not null. */
export function auditedKey(key: KeyRecord): Shown {
  const shown: Record<string, unknown> = {};
  for (const field of AUDITED_FIELD_NAMES) if (key[field] !== null) shown[field] = key[field];
  return shownFields(shown);
}

/** Fields of a changed key in an audit entry: the audited fields that changed. */
export function auditedChange(before: KeyRecord, after: KeyRecord): { before: Shown; after: Shown } {
  const was: Record<string, unknown> = {};
  const is: Record<string, unknown> = {};
  for (const field of AUDITED_FIELD_NAMES) {
    if (JSON.stringify(before[field]) === JSON.stringify(after[field])) continue;
    was[field] = before[field];
    is[field] = after[field];
  }
  return { before: shownFields(was), after: shownFields(is) };
}

/** Fields of a project's configuration in an audit entry. */
export function auditedFeatures(features: Features): Shown {
  return Object.freeze({ transcript: features.transcript, metrics: features.metrics });
}

/** Form of an entry's id: after the Unix epoch, within the range that Redis accepts. */
export const AUDIT_ID = /^[1-9]\d{0,14}-\d{1,15}$/;

/** True if the entry `id` is older than the entry `than`. Ids have the form `<ms>-<sequence>`. */
export function isOlder(id: string, than: string): boolean {
  const [ms = '', sequence = ''] = id.split('-');
  const [thanMs = '', thanSequence = ''] = than.split('-');
  return ms === thanMs ? Number(sequence) < Number(thanSequence) : Number(ms) < Number(thanMs);
}

/** Throws if a string cannot be an entry's id. The string comes from a caller's cursor. */
export function checkAuditId(id: string | null): void {
  if (id !== null && !AUDIT_ID.test(id)) {
    throw new KeyscopeError('invalid_request', 'This is not a cursor of the audit log.', {
      issues: [{ path: 'before', message: 'Expected the `next` of an earlier page.' }],
    });
  }
}

/** True if an entry matches a query. A key's history begins with the rotation that created it, if there was one. */
export function matchesAuditQuery(entry: AuditEntry, query: AuditQuery): boolean {
  return (
    (query.target === undefined || entry.target === query.target || entry.after?.rotatedTo === query.target) &&
    (query.actor === undefined || entry.actor === query.actor) &&
    (query.action === undefined || entry.action === query.action)
  );
}
