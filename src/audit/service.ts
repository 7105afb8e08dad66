import { z } from 'zod';
import { cursor, DEFAULT_WORKSPACE, externalId, limit } from '../field-schemas';
import { readCursor, writeCursor } from '../pagination-cursor';
import { AUDIT_ACTIONS, type AuditAction, type AuditEntry, type Store } from '../store/store';
import { parseInput } from '../validate-input';

/** Entry of the audit log: a change with its author, time and origin. */
export interface AuditRecord extends Omit<AuditEntry, 'at'> {
  readonly at: Date;
}

export interface ListAuditInput {
  /** Default `'default'`. */
  readonly workspaceId?: string;
  /** 1–200, default 50. */
  readonly limit?: number;
  /** `cursor` of the previous page. */
  readonly cursor?: string;
  /** Only changes of this key or project, by its id. */
  readonly target?: string;
  /** Only changes by this actor. */
  readonly actor?: string;
  /** Only changes of this kind, e.g. `'key.rotated'`. */
  readonly action?: AuditAction;
}

export interface AuditList {
  readonly entries: AuditRecord[];
  /** Cursor of the next page, with older entries; null on the last. */
  readonly cursor: string | null;
}

export interface AuditService {
  /** One page of a workspace's audit log, newest first. Rejects with `invalid_request` or `store_unavailable`. */
  list(input?: ListAuditInput): Promise<AuditList>;
}

export const auditInputSchema = z.strictObject({
  workspaceId: externalId.default(DEFAULT_WORKSPACE),
  limit,
  cursor,
  target: externalId
    .optional()
    .meta({ description: 'Only changes of this key or project.', minLength: 1, maxLength: 128 }),
  actor: z.string().max(200).optional().meta({ description: 'Only changes by this operator.' }),
  action: z.enum(AUDIT_ACTIONS).optional().meta({ description: 'Only changes of this kind.' }),
});

/** Form of the id of an entry. */
const ENTRY_ID = /^\d{1,16}-\d{1,16}$/;

export function createAuditService({ store }: { readonly store: Store }): AuditService {
  return {
    async list(input) {
      const query = parseInput(auditInputSchema, input ?? {}, 'audit.list');
      const { workspaceId, target, actor, action } = query;
      const listing = ['audit', workspaceId, target ?? null, actor ?? null, action ?? null];
      const before =
        query.cursor === undefined
          ? null
          : readCursor(listing, query.cursor, 'audit.list', (position) => ENTRY_ID.test(position));
      const page = await store.listAudit({ workspaceId, limit: query.limit, before, target, actor, action });
      return {
        entries: page.entries.map((entry) => ({ ...entry, at: new Date(entry.at) })),
        cursor: page.next === null ? null : writeCursor(listing, page.next),
      };
    },
  };
}
