import { z } from 'zod';
import { auditInputSchema, exportInputSchema, verifyInputSchema } from '../audit/service';
import { AUDIT_ACTIONS } from '../store/store';
import { time } from './key-schema';

const auditFields = z
  .record(z.string(), z.unknown())
  .nullable()
  .meta({ description: 'The changed fields. Null before a creation, and after a deletion.' });

const auditEntrySchema = z.object({
  id: z.string(),
  at: time,
  actor: z.string().nullable(),
  source: z.string().nullable().meta({ description: 'The address of the operator, such as an IP address.' }),
  action: z.string().meta({ description: `One of ${AUDIT_ACTIONS.join(', ')}, or an action of a later version.` }),
  target: z.string().meta({ description: 'The id of the key or project.' }),
  name: z.string().nullable().meta({ description: "The key's name at the time." }),
  before: auditFields,
  after: auditFields,
});

export const auditListSchema = z.object({
  entries: z.array(auditEntrySchema.meta({ description: 'A change.' })),
  cursor: z.string().nullable().meta({ description: '`cursor` of the next page. Null on the last page.' }),
});

export const auditQuerySchema = auditInputSchema.omit({ workspaceId: true });

export const exportedAuditEntrySchema = auditEntrySchema
  .extend({
    previous: z.string().nullable().meta({ description: 'The entry before, as `<id>:<hash>`. Null without a hash.' }),
    hash: z.string().nullable(),
  })
  .meta({
    description: 'One line: a change with its place in the hash chain. Times in `before` and `after` are numbers.',
  });

export const auditExportQuerySchema = exportInputSchema.omit({ workspaceId: true });

export const auditVerificationSchema = z
  .object({
    ok: z.boolean().meta({ description: 'True if there is no fault.' }),
    entries: z.int().min(0).meta({ description: 'Entries that were checked.' }),
    unchained: z
      .int()
      .min(0)
      .meta({ description: 'Those of a version without the hash chain. They cannot be checked.' }),
    firstId: z.string().nullable().meta({ description: 'Id of the oldest entry that was read.' }),
    head: z.string().nullable().meta({ description: 'Newest entry, as `<id>:<hash>`. Keep it for a later check.' }),
    fault: z
      .object({
        kind: z.enum(['changed', 'removed', 'inserted', 'reordered']),
        entryId: z.string(),
        message: z.string(),
      })
      .nullable()
      .meta({ description: 'The first fault.' }),
  })
  .meta({ description: 'Result of a check of the hash chain.' });

/** The head is validated by the audit service. */
export const auditVerifyQuerySchema = verifyInputSchema.omit({ workspaceId: true }).extend({
  head: z
    .string()
    .max(200)
    .optional()
    .meta({ description: '`head` of an earlier check. The log must still contain that entry.' }),
});

/** With their names in the OpenAPI document. */
export const AUDIT_SCHEMAS: readonly (readonly [z.ZodType, string])[] = [
  [auditListSchema, 'AuditList'],
  [exportedAuditEntrySchema, 'ExportedAuditEntry'],
  [auditVerificationSchema, 'AuditVerification'],
];

export type WireAuditEntry = z.infer<typeof auditEntrySchema>;
