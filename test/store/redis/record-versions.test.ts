import { Redis } from 'ioredis';
import { COLUMNS, CREDENTIAL_FIELD_NAMES, KEY_FIELD_NAMES, REQUIRED } from '../../../src/store/key-fields';
import { createRedisStore } from '../../../src/store/redis/redis-store';
import type { Store } from '../../../src/store/store';
import { type RedisServer, startRedis } from '../../support/redis/server';
import { auditOf, createSample, keyQuery, listAll, newWorkspace, ORIGIN, sampleKey } from '../sample';

let server: RedisServer;
let client: Redis;
let store: Store;
beforeAll(async () => {
  server = await startRedis();
  client = new Redis(server.url);
  store = createRedisStore({ client, storeTimeout: 5000 });
});
afterAll(async () => {
  await store.close();
  client.disconnect();
  await server.stop();
});

const nameOf = (id: string) => `keyscope:key:{${id.slice(0, 4)}}${id}`;
const OPTIONAL = KEY_FIELD_NAMES.filter((name) => COLUMNS[name].missing !== REQUIRED);

describe('a record that an older version wrote', () => {
  test.each(OPTIONAL)('a record of an older version has the default of %s when it lacks the field', async (name) => {
    const key = await createSample(store, newWorkspace(), { createdBy: null });
    await client.hdel(nameOf(key.id), name);
    const expected = { ...key, [name]: COLUMNS[name].missing };
    expect(await store.getKey(key.id)).toEqual(expected);
    const credential = Object.fromEntries(CREDENTIAL_FIELD_NAMES.map((column) => [column, expected[column]]));
    expect(await store.getCredential(key.id)).toEqual(credential);
    expect(await listAll(store, keyQuery(key.workspaceId))).toEqual([expected]);
  });

  test('a record of an older version allows nothing when it lacks every limiting field', async () => {
    const key = await createSample(store, newWorkspace());
    await client.hdel(nameOf(key.id), 'agents', 'permissions', 'expiresAt', 'disabled');
    expect(await store.getCredential(key.id)).toMatchObject({
      agents: [],
      permissions: [],
      expiresAt: 0,
      disabled: true,
    });
  });

  test('a record of an older version can be changed, rotated and deleted, and its audit log shows the default', async () => {
    const workspaceId = newWorkspace();
    const key = await createSample(store, workspaceId);
    await client.hdel(nameOf(key.id), 'rotatedFrom', 'rotatedTo', 'createdBy', 'last4', 'prefix', 'permissions');
    const updated = await store.updateKey(key.id, { permissions: ['metrics'] }, ORIGIN, { revision: 1 });
    expect(updated).toMatchObject({ ok: true, key: { permissions: ['metrics'], createdBy: null, revision: 2 } });
    const successor = sampleKey(workspaceId);
    const rotated = await store.rotateKey(key.id, successor, ORIGIN.at, ORIGIN, { revision: 2 });
    expect(rotated).toMatchObject({ ok: true, key: { rotatedTo: successor.id, rotatedFrom: null } });
    expect(await store.deleteKey(key.id, ORIGIN, {})).toMatchObject({ ok: true, key: { last4: '', prefix: '' } });
    const [, , update] = await auditOf(store, workspaceId);
    expect(update).toMatchObject({ before: { permissions: [] }, after: { permissions: ['metrics'] } });
  });
});

describe('a record that a newer version wrote', () => {
  const NEWER = { ipRanges: '["192.0.2.0/24"]', tier: 'gold' };

  test('a record of a newer version is read without its unknown fields', async () => {
    const key = await createSample(store, newWorkspace());
    await client.hset(nameOf(key.id), NEWER);
    expect(await store.getKey(key.id)).toEqual(key);
    expect(await store.getCredential(key.id)).not.toHaveProperty('tier');
  });

  test('a record of a newer version keeps its unknown fields through edits and rotation', async () => {
    const workspaceId = newWorkspace();
    const key = await createSample(store, workspaceId);
    await client.hset(nameOf(key.id), NEWER);
    await store.updateKey(key.id, { name: 'Renamed', disabled: true }, ORIGIN, {});
    expect(await client.hgetall(nameOf(key.id))).toMatchObject({ ...NEWER, name: 'Renamed', disabled: 'true' });
    const successor = sampleKey(workspaceId);
    await store.rotateKey(key.id, successor, ORIGIN.at, ORIGIN, {});
    expect(await client.hgetall(nameOf(key.id))).toMatchObject({ ...NEWER, rotatedTo: JSON.stringify(successor.id) });
    expect(await client.hgetall(nameOf(successor.id))).toMatchObject(NEWER);
    expect(await store.getKey(successor.id)).toEqual(successor);
  });

  test('a record with another version number is an error', async () => {
    const key = await createSample(store, newWorkspace());
    await client.hset(nameOf(key.id), 'v', '2');
    await expect(store.getCredential(key.id)).rejects.toMatchObject({ code: 'store_unavailable' });
  });
});

test('a new record has each field that no default stands for', async () => {
  const key = await createSample(store, newWorkspace());
  const stored = await client.hkeys(nameOf(key.id));
  const columns = KEY_FIELD_NAMES.filter((name) => key[name] !== null || name !== 'alias');
  expect(stored.filter((field) => field !== 'op').sort()).toEqual(['v', 'folded', ...columns].sort());
});

test('an audit entry of a later version is read although its action is unknown', async () => {
  const { workspaceId } = await createSample(store, newWorkspace());
  const [name = ''] = await client.keys(`keyscope:audit:*${workspaceId}`);
  const [[, created]] = (await client.xrange(name, '-', '+')) as [[string, string[]]];
  const later = created.map((text) => (text === 'key.created' ? 'key.transferred' : text));
  await client.xadd(name, '*', ...later);
  const { entries } = await store.listAudit({ workspaceId, limit: 10, before: null });
  expect(entries.map(({ action }) => action)).toEqual(['key.transferred', 'key.created']);
  const chained = await store.readAudit({ workspaceId, from: null, limit: 10 });
  expect(chained.map(({ entry }) => entry?.action)).toEqual(['key.created', 'key.transferred']);
});
