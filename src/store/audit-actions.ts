/** Kinds of changes, in the audit log and in the outbox. */
export const AUDIT_ACTIONS = [
  'key.created',
  'key.updated',
  'key.rotated',
  'key.deleted',
  'key.exposed',
  'project.configured',
  'project.cleared',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];
