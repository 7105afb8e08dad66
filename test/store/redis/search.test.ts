import { Redis } from 'ioredis';
import type { KeyFilter } from '../../../src/store/key-search';
import { createRedisStore } from '../../../src/store/redis/redis-store';
import type { Store } from '../../../src/store/store';
import { tagOf } from '../../../src/token/format';
import { type RedisServer, startRedis } from '../../support/redis/server';
import { createSample, createSamples, keyQuery, listAll, newWorkspace, ORDERS, ORIGIN, SORTS } from '../sample';

const KEYS = 2500;
/** Positions of the keys that a search finds: at the ends of its steps over an index, and between. */
const PLACES = [0, 998, 999, 1000, 1500];

let server: RedisServer;
let client: Redis;
let store: Store;
const workspaceId = newWorkspace();

beforeAll(async () => {
  server = await startRedis();
  client = new Redis(server.url);
  store = createRedisStore({ client, storeTimeout: 10_000 });
  await createSamples(store, workspaceId, KEYS, (i) => {
    const number = String(i).padStart(4, '0');
    const name = PLACES.includes(i) ? `${number} wanted` : `${number} other`;
    return { name, createdAt: i, expiresAt: i };
  });
});
afterAll(async () => {
  client.disconnect();
  await server.stop();
});

test('a search finds everything in a long index, and its last page is never empty', async () => {
  // No time passes, so that no page ends early.
  const patient = createRedisStore({ client, storeTimeout: 10_000, clock: { wall: Date.now, monotonic: () => 0 } });
  for (const sort of SORTS) {
    for (const order of ORDERS) {
      const expected = order === 'asc' ? PLACES : [...PLACES].reverse();
      for (const limit of [1, 2, 3, 4, 5, 6]) {
        const pages: number[][] = [];
        let after: string | null = null;
        do {
          const page = await patient.listKeys(keyQuery(workspaceId, { sort, order, limit, q: 'wanted', after }));
          pages.push(page.keys.map(({ createdAt }) => createdAt));
          after = page.next;
        } while (after !== null);
        expect(pages.flat()).toEqual(expected);
        expect(pages).toHaveLength(Math.ceil(PLACES.length / limit));
      }
    }
  }
  await patient.close();
});

test('a filter compares the default of a column that a record lacks, and rejects a record that it cannot read', async () => {
  const few = newWorkspace();
  const { id } = await createSample(store, few, { owner: null, permissions: ['conversations'] });
  const name = `keyscope:key:{${tagOf(id)}}${id}`;
  await client.hdel(name, 'owner', 'permissions');
  const found = async (filter: KeyFilter) =>
    (await store.listKeys(keyQuery(few, { filter }))).keys.map((key) => key.id);
  expect(await found({ owner: null })).toEqual([id]);
  expect(await found({ owner: { kind: 'user', id: 'ana' } })).toEqual([]);
  expect(await found({ permission: 'conversations' })).toEqual([]);
  await client.set(name, 'no hash');
  await expect(found({ owner: null })).rejects.toMatchObject({ code: 'store_unavailable' });
});

test('a search that takes too long leaves the rest to the next page', async () => {
  let now = 0;
  const clock = { wall: Date.now, monotonic: () => (now += 400) };
  const hurried = createRedisStore({ client, storeTimeout: 1000, clock });
  const first = await hurried.listKeys(keyQuery(workspaceId, { order: 'desc', q: '0000 wanted' }));
  expect(first.keys).toEqual([]);
  expect(first.next).not.toBeNull();
  expect(await listAll(hurried, keyQuery(workspaceId, { order: 'desc', q: '0000 wanted' }))).toHaveLength(1);

  const filter = { createdBy: 'absent' };
  const filtered = await hurried.listKeys(keyQuery(workspaceId, { filter }));
  expect(filtered).toMatchObject({ keys: [], next: expect.any(String) });
  expect(await listAll(hurried, keyQuery(workspaceId, { filter }))).toEqual([]);

  // One after the other: that many changes of one project at once would not all fit into the time of one.
  for (let i = 0; i < 1200; i++) {
    await store.setProject(workspaceId, 'p', { transcript: i % 2 === 0, metrics: [] }, ORIGIN);
  }
  const entries = await hurried.listAudit({ workspaceId, limit: 10, before: null, action: 'key.created' });
  expect(entries.entries).toEqual([]);
  expect(entries.next).not.toBeNull();
  await hurried.close();
});
