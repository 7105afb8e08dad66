import type { Store } from '../../../src/store/store';
import { createSample, createSamples, keyQuery, listAll, newWorkspace, ORDERS, SORTS } from '../sample';

const DAY = 86_400_000;

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
