import type { AuditRecord, AuditService } from '../../audit/service';
import { defineRoute, type Route } from '../operation';
import { auditListSchema, auditQuerySchema, type WireAuditEntry } from '../schemas';

/** The trail holds times as numbers; over the wire they are text, as everywhere. */
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

export function createAuditRoutes(audit: AuditService): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/audit',
      operationId: 'listAudit',
      summary: 'Who changed what, newest first',
      query: auditQuerySchema,
      answer: { status: 200, description: 'A page of entries.', schema: auditListSchema },
      async handle({ identity: { workspaceId }, query }) {
        const page = await audit.list({ ...query, workspaceId });
        return { status: 200, body: { entries: page.entries.map(toWire), cursor: page.cursor } };
      },
    }),
  ];
}
