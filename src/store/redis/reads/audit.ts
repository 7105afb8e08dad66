import type { Clock } from '../../../clock';
import { KeyscopeError } from '../../../errors';
import { placeInChain } from '../../audit-chain';
import { auditedFeatures, checkAuditId, matchesAuditQuery, shownFields } from '../../audit-entry';
import {
  AUDIT_ACTION,
  type AuditEntry,
  type AuditPage,
  type AuditQuery,
  type AuditRange,
  type ChainedEntry,
} from '../../store';
import { unreadable } from '../errors';
import type { KeyNames } from '../key-names';
import { decodeProject, parseStored } from '../record-codec';
import type { BatchedReader } from './batched-reader';
import { scanPage } from './scan-page';

/** Entries that one step of a filtered list reads. */
const FILTER_STEP = 500;

export interface ListAuditOptions {
  readonly reader: BatchedReader;
  readonly keyNames: KeyNames;
  readonly clock: Clock;
  /** Milliseconds after which a filtered list leaves the rest to the next page. */
  readonly timeoutMs: number;
}

function isOptionalText(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}

interface StreamItem {
  readonly id: string;
  readonly flat: readonly string[];
}

/** Reads an entry of the stream, `[id, [field, value, …]]`. */
function readItem(item: unknown, where: string): StreamItem {
  const [id, flat] = Array.isArray(item) ? item : [];
  if (typeof id !== 'string' || !Array.isArray(flat)) throw unreadable(where);
  return { id, flat: flat.map(String) };
}

function decodeEntry({ id, flat }: StreamItem, where: string): AuditEntry {
  const fields = new Map<string, string>();
  for (let i = 0; i < flat.length; i += 2) fields.set(flat[i] as string, flat[i + 1] as string);

  const json = (field: string) => parseStored(fields.get(field) ?? '', where, `the field ${field} of ${id}`);
  const action = fields.get('action');
  const target = fields.get('target');
  const [at, actor, source, name] = ['at', 'actor', 'source', 'name'].map(json);
  if (action === undefined || target === undefined || typeof at !== 'number') throw unreadable(where);
  // Not only the known actions: during an update, processes of a later version write others.
  if (!AUDIT_ACTION.test(action)) throw unreadable(where);
  if (!isOptionalText(actor) || !isOptionalText(source) || !isOptionalText(name)) throw unreadable(where);

  function shown(field: 'before' | 'after'): AuditEntry['before'] {
    const value = json(field);
    if (value === null) return null;
    if (typeof value !== 'object') throw unreadable(where);
    // For a configuration, the trail has the whole stored value.
    if (action === 'project.configured' || action === 'project.cleared') {
      return auditedFeatures(decodeProject(fields.get(field), where));
    }
    return shownFields(value as Record<string, unknown>);
  }

  return Object.freeze({ id, at, actor, source, action, target, name, before: shown('before'), after: shown('after') });
}

function decodeChained(item: StreamItem, where: string): ChainedEntry {
  const place = placeInChain(item.flat);
  try {
    return { id: item.id, ...place, entry: decodeEntry(item, where) };
  } catch (error) {
    // One damaged entry must not hide the others from a check of the chain.
    if (error instanceof KeyscopeError) return { id: item.id, ...place, entry: null };
    throw error;
  }
}

export function createReadAudit({ reader, keyNames }: Pick<ListAuditOptions, 'reader' | 'keyNames'>) {
  return async function readAudit({ workspaceId, from, limit }: AuditRange): Promise<readonly ChainedEntry[]> {
    checkAuditId(from);
    const key = keyNames.audit(workspaceId);
    return reader.read({
      name: 'xrange',
      key,
      args: [from ?? '-', '+', 'COUNT', String(limit)],
      decode(reply) {
        if (!Array.isArray(reply)) throw unreadable(key);
        return reply.map((item) => decodeChained(readItem(item, key), key));
      },
    });
  };
}

export function createListAudit({ reader, keyNames, clock, timeoutMs }: ListAuditOptions) {
  function readEntries(workspaceId: string, before: string | null, count: number): Promise<AuditEntry[]> {
    const key = keyNames.audit(workspaceId);
    return reader.read({
      name: 'xrevrange',
      key,
      args: [before === null ? '+' : `(${before}`, '-', 'COUNT', String(count)],
      decode(reply) {
        if (!Array.isArray(reply)) throw unreadable(key);
        return reply.map((item) => decodeEntry(readItem(item, key), key));
      },
    });
  }

  return async function listAudit(query: AuditQuery): Promise<AuditPage> {
    checkAuditId(query.before);
    const isFiltered = query.target !== undefined || query.actor !== undefined || query.action !== undefined;
    return scanPage<AuditEntry, AuditEntry>(
      {
        async readStep(place, wanted) {
          const count = isFiltered ? FILTER_STEP : wanted;
          const entries = await readEntries(query.workspaceId, place, count);
          const last = entries.length < count ? null : (entries.at(-1)?.id ?? null);
          return { matches: entries.filter((entry) => matchesAuditQuery(entry, query)), last };
        },
        positionOf: (entry) => entry.id,
        load: async (entries) => entries,
        idOf: (entry) => entry.id,
      },
      { limit: query.limit, after: query.before, clock, timeoutMs },
    );
  };
}
