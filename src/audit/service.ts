import { z } from 'zod';
import { KeyscopeError } from '../errors';
import { cursor, DEFAULT_WORKSPACE, externalId, limit } from '../field-schemas';
import { readCursor, writeCursor } from '../pagination-cursor';
import { readHead, writeHead } from '../store/audit-chain';
import { AUDIT_ID } from '../store/audit-entry';
import { AUDIT_ACTIONS, type AuditAction, type AuditEntry, type Store } from '../store/store';
import { parseInput } from '../validate-input';
import { type AuditFault, ChainCheck } from './check-chain';

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

export interface VerifyAuditInput {
  /** Default `'default'`. */
  readonly workspaceId?: string;
  /** Checks only the entries after this one, by its id. The log must still contain it. Default: all entries. */
  readonly since?: string;
  /** `head` of an earlier result. The log must still contain that entry, unchanged. */
  readonly head?: string;
}

/** Result of a check of an audit log. */
export interface AuditVerification {
  /** True if there is no fault. */
  readonly ok: boolean;
  /** Entries that were checked. */
  readonly entries: number;
  /** Those without a hash: a version of keyscope without the chain has written them. They cannot be checked. */
  readonly unchained: number;
  /** Id of the oldest entry that was read. */
  readonly firstId: string | null;
  /** Newest entry, as `<id>:<hash>`. Keep it elsewhere, and pass it to a later check. Null if there is none with a hash. */
  readonly head: string | null;
  /** The first fault. */
  readonly fault: AuditFault | null;
}

export interface ExportAuditInput {
  /** Default `'default'`. */
  readonly workspaceId?: string;
  /** Only entries after this one, by its id. Default: all entries. */
  readonly since?: string;
}

/** Entry of the audit log with its place in the hash chain. */
export interface ExportedAuditRecord extends AuditRecord {
  /** Head of the chain before this entry, as `<id>:<hash>`; null for an entry without a hash. */
  readonly previous: string | null;
  readonly hash: string | null;
}

export interface AuditService {
  /** One page of a workspace's audit log, newest first. Rejects with `invalid_request` or `store_unavailable`. */
  list(input?: ListAuditInput): Promise<AuditList>;
  /**
   * Checks the hash chain of a workspace's audit log. A fault is a result. Rejects with `invalid_request` or
   * `store_unavailable`.
   *
   * @example const { ok, head, fault } = await apiKeys.audit.verify({ workspaceId: 'acme', head: lastHead });
   */
  verify(input?: VerifyAuditInput): Promise<AuditVerification>;
  /**
   * All entries, oldest first, read as they are consumed. Throws `invalid_request`; the iteration rejects with
   * `store_unavailable`, also at an entry that cannot be read.
   *
   * @example for await (const entry of apiKeys.audit.export({ since: lastId })) archive.write(`${JSON.stringify(entry)}\n`);
   */
  export(input?: ExportAuditInput): AsyncIterable<ExportedAuditRecord>;
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

const entryId = z
  .string()
  .regex(AUDIT_ID, "Expected the id of an entry, such as '1760000000000-0'.")
  .meta({ description: 'Only entries after this one, by its id.' });
const HEAD_MESSAGE = 'Expected the `head` of an earlier result, such as 1760000000000-0:<40 hexadecimal digits>.';

export const verifyInputSchema = z.strictObject({
  workspaceId: externalId.default(DEFAULT_WORKSPACE),
  since: entryId.optional(),
  head: z
    .string(HEAD_MESSAGE)
    .transform((text, context) => {
      const head = readHead(text);
      if (head !== null && head.hash !== '') return head;
      context.addIssue({ code: 'custom', message: HEAD_MESSAGE, input: text });
      return z.NEVER;
    })
    .optional(),
});
export const exportInputSchema = verifyInputSchema.omit({ head: true });

/** Entries that one read returns. Redis runs nothing else during it. */
const PAGE_SIZE = 200;

function toRecord(entry: AuditEntry): AuditRecord {
  return { ...entry, at: new Date(entry.at) };
}

export function createAuditService({ store }: { readonly store: Store }): AuditService {
  async function* records(workspaceId: string, since: string | null): AsyncGenerator<ExportedAuditRecord> {
    let position = since;
    for (;;) {
      const page = await store.readAudit({ workspaceId, from: position, limit: PAGE_SIZE });
      for (const { id, entry, previous, hash } of page) {
        // The position itself was in the page before.
        if (id === position) continue;
        if (entry === null) {
          const message = `The entry ${id} of the audit log cannot be read. An export with \`since\` continues after it.`;
          throw new KeyscopeError('store_unavailable', message);
        }
        yield { ...toRecord(entry), previous: previous && writeHead(previous), hash };
      }
      if (page.length < PAGE_SIZE) return;
      position = page.at(-1)?.id ?? null;
    }
  }

  async function checkAll(check: ChainCheck, workspaceId: string, since: string | null): Promise<void> {
    let position = since;
    let last: { readonly id: string | null } | null = null;
    for (;;) {
      const page = await store.readAudit({ workspaceId, from: position, limit: PAGE_SIZE });
      for (const entry of page) {
        if (entry.id === since) check.startAfter(entry);
        else if (entry.id !== position) check.add(entry);
      }
      position = page.at(-1)?.id ?? position;
      if (page.length === PAGE_SIZE) continue;
      // Entries can be added during the check. An entry with the last id was added before the next page is read.
      if (last !== null) return check.end(last.id);
      last = { id: await store.lastAuditId(workspaceId) };
      if (last.id === check.lastId) return check.end(last.id);
    }
  }

  return {
    async list(input) {
      const query = parseInput(auditInputSchema, input ?? {}, 'audit.list');
      const { workspaceId, target, actor, action } = query;
      const listing = ['audit', workspaceId, target ?? null, actor ?? null, action ?? null];
      const before =
        query.cursor === undefined
          ? null
          : readCursor(listing, query.cursor, 'audit.list', (position) => AUDIT_ID.test(position));
      const page = await store.listAudit({ workspaceId, limit: query.limit, before, target, actor, action });
      return {
        entries: page.entries.map(toRecord),
        cursor: page.next === null ? null : writeCursor(listing, page.next),
      };
    },

    async verify(input) {
      const { workspaceId, since = null, head = null } = parseInput(verifyInputSchema, input ?? {}, 'audit.verify');
      const check = new ChainCheck({ since, kept: head });
      await checkAll(check, workspaceId, since);
      const { entries, unchained, firstId, fault } = check;
      return { ok: fault === null, entries, unchained, firstId, head: check.head, fault };
    },

    export(input) {
      const { workspaceId, since = null } = parseInput(exportInputSchema, input ?? {}, 'audit.export');
      return records(workspaceId, since);
    },
  };
}
