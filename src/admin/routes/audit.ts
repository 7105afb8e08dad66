import type { AuditRecord, AuditService } from '../../audit/service';
import { defineOperation, type Operation } from '../operation';
import { auditListSchema, auditQuerySchema, type WireAuditEntry } from '../schemas';

/** The audit log stores times as numbers. In responses they are strings, as everywhere. */
function toWireFields(fields: AuditRecord['before']): WireAuditEntry['before'] {
  if (fields === null || typeof fields.expiresAt !== 'number') return fields;
  return { ...fields, expiresAt: new Date(fields.expiresAt).toISOString() };
}

function toWire(entry: AuditRecord): WireAuditEntry {
  return {
    id: entry.id,
    at: entry.at.toISOString(),
    actor: entry.actor,
    source: entry.source,
    action: entry.action,
    target: entry.target,
    name: entry.name,
    before: toWireFields(entry.before),
    after: toWireFields(entry.after),
  };
}

export function createAuditOperations(audit: Pick<AuditService, 'list'>): Operation[] {
  return [
    defineOperation({
      method: 'GET',
      path: '/audit',
      operationId: 'listAudit',
      summary: 'List changes, newest first',
      query: auditQuerySchema,
      response: { status: 200, description: 'A page of entries.', schema: auditListSchema },
      async handle({ operator: { workspaceId }, query }) {
        const page = await audit.list({ ...query, workspaceId });
        return { status: 200, body: { entries: page.entries.map(toWire), cursor: page.cursor } };
      },
    }),
  ];
}
