import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import { createRedisStore } from '../../../src/store/redis/redis-store';
import type { Store } from '../../../src/store/store';
import { aliasOf, fingerprintOf } from '../../../src/token/imported-token';
import { type RedisServer, startRedis } from '../../support/redis/server';
import { createSample, keyQuery, newWorkspace, ORIGIN } from '../sample';

let server: RedisServer;
let client: Redis;
let store: Store;
beforeAll(async () => {
  server = await startRedis();
  client = new Redis(server.url);
  store = createRedisStore({ client, storeTimeout: 5000 });
});
afterAll(async () => {
  client.disconnect();
  await server.stop();
});

const nameOf = (id: string) => `keyscope:key:{${id.slice(0, 4)}}${id}`;

const caused = (what: string) => ({ cause: { message: expect.stringContaining(what) } });

describe('a damaged record is an error whose cause names it, never half a key', () => {
  const damages: Record<string, (name: string) => Promise<unknown>> = {
    'only one field is left': async (name) => client.multi().del(name).hset(name, 'v', '1').exec(),
    'another version wrote it': (name) => client.hset(name, 'v', '2'),
    'the agents are not JSON': (name) => client.hset(name, 'agents', 'everything'),
    'the agents are no list': (name) => client.hset(name, 'agents', '"none"'),
    'the permissions are no list of texts': (name) => client.hset(name, 'permissions', '[1]'),
    'the permissions are all': (name) => client.hset(name, 'permissions', '"all"'),
    'the expiry is no number': (name) => client.hset(name, 'expiresAt', 'never'),
    'the expiry is no whole number': (name) => client.hset(name, 'expiresAt', '1e99'),
    'disabled is neither': (name) => client.hset(name, 'disabled', ''),
    'it is the record of another key': (name) => client.hset(name, 'id', 'another'),
    'the successor is no text': (name) => client.hset(name, 'rotatedTo', '{}'),
    'it is something else': async (name) => client.multi().del(name).set(name, 'x').exec(),
  };

  test.each(['v', 'id', 'workspaceId', 'digest'])('the field %s is missing', async (field) => {
    const key = await createSample(store, newWorkspace());
    await client.hdel(nameOf(key.id), field);
    const unreadable = { code: 'store_unavailable', ...(field === 'v' ? {} : caused(`the field ${field} is missing`)) };
    await expect(store.getKey(key.id)).rejects.toMatchObject(unreadable);
    await expect(store.getCredential(key.id)).rejects.toMatchObject(unreadable);
  });

  test.each(Object.entries(damages))('%s', async (damaged, damage) => {
    const key = await createSample(store, newWorkspace());
    await damage(nameOf(key.id));
    const unreadable = { code: 'store_unavailable', message: expect.not.stringMatching(`${key.id}|${key.digest}`) };
    await expect(store.getKey(key.id)).rejects.toMatchObject(unreadable);
    // No request reads the successor of a key.
    if (damaged !== 'the successor is no text') {
      await expect(store.getCredential(key.id)).rejects.toMatchObject(unreadable);
    }
    await expect(store.listKeys(keyQuery(key.workspaceId))).rejects.toMatchObject(unreadable);
  });

  test('the cause of the error names the record', async () => {
    const key = await createSample(store, newWorkspace());
    await client.hset(nameOf(key.id), 'agents', 'x');
    await expect(store.getKey(key.id)).rejects.toMatchObject({
      cause: { message: `The entry ${nameOf(key.id)} in Redis cannot be read: the field agents is not JSON.` },
    });
  });

  test('the cause of the error does not name an alias, because its Redis key derives from the token', async () => {
    const alias = aliasOf(fingerprintOf('sk_live_0123456789abcdef'));
    await client.set(`keyscope:imported:${alias}`, 'x');
    const error = await store.getAlias(alias).catch((thrown: Error) => thrown);
    expect(error).toMatchObject({
      code: 'store_unavailable',
      cause: { message: expect.stringContaining('imported:') },
    });
    expect(inspect(error, { depth: 9 })).not.toContain(alias);
  });

  test('a change of such a record is refused', async () => {
    const key = await createSample(store, newWorkspace());
    await client.hdel(nameOf(key.id), 'digest');
    await expect(store.updateKey(key.id, { name: 'New' }, ORIGIN, {})).rejects.toMatchObject({
      code: 'store_unavailable',
    });
    await expect(store.deleteKey(key.id, ORIGIN, {})).rejects.toMatchObject({ code: 'store_unavailable' });
    await client.hset(nameOf(key.id), 'v', '2');
    await expect(store.updateKey(key.id, { name: 'New' }, ORIGIN, {})).rejects.toMatchObject({
      code: 'store_unavailable',
    });
    expect(await client.hget(nameOf(key.id), 'name')).toBe(key.name);
  });
});

describe('a damaged configuration', () => {
  test.each(['', '{', 'null', '{"v":1,"projectId":"p","transcript":1,"metrics":[],"updatedAt":1}', '{"v":2}'])(
    'a damaged configuration is an error and enables nothing: %s',
    async (text) => {
      const workspaceId = newWorkspace();
      await store.setProject(workspaceId, 'q', { transcript: true, metrics: 'all' }, ORIGIN);
      const [name = ''] = await client.keys(`keyscope:projects:*${workspaceId}`);
      await client.hset(name, 'p', text);
      await expect(store.getProjects(workspaceId)).rejects.toMatchObject({
        code: 'store_unavailable',
        ...caused(name),
      });
    },
  );

  test('a damaged configuration can be set again, and the audit log stays readable', async () => {
    const workspaceId = newWorkspace();
    await store.setProject(workspaceId, 'p', { transcript: true, metrics: 'all' }, ORIGIN);
    const [name = ''] = await client.keys(`keyscope:projects:*${workspaceId}`);
    await client.hset(name, 'p', '{');
    await store.setProject(workspaceId, 'p', { transcript: false, metrics: [] }, ORIGIN);
    expect((await store.getProjects(workspaceId)).get('p')).toMatchObject({ transcript: false });
    const { entries } = await store.listAudit({ workspaceId, limit: 1, before: null });
    expect(entries[0]).toMatchObject({ before: null, after: { transcript: false, metrics: [] } });
  });
});

test('a damaged audit log is an error whose cause names it', async () => {
  const { workspaceId } = await createSample(store, newWorkspace());
  const [name = ''] = await client.keys(`keyscope:audit:*${workspaceId}`);
  await client.xadd(name, '*', 'action', 'key.created');
  await expect(store.listAudit({ workspaceId, limit: 10, before: null })).rejects.toMatchObject({
    code: 'store_unavailable',
    ...caused(name),
  });
});
