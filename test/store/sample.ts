import { randomBytes } from 'node:crypto';
import { NO_METADATA } from '../../src/store/column-codecs';
import type { KeyRecord, KeySort } from '../../src/store/records';
import type { AuditEntry, AuditQuery, ChangeOrigin, KeyQuery, Store } from '../../src/store/store';
import { BASE62, ID_LENGTH, TAG_LENGTH, workspaceTag } from '../../src/token/format';

let workspaces = 0;

/** The id of a workspace that no other test uses. */
export function newWorkspace(): string {
  workspaces += 1;
  return `workspace-${process.pid}-${workspaces}-${randomBytes(3).toString('hex')}`;
}

/** Two workspaces with one tag, so that the ids of their keys begin alike. One pair among thousands has one. */
export function twoWorkspacesWithOneTag(): [string, string] {
  const byTag = new Map<string, string>();
  for (;;) {
    const workspaceId = newWorkspace();
    const other = byTag.get(workspaceTag(workspaceId));
    if (other !== undefined) return [other, workspaceId];
    byTag.set(workspaceTag(workspaceId), workspaceId);
  }
}

export function newId(workspaceId: string): string {
  const random = Array.from(randomBytes(ID_LENGTH - TAG_LENGTH), (byte) => BASE62.charAt(byte % 62));
  return workspaceTag(workspaceId) + random.join('');
}

export const ORIGIN: ChangeOrigin = { actor: 'admin@example.com', at: 1_760_000_000_000, source: '192.0.2.7' };

/** A key of a workspace, with some of its fields given. */
export function sampleKey(workspaceId: string, fields: Partial<KeyRecord> = {}): KeyRecord {
  return {
    id: newId(workspaceId),
    workspaceId,
    name: 'A key',
    agents: ['sales', 'support'],
    permissions: ['conversations'],
    digest: randomBytes(32).toString('hex'),
    last4: '9fQ0',
    prefix: 'ks',
    createdAt: 1_750_000_000_000,
    createdBy: 'admin@example.com',
    updatedAt: 1_750_000_000_000,
    expiresAt: 1_790_000_000_000,
    disabled: false,
    allowedIps: [],
    environment: null,
    owner: null,
    contact: null,
    metadata: NO_METADATA,
    revoked: false,
    rateLimit: null,
    revision: 1,
    rotatedFrom: null,
    rotatedTo: null,
    exposure: null,
    alias: null,
    ...fields,
  };
}

/** Stores a key like `sampleKey`'s. */
export async function createSample(store: Store, workspaceId: string, fields?: Partial<KeyRecord>): Promise<KeyRecord> {
  const key = sampleKey(workspaceId, fields);
  if (!(await store.createKey(key, ORIGIN))) throw new Error('The id is taken.');
  return key;
}

/** Keys in progress at once, so that the time of one change does not grow with the number of keys. */
const BATCH = 50;

/** Stores `count` keys like `sampleKey`'s, some at a time. */
export async function createSamples(
  store: Store,
  workspaceId: string,
  count: number,
  fieldsOf: (index: number) => Partial<KeyRecord>,
): Promise<KeyRecord[]> {
  const keys: KeyRecord[] = [];
  while (keys.length < count) {
    const first = keys.length;
    const batch = Array.from({ length: Math.min(BATCH, count - first) }, (_, i) => fieldsOf(first + i));
    keys.push(...(await Promise.all(batch.map((fields) => createSample(store, workspaceId, fields)))));
  }
  return keys;
}

export function keyQuery(workspaceId: string, fields: Partial<KeyQuery> = {}): KeyQuery {
  return { workspaceId, q: '', sort: 'created', order: 'asc', limit: 1000, after: null, ...fields };
}

/** All keys of a list, page by page. Fails if the list does not end. */
export async function listAll(store: Store, query: KeyQuery): Promise<KeyRecord[]> {
  const keys: KeyRecord[] = [];
  let { after } = query;
  for (let page = 0; page < 5000; page++) {
    const { keys: some, next } = await store.listKeys({ ...query, after });
    keys.push(...some);
    if (next === null) return keys;
    after = next;
  }
  throw new Error('The list does not end.');
}

export async function auditOf(
  store: Store,
  workspaceId: string,
  query: Partial<AuditQuery> = {},
): Promise<AuditEntry[]> {
  const { entries } = await store.listAudit({ workspaceId, limit: 10_000, before: null, ...query });
  return [...entries];
}

export const SORTS: readonly KeySort[] = ['created', 'name', 'expires'];
export const ORDERS = ['asc', 'desc'] as const;
