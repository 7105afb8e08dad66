import { auditedChange } from './audit-entry';
import { frozenKey } from './freeze';
import type { KeyRecord } from './records';
import type { AuditEntry, Exposure } from './store';

/** The record of a key after a report. The same record if the report changes nothing. */
export function applyExposure(key: KeyRecord, { policy }: Exposure, at: number): KeyRecord {
  if (policy === 'notify' || (policy === 'disable' && key.disabled)) return key;
  const ended = policy === 'disable' ? { disabled: true } : { revoked: true, expiresAt: Math.min(key.expiresAt, at) };
  return frozenKey({ ...key, ...ended, updatedAt: at, revision: key.revision + 1 });
}

/** Fields of an exposed key in an audit entry: those that changed, and the report. */
export function auditedExposure(
  before: KeyRecord,
  after: KeyRecord,
  exposure: Exposure,
): Pick<AuditEntry, 'before' | 'after'> {
  const shown = auditedChange(before, after);
  return { before: shown.before, after: Object.freeze({ ...shown.after, exposure: Object.freeze({ ...exposure }) }) };
}
