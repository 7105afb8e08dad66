import type { KeyRecord } from '../../../src/store/records';
import type { KeyQuery, Store } from '../../../src/store/store';
import { createSample, keyQuery, listAll, newWorkspace, ORDERS, ORIGIN, SORTS } from '../sample';

async function fill(store: Store, workspaceId: string, count: number): Promise<KeyRecord[]> {
  return Promise.all(
    Array.from({ length: count }, (_, i) =>
      createSample(store, workspaceId, {
        name: `stays ${String((i * 7) % count).padStart(3, '0')}`,
        createdAt: 1000 + Math.floor(i / 3),
        expiresAt: 9000 - Math.floor(i / 2),
      }),
    ),
  );
}

const ids = (keys: readonly KeyRecord[]) => keys.map(({ id }) => id);

export function pagingContract(getStore: () => Store): void {
  describe('paging', () => {
    test('listKeys returns every key once for every page size', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      await fill(store, workspaceId, 12);
      for (const sort of SORTS) {
        for (const order of ORDERS) {
          const whole = await store.listKeys(keyQuery(workspaceId, { sort, order }));
          expect(whole.next).toBeNull();
          for (const limit of [1, 5, 6, 11, 12, 13]) {
            const pages: (readonly KeyRecord[])[] = [];
            let after: string | null = null;
            do {
              const page = await store.listKeys(keyQuery(workspaceId, { sort, order, limit, after }));
              pages.push(page.keys);
              after = page.next;
            } while (after !== null);
            expect(pages.flat()).toEqual(whole.keys);
            expect(pages).toHaveLength(Math.ceil(12 / limit));
          }
        }
      }
    });

    test.each(SORTS.flatMap((sort) => ORDERS.map((order) => [sort, order] as const)))(
      'listKeys by %s %s neither skips nor repeats a key while others are created, deleted and renamed',
      async (sort, order) => {
        const store = getStore();
        const workspaceId = newWorkspace();
        const staying = await fill(store, workspaceId, 30);
        const passing: KeyRecord[] = [];
        for (let i = 0; i < 20; i++) {
          passing.push(
            await createSample(store, workspaceId, { name: `passing ${i}`, createdAt: 1000 + i / 2 - ((i / 2) % 1) }),
          );
        }
        const seen: string[] = [];
        const query: KeyQuery = keyQuery(workspaceId, { sort, order, limit: 4 });
        let after: string | null = null;
        do {
          const page = await store.listKeys({ ...query, after });
          seen.push(...ids(page.keys));
          after = page.next;
          const gone = passing.shift();
          if (gone) await store.deleteKey(gone.id, ORIGIN, {});
          const renamed = passing.shift();
          if (renamed) await store.updateKey(renamed.id, { name: `${order} aaa zzz renamed` }, ORIGIN, {});
          await createSample(store, workspaceId, { name: 'middle newcomer', createdAt: 1005, expiresAt: 8990 });
        } while (after !== null && seen.length < 500);
        const stayed = seen.filter((id) => staying.some((key) => key.id === id));
        expect([...stayed].sort()).toEqual(ids(staying).sort());
      },
    );

    test.each(ORDERS)(
      'listKeys by time %s does not repeat a key that is renamed between its page and the next',
      async (order) => {
        const store = getStore();
        const workspaceId = newWorkspace();
        await fill(store, workspaceId, 6);
        for (const sort of ['created', 'expires'] as const) {
          const first = await store.listKeys(keyQuery(workspaceId, { sort, order, limit: 3 }));
          const last = first.keys.at(-1) as KeyRecord;
          for (const name of ['\u{1F511} at the end of all names', '! at their beginning']) {
            await store.updateKey(last.id, { name }, ORIGIN, {});
            const second = await listAll(store, keyQuery(workspaceId, { sort, order, limit: 3, after: first.next }));
            expect(ids(second)).not.toContain(last.id);
            expect(new Set([...ids(first.keys), ...ids(second)]).size).toBe(6);
          }
        }
      },
    );

    test('listKeys continues after a key that was deleted', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      await fill(store, workspaceId, 6);
      const all = ids(await listAll(store, keyQuery(workspaceId, { sort: 'name' })));
      const { next } = await store.listKeys(keyQuery(workspaceId, { sort: 'name', limit: 3 }));
      await store.deleteKey(all[2] as string, ORIGIN, {});
      await store.deleteKey(all[3] as string, ORIGIN, {});
      const rest = await listAll(store, keyQuery(workspaceId, { sort: 'name', after: next }));
      expect(ids(rest)).toEqual(all.slice(4));
    });
  });
}
