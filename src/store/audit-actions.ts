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
/** Action of a stored entry. A later version of keyscope can have written others. */
export type StoredAuditAction = AuditAction | (string & {});
/** Form of all actions. */
export const AUDIT_ACTION = /^[a-z]{1,20}\.[a-z_]{1,40}$/;
