import { type KeyFilter, matchesFilter } from '../../../src/store/key-search';
import type { KeyRecord } from '../../../src/store/records';
import type { Store } from '../../../src/store/store';
import { createSample, createSamples, keyQuery, listAll, newWorkspace, ORDERS, SORTS } from '../sample';

const DAY = 86_400_000;

const NOW = Date.now();

/** Keys that differ in one or two columns, with values that JSON escapes or that contain each other. */
const VARIANTS: readonly Partial<KeyRecord>[] = [
  {},
  { disabled: true },
  { expiresAt: NOW - DAY },
  { expiresAt: NOW + DAY, disabled: true },
  { rotatedTo: 'aaaa000000000000' },
  { permissions: ['conversations', 'handoff'] },
  { permissions: [] },
  { agents: 'all' },
  { agents: ['sales "EU"', 'all of them'] },
  { owner: { kind: 'user', id: 'ana' } },
  { owner: { kind: 'service', id: 'ana "é" \\' } },
  { environment: 'live' },
  { metadata: { team: 'billing', 'a "b"': 'c:d' } },
  { metadata: { team: 'billing 2' } },
  { createdBy: null },
  { createdBy: 'é "x" \\ %d' },
];

const FILTERS: readonly KeyFilter[] = [
  { status: 'active' },
  { status: 'disabled' },
  { status: 'expired' },
  { status: 'rotated' },
  { expiringWithin: 2 * DAY },
  { expiringWithin: 2 * DAY, status: 'active' },
  { permission: 'handoff' },
  { permission: 'hand' },
  { agent: 'all' },
  { agent: 'sales "EU"' },
  { agent: 'support' },
  { owner: null },
  { owner: { kind: 'user', id: 'ana' } },
  { owner: { kind: 'service', id: 'ana "é" \\' } },
  { environment: null },
  { environment: 'live' },
  { metadata: { team: 'billing' } },
  { metadata: { 'a "b"': 'c:d', team: 'billing' } },
  { createdBy: null },
  { createdBy: 'é "x" \\ %d' },
  { createdBy: 'admin@example.com', owner: null, permission: 'conversations', status: 'active' },
];

export function filtersContract(getStore: () => Store): void {
  describe('a filter', () => {
    test('listKeys returns every match once for every order and page size', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      await createSamples(store, workspaceId, 600, (i) => ({
        name: `key ${i}`,
        createdAt: i,
        owner: i % 150 === 7 ? { kind: 'user', id: 'ana' } : null,
      }));
      const filter = { owner: { kind: 'user', id: 'ana' } } as const;
      for (const sort of SORTS) {
        for (const order of ORDERS) {
          for (const limit of [1, 3, 4, 50]) {
            const found = await listAll(store, keyQuery(workspaceId, { sort, order, limit, filter }));
            expect(found.map(({ createdAt }) => createdAt).sort((a, b) => a - b)).toEqual([7, 157, 307, 457]);
          }
        }
      }
      expect(await listAll(store, keyQuery(workspaceId, { filter, q: 'key 30' }))).toHaveLength(1);
      expect(await listAll(store, keyQuery(workspaceId, { filter: { createdBy: 'absent' } }))).toEqual([]);
    });

    test('listKeys returns the keys that match, for every filter', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      const keys: KeyRecord[] = [];
      for (const fields of VARIANTS) {
        keys.push(await createSample(store, workspaceId, { expiresAt: NOW + 300 * DAY, ...fields }));
      }
      const ids = (found: readonly KeyRecord[]) => found.map(({ id }) => id).sort();
      for (const filter of FILTERS) {
        const expected = ids(keys.filter((key) => matchesFilter(key, filter, NOW)));
        for (const q of ['', 'a key', '9fq0']) {
          const found = await listAll(store, keyQuery(workspaceId, { filter, q, limit: 2 }));
          expect({ filter, q, found: ids(found) }).toEqual({ filter, q, found: expected });
        }
        expect(await listAll(store, keyQuery(workspaceId, { filter, q: 'absent' }))).toEqual([]);
      }
    });

    test('listKeys compares the last use of keys', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      const now = Date.now();
      const unused = await createSample(store, workspaceId, { name: 'unused', createdAt: now - 90 * DAY });
      const used = await createSample(store, workspaceId, { name: 'used', createdAt: now - 90 * DAY });
      await createSample(store, workspaceId, { name: 'new', createdAt: now });
      const lastUsedAt = now - 10 * DAY;
      await store.addUsage('process', [{ keyId: used.id, number: 1, counts: new Map(), lastUsedAt }]);
      const list = async (days: number) =>
        (await listAll(store, keyQuery(workspaceId, { filter: { unusedFor: days * DAY } }))).map(({ id }) => id);
      expect(await list(30)).toEqual([unused.id]);
      expect((await list(5)).sort()).toEqual([unused.id, used.id].sort());
    });
  });
}
