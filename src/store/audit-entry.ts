import { KeyscopeError } from '../errors';
import type { Features } from '../features';
import { AUDITED_FIELD_NAMES } from './key-fields';
import type { KeyRecord } from './records';
import type { AuditEntry, AuditQuery } from './store';

type Shown = Readonly<Record<string, unknown>>;

/** What an audit entry shows of a key that came or went: every audited field that says something. */
export function auditedKey(key: KeyRecord): Shown {
  const shown: Record<string, unknown> = {};
  for (const field of AUDITED_FIELD_NAMES) if (key[field] !== null) shown[field] = key[field];
  return Object.freeze(shown);
}

/** What an audit entry shows of a key that changed: the fields that did. */
export function auditedChange(before: KeyRecord, after: KeyRecord): { before: Shown; after: Shown } {
  const was: Record<string, unknown> = {};
  const is: Record<string, unknown> = {};
  for (const field of AUDITED_FIELD_NAMES) {
    if (JSON.stringify(before[field]) === JSON.stringify(after[field])) continue;
    was[field] = before[field];
    is[field] = after[field];
  }
  return { before: Object.freeze(was), after: Object.freeze(is) };
}

/** What an audit entry shows of a project's configuration. */
export function auditedFeatures(features: Features): Shown {
  return Object.freeze({ transcript: features.transcript, metrics: features.metrics });
}

/** From the Unix epoch on, and within what Redis takes. */
const AUDIT_ID = /^[1-9]\d{0,14}-\d{1,15}$/;

/** Whether entries with these ids, of the form `<ms>-<sequence>`, stand in this order. */
export function isOlder(id: string, than: string): boolean {
  const [ms = '', sequence = ''] = id.split('-');
  const [thanMs = '', thanSequence = ''] = than.split('-');
  return ms === thanMs ? Number(sequence) < Number(thanSequence) : Number(ms) < Number(thanMs);
}

/** Refuses what cannot be an entry's id: it comes from a caller's cursor. */
export function checkAuditId(id: string | null): void {
  if (id !== null && !AUDIT_ID.test(id)) {
    throw new KeyscopeError('invalid_request', 'The audit cursor is not one that this list gave out.', {
      issues: [{ path: 'before', message: 'Expected the `next` of an earlier page.' }],
    });
  }
}

/** Whether an entry is one that was asked for. A key's history begins with the rotation that made it. */
export function matchesAuditQuery(entry: AuditEntry, query: AuditQuery): boolean {
  return (
    (query.target === undefined || entry.target === query.target || entry.after?.rotatedTo === query.target) &&
    (query.actor === undefined || entry.actor === query.actor) &&
    (query.action === undefined || entry.action === query.action)
  );
}
