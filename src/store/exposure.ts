import { auditedChange } from './audit-entry';
import { frozenKey } from './freeze';
import type { Exposure } from './leak-report';
import type { KeyRecord } from './records';
import type { AuditEntry } from './store';

/** The columns that a policy changes. */
function endedBy(policy: Exposure['policy'], key: KeyRecord, at: number): Partial<KeyRecord> {
  if (policy === 'revoke') return { revoked: true, expiresAt: Math.min(key.expiresAt, at) };
  return policy === 'disable' ? { disabled: true } : {};
}

/** The record of a key after a report. The same record if the report neither ends the key nor is its first. */
export function applyExposure(key: KeyRecord, exposure: Exposure, at: number): KeyRecord {
  const { policy } = exposure;
  const ends = policy === 'revoke' || (policy === 'disable' && !key.disabled);
  if (!ends && key.exposure !== null) return key;
  return frozenKey({
    ...key,
    ...endedBy(policy, key, at),
    exposure: { ...exposure, at },
    updatedAt: at,
    revision: key.revision + 1,
  });
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
