import type { AuditRecord, AuditService } from '../../audit/service';
import {
  auditExportQuerySchema,
  auditListSchema,
  auditQuerySchema,
  auditVerificationSchema,
  auditVerifyQuerySchema,
  exportedAuditEntrySchema,
  type WireAuditEntry,
} from '../audit-schemas';
import { defineOperation, type Operation } from '../operation';

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

async function* toLines(entries: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const entry of entries) yield `${JSON.stringify(entry)}\n`;
}

export function createAuditOperations(audit: AuditService): Operation[] {
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
    defineOperation({
      method: 'GET',
      path: '/audit/export',
      operationId: 'exportAudit',
      summary: 'All entries as lines of JSON, oldest first',
      description: 'A connection that ends before the last line has failed: continue after the last complete line.',
      query: auditExportQuerySchema,
      response: {
        status: 200,
        description: 'One entry a line.',
        schema: exportedAuditEntrySchema,
        type: 'application/jsonl',
      },
      handle({ operator: { workspaceId }, query }) {
        const headers = { 'Content-Disposition': 'attachment; filename="audit.jsonl"' };
        return { status: 200, headers, stream: toLines(audit.export({ ...query, workspaceId })) };
      },
    }),
    defineOperation({
      method: 'GET',
      path: '/audit/verify',
      operationId: 'verifyAudit',
      summary: 'Check the hash chain of the log',
      query: auditVerifyQuerySchema,
      response: { status: 200, description: 'The result, also if there is a fault.', schema: auditVerificationSchema },
      async handle({ operator: { workspaceId }, query }) {
        return { status: 200, body: await audit.verify({ ...query, workspaceId }) };
      },
    }),
  ];
}
