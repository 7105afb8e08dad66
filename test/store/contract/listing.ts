import { comparePositions, foldName } from '../../../src/store/index-position';
import type { Store } from '../../../src/store/store';
import {
  createSample,
  keyQuery,
  listAll,
  newWorkspace,
  ORDERS,
  ORIGIN,
  SORTS,
  twoWorkspacesWithOneTag,
} from '../sample';

/** Names in the order of the code points of their folded forms. */
const NAMES_IN_ORDER = [
  '  leading spaces',
  '!',
  '10',
  'apple',
  'Apple pie',
  'a\u030Angström, composed by NFKC',
  'Zebra',
  'äpfel',
  'éclair',
  'ключ',
  '日本',
  '漢字',
  '\uE000 private use',
  '\uFA0E compatibility',
  '😀 emoji',
  '🔑',
  '\u{20000} CJK extension B',
];

export function listingContract(getStore: () => Store): void {
  describe('a list', () => {
    test('sorts names by the code points of their folded forms, as bytes of UTF-8 do', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      for (const name of [...NAMES_IN_ORDER].reverse()) await createSample(store, workspaceId, { name });
      const byBytes = [...NAMES_IN_ORDER].sort((a, b) => Buffer.from(foldName(a)).compare(Buffer.from(foldName(b))));
      const listed = (await listAll(store, keyQuery(workspaceId, { sort: 'name' }))).map(({ name }) => name);
      expect(listed).toEqual(byBytes);
      const down = (await listAll(store, keyQuery(workspaceId, { sort: 'name', order: 'desc' }))).map(
        ({ name }) => name,
      );
      expect(down).toEqual([...byBytes].reverse());
      // JavaScript's own order is another one: otherwise this test would prove nothing.
      expect(listed.map(foldName)).not.toEqual(listed.map(foldName).sort());
      expect(listed.map(foldName)).toEqual(listed.map(foldName).sort(comparePositions));
    });

    test('sorts names by the numbers in them', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      const names = [
        '',
        '0',
        '2 b',
        '02 c',
        '10 a',
        ...['key', 'key ', 'key 1', 'key 02', 'Key ３', 'key 10', 'key 10.2'],
      ];
      names.push('key 10.10', 'key 100', `key ${'9'.repeat(20)}`, `key 1${'0'.repeat(20)}`, 'key a1', 'key1');
      for (const name of [...names].reverse()) await createSample(store, workspaceId, { name });
      const list = async (order: 'asc' | 'desc') =>
        (await listAll(store, keyQuery(workspaceId, { sort: 'name', order, limit: 2 }))).map(({ name }) => name);
      expect(await list('asc')).toEqual(names);
      expect(await list('desc')).toEqual([...names].reverse());
      const [{ id } = { id: '' }] = await listAll(store, keyQuery(workspaceId, { q: 'key 10.10' }));
      await store.updateKey(id, { name: 'key 9' }, ORIGIN, {});
      expect((await list('asc')).slice(9, 13)).toEqual(['Key ３', 'key 9', 'key 10', 'key 10.2']);
      await store.deleteKey(id, ORIGIN, {});
      expect(await list('asc')).toEqual(names.filter((name) => name !== 'key 10.10'));
    });

    test('sorts by creation and by expiry, ties by id', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      const times = [8.64e15, 0, 35, 36, 1_760_000_000_000, 1_760_000_000_000, 1_760_000_000_001, 36 ** 8, 36 ** 8 - 1];
      for (const [i, at] of times.entries()) {
        await createSample(store, workspaceId, { createdAt: at, expiresAt: times[(i * 2) % times.length] as number });
      }
      for (const [sort, field] of [
        ['created', 'createdAt'],
        ['expires', 'expiresAt'],
      ] as const) {
        const keys = await listAll(store, keyQuery(workspaceId, { sort }));
        expect(keys).toHaveLength(times.length);
        const expected = [...keys].sort((a, b) => a[field] - b[field] || (a.id < b.id ? -1 : 1));
        expect(keys).toEqual(expected);
        expect(await listAll(store, keyQuery(workspaceId, { sort, order: 'desc' }))).toEqual(expected.reverse());
      }
    });

    test('listKeys searches part of the name in every order, page by page', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      for (let i = 0; i < 40; i++) {
        const name = i % 4 === 0 ? `Straße №${i} STAGING` : `prod ${i}`;
        await createSample(store, workspaceId, { name, createdAt: i, expiresAt: 1000 - i });
      }
      for (const sort of SORTS) {
        for (const order of ORDERS) {
          const query = keyQuery(workspaceId, { sort, order, q: foldName('ße №') });
          const found = await listAll(store, { ...query, limit: 3 });
          expect(found).toHaveLength(10);
          expect(found).toEqual((await store.listKeys(query)).keys);
        }
      }
      expect(await listAll(store, keyQuery(workspaceId, { q: 'straße', sort: 'name' }))).toHaveLength(10);
      expect(await listAll(store, keyQuery(workspaceId, { q: foldName('ＳＴＡＧＩＮＧ') }))).toHaveLength(10);
      for (const q of ['*', '[a-z]', '\\', '^prod', '+', '(']) {
        expect(await listAll(store, keyQuery(workspaceId, { q }))).toEqual([]);
      }
    });

    test('listKeys finds a key by its id or its masked token, in any order', async () => {
      const store = getStore();
      const workspaceId = newWorkspace();
      for (let i = 0; i < 60; i++) await createSample(store, workspaceId, { name: `key ${i}`, createdAt: i });
      const wanted = await createSample(store, workspaceId, { name: 'wanted', last4: 'xY7z' });
      const masked = `ks_${wanted.id.slice(0, 8)}************xY7z`;
      for (const sort of SORTS) {
        for (const text of [wanted.id, wanted.id.slice(4), masked, '************xY7z', 'xY7z']) {
          const found = await listAll(store, keyQuery(workspaceId, { sort, q: foldName(text), limit: 7 }));
          expect({ sort, text, found: found.map(({ id }) => id) }).toEqual({ sort, text, found: [wanted.id] });
        }
      }
      expect((await store.listKeys(keyQuery(workspaceId, { q: 'wanted', limit: 1 }))).total).toBe(61);
    });

    test('listKeys returns the keys of its own workspace', async () => {
      const store = getStore();
      const [workspaceId, alike] = twoWorkspacesWithOneTag();
      await createSample(store, workspaceId);
      expect(await store.listKeys(keyQuery(alike))).toEqual({ keys: [], next: null, total: 0 });
    });
  });
}
