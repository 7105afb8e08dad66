import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import type { RedisClient } from '../../../src/store/redis/client';
import { createRedisStore } from '../../../src/store/redis/redis-store';
import type { Store } from '../../../src/store/store';
import { type RedisServer, startRedis } from '../../support/redis/server';
import { auditOf, createSample, keyQuery, listAll, newWorkspace, ORIGIN, sampleKey } from '../sample';

let server: RedisServer;
let admin: Redis;
const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});
beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
});
afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

const FEATURES = { transcript: true, metrics: [] };

/** A client that sends every script twice and gives the second reply: ioredis does so where a connection breaks. */
function sendingTwice(client: Redis): RedisClient {
  return new Proxy(client, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property);
      if (typeof value !== 'function') return value;
      if (!String(property).startsWith('keyscope_')) return value.bind(target);
      return async (...args: unknown[]) => {
        await value.apply(target, args);
        return value.apply(target, args);
      };
    },
  });
}

describe.each([
  ['ioredis 6', () => new Redis(server.url)],
  ['ioredis 5', () => new Redis5(server.url)],
])('through %s', (_, connect) => {
  let client: ReturnType<typeof connect>;
  let store: Store;
  beforeAll(async () => {
    client = connect();
    store = createRedisStore({ client, storeTimeout: 5000 });
    await store.ready();
  });
  afterAll(() => client.disconnect());

  test('scripts that the server has forgotten are sent again', async () => {
    const workspaceId = newWorkspace();
    const keys = [await createSample(store, workspaceId)];
    for (let i = 0; i < 3; i++) {
      await admin.script('FLUSH');
      keys.push(...(await Promise.all([createSample(store, workspaceId), createSample(store, workspaceId)])));
      await store.setProject(workspaceId, `p${i}`, FEATURES, ORIGIN);
    }
    expect(await listAll(store, keyQuery(workspaceId, { sort: 'name' }))).toHaveLength(7);
    expect(await auditOf(store, workspaceId)).toHaveLength(10);
    for (const key of keys) expect((await store.deleteKey(key.id, ORIGIN, {})).ok).toBe(true);
  });

  test.each(['key', 'created', 'name', 'expires', 'audit'] as const)(
    'a change that meets something else in the place of its %s is refused whole',
    async (place) => {
      const workspaceId = newWorkspace();
      const key = await createSample(store, workspaceId);
      const tag = key.id.slice(0, 4);
      const next = sampleKey(workspaceId);
      const index = (sort: string) => `keyscope:index:{${tag}}:${workspaceId}:${sort}`;
      const audit = `keyscope:audit:{${tag}}:${workspaceId}`;
      const names = { created: index('created'), name: index('name'), expires: index('expires'), audit };
      const victim = place === 'key' ? `keyscope:key:{${tag}}${next.id}` : names[place];
      await admin.del(victim);
      await admin.set(victim, 'something else');
      const dump = async () => {
        const keys = (await admin.keys(`*${workspaceId}*`)).concat(await admin.keys(`*{${tag}}${key.id}`)).sort();
        return Promise.all(keys.map(async (name) => [name, (await admin.dumpBuffer(name))?.toString('hex')]));
      };
      const before = await dump();
      const refused = { code: 'store_unavailable', message: expect.stringContaining('refused') };
      await expect(store.createKey(next, ORIGIN)).rejects.toMatchObject(refused);
      await expect(store.rotateKey(key.id, next, ORIGIN.at, ORIGIN, {})).rejects.toMatchObject(refused);
      if (place !== 'key') {
        await expect(store.updateKey(key.id, { name: 'New' }, ORIGIN, {})).rejects.toMatchObject(refused);
        await expect(store.deleteKey(key.id, ORIGIN, {})).rejects.toMatchObject(refused);
      }
      if (place === 'audit')
        await expect(store.setProject(workspaceId, 'p', FEATURES, ORIGIN)).rejects.toMatchObject(refused);
      expect(await dump()).toEqual(before);
    },
  );
});

test('a change that is sent twice is made once, and reported as made', async () => {
  const client = new Redis(server.url);
  endings.push(() => client.disconnect());
  const store = createRedisStore({ client: sendingTwice(client), storeTimeout: 5000 });
  const workspaceId = newWorkspace();
  const key = sampleKey(workspaceId);
  expect(await store.createKey(key, ORIGIN)).toBe(true);
  const updated = { ...key, disabled: true, revision: 2, updatedAt: ORIGIN.at };
  expect(await store.updateKey(key.id, { disabled: true }, ORIGIN, { revision: 1 })).toEqual({
    ok: true,
    key: updated,
  });
  const successor = sampleKey(workspaceId);
  const rotated = { ...updated, expiresAt: ORIGIN.at, rotatedTo: successor.id, revision: 3 };
  expect(await store.rotateKey(key.id, successor, ORIGIN.at, ORIGIN, { revision: 2 })).toEqual({
    ok: true,
    key: rotated,
  });
  await store.setProject(workspaceId, 'p', FEATURES, ORIGIN);
  expect((await auditOf(store, workspaceId)).map(({ action }) => action)).toEqual([
    'project.configured',
    'key.rotated',
    'key.updated',
    'key.created',
  ]);
});

test('with the memory full, rights can still be taken away, and what cannot be done is refused whole', async () => {
  const small = await startRedis();
  const client = new Redis(small.url);
  endings.push(
    () => client.disconnect(),
    () => small.stop(),
  );
  const store = createRedisStore({ client, storeTimeout: 5000 });
  const workspaceId = newWorkspace();
  const keys = await Promise.all([createSample(store, workspaceId), createSample(store, workspaceId)]);
  const [disabled, deleted] = keys as [(typeof keys)[0], (typeof keys)[0]];
  await store.setProject(workspaceId, 'p', FEATURES, ORIGIN);
  await client.config('SET', 'maxmemory', '1mb');

  const next = sampleKey(workspaceId);
  const full = { code: 'store_unavailable', message: 'The key store refused the change (OOM).' };
  await expect(store.createKey(next, ORIGIN)).rejects.toMatchObject(full);
  await expect(store.rotateKey(disabled.id, next, ORIGIN.at, ORIGIN, {})).rejects.toMatchObject(full);
  expect(await store.getKey(next.id)).toBeNull();
  expect(await store.getKey(disabled.id)).toEqual(disabled);
  expect(await listAll(store, keyQuery(workspaceId, { sort: 'expires' }))).toHaveLength(2);
  expect(await auditOf(store, workspaceId)).toHaveLength(3);

  expect((await store.updateKey(disabled.id, { disabled: true, name: 'Off' }, ORIGIN, {})).ok).toBe(true);
  expect((await store.deleteKey(deleted.id, ORIGIN, {})).ok).toBe(true);
  await store.setProject(workspaceId, 'p', { transcript: false, metrics: [] }, ORIGIN);
  expect(await store.clearProject(workspaceId, 'p', ORIGIN)).toBe(true);
  expect((await listAll(store, keyQuery(workspaceId, { q: 'off' }))).map(({ disabled: off }) => off)).toEqual([true]);
  expect(await auditOf(store, workspaceId)).toHaveLength(7);
});
