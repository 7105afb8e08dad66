import { Cluster, Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import type { KeyRecord } from '../../../src/store/records';
import type { RedisClient } from '../../../src/store/redis/client';
import { slotOf } from '../../../src/store/redis/hash-slot';
import { createRedisStore } from '../../../src/store/redis/redis-store';
import type { Store } from '../../../src/store/store';
import { startCluster } from '../../support/redis/cluster';
import { type RedisServer, startRedis } from '../../support/redis/server';
import { slotMove } from '../../support/redis/slot-move';
import { waitUntil } from '../../support/wait-until';
import { createSample, keyQuery, newWorkspace, ORIGIN, sampleKey } from '../sample';

const FEATURES = { transcript: true, metrics: [] };

/** A store that requires one replica, and one that requires none. */
function open(client: RedisClient, timeout = 10_000): { durable: Store; plain: Store } {
  const storeTimeout = 10_000;
  return {
    durable: createRedisStore({ client, storeTimeout, durability: { replicas: 1, timeout } }),
    plain: createRedisStore({ client, storeTimeout }),
  };
}

describe('a master with a replica', () => {
  let master: RedisServer;
  let replica: RedisServer;
  let clients: { disconnect(): void }[];
  let stores: Store[];
  beforeEach(async () => {
    master = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] });
    replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(master.port)] });
    clients = [];
    stores = [];
    const admin = connect(new Redis(master.url));
    await waitUntil('the replica has joined', async () => (await admin.info('replication')).includes('state=online'));
  });
  afterEach(async () => {
    await Promise.all(stores.map((store) => store.close()));
    for (const client of clients) client.disconnect();
    await Promise.all([master.stop(), replica.stop()]);
  });

  function connect<C extends { disconnect(): void }>(client: C): C {
    clients.push(client);
    return client;
  }

  function opened(client: RedisClient & { disconnect(): void }, timeout?: number) {
    const both = open(connect(client), timeout);
    stores.push(both.durable, both.plain);
    return both;
  }

  test.each([
    ['ioredis 6', () => new Redis(master.url)],
    [
      'ioredis 6 with RESP3 shapes and a key prefix',
      () => new Redis(master.url, { protocol: 3, replyMapping: 'resp3', keyPrefix: 'app:{x}:' }),
    ],
    ['ioredis 6 with numbers as text', () => new Redis(master.url, { stringNumbers: true })],
    ['ioredis 5 with a key prefix', () => new Redis5(master.url, { keyPrefix: 'app:' })],
  ])('an acknowledged change is on the replica when durability is set, with %s', async (_, create) => {
    const { durable } = opened(create());
    const { keyPrefix = '' } = { keyPrefix: undefined, ...Reflect.get(clients.at(-1) as object, 'options') };
    const there = connect(new Redis(replica.url));
    const workspaceId = newWorkspace();
    const key = await createSample(durable, workspaceId);
    const name = `${keyPrefix}keyscope:key:{${key.id.slice(0, 4)}}${key.id}`;
    expect(await there.hget(name, 'name')).toBe(key.name);
    expect(await durable.updateKey(key.id, { name: 'Renamed' }, ORIGIN, {})).toMatchObject({ ok: true });
    expect(await there.hget(name, 'name')).toBe('Renamed');
    const successor = sampleKey(workspaceId);
    expect(await durable.rotateKey(key.id, successor, ORIGIN.at, ORIGIN, {})).toMatchObject({ ok: true });
    expect(await durable.setProject(workspaceId, 'p', FEATURES, ORIGIN)).toMatchObject(FEATURES);
    expect(await durable.clearProject(workspaceId, 'p', ORIGIN)).toBe(true);
    expect(await durable.deleteKey(key.id, ORIGIN, {})).toMatchObject({ ok: true });
    expect(await there.exists(name)).toBe(0);
    expect((await durable.listKeys(keyQuery(workspaceId))).keys.map(({ id }) => id)).toEqual([successor.id]);
  });

  test('a change rejects with its outcome when no replica confirms it', async () => {
    const { durable, plain } = opened(new Redis(master.url), 200);
    const workspaceId = newWorkspace();
    const key = await createSample(opened(new Redis(master.url)).durable, workspaceId);
    const changed: string[] = [];
    durable.onChange({ keyChanged: (id) => changed.push(id), projectsChanged() {}, allChanged() {} });
    await replica.kill('SIGSTOP');
    await expect(durable.deleteKey(key.id, ORIGIN, {})).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringContaining('only 0 of 1 replicas have confirmed it within 200 ms'),
    });
    expect(changed).toContain(key.id);
    expect(await plain.getKey(key.id)).toBeNull();
    await replica.kill('SIGCONT');
    await waitUntil('the replica confirms again', () =>
      durable.setProject(workspaceId, 'p', FEATURES, ORIGIN).then(
        () => true,
        () => false,
      ),
    );
  });

  test('a call that changes nothing waits for no replica', async () => {
    const { durable } = opened(new Redis(master.url), 200);
    const { durable: patient, plain } = opened(new Redis(master.url));
    const key = await createSample(patient, newWorkspace());
    await replica.kill('SIGSTOP');
    // There is something that the replica lacks.
    await createSample(plain, key.workspaceId);
    expect(await durable.updateKey(key.id, { name: 'x' }, ORIGIN, { revision: 7 })).toEqual({
      ok: false,
      reason: 'revision',
    });
    expect(await durable.createKey(key, ORIGIN)).toBe(false);
    await replica.kill('SIGCONT');
  });

  test('reads do not wait for replicas', async () => {
    const { durable } = opened(new Redis(master.url), 60_000);
    const key = await createSample(durable, newWorkspace());
    await replica.kill('SIGSTOP');
    const order: string[] = [];
    const change = durable.updateKey(key.id, { disabled: true }, ORIGIN, {}).then(() => order.push('changed'));
    await waitUntil('the change has been made', async () => (await durable.getKey(key.id))?.disabled === true);
    order.push('read');
    await replica.kill('SIGCONT');
    await change;
    expect(order).toEqual(['read', 'changed']);
  });
});

test('a change waits for replicas of the node that made it, also when its slot has moved', async () => {
  const servers = await startCluster({ masters: 3, replicas: 1 });
  const client = new Cluster([...servers.startupNodes]);
  const { durable, plain } = open(client);
  const keys: KeyRecord[] = [];
  for (let i = 0; i < 12; i++) keys.push(await createSample(durable, newWorkspace()));
  const [key] = keys as [KeyRecord];
  const slot = slotOf(`{${key.id.slice(0, 4)}}`);
  const home = Math.floor((slot * 3) / 16384);
  const masters = servers.nodes.slice(0, 3);
  const [from, to] = [masters[home] as RedisServer, masters[(home + 1) % 3] as RedisServer];
  const move = slotMove(slot, from, to, masters);
  await move.begin();
  await move.moveKeys();
  expect(await durable.updateKey(key.id, { name: 'On its way' }, ORIGIN, {})).toMatchObject({ ok: true });
  await move.finish();
  expect(await durable.updateKey(key.id, { name: 'There' }, ORIGIN, {})).toMatchObject({
    ok: true,
    key: { revision: 3 },
  });
  const there = new Redis((servers.nodes[3 + ((home + 1) % 3)] as RedisServer).url);
  await there.readonly();
  expect(await there.hget(`keyscope:key:{${key.id.slice(0, 4)}}${key.id}`, 'name')).toBe('There');
  expect(await plain.getKey(key.id)).toMatchObject({ name: 'There' });

  there.disconnect();
  move.close();
  await durable.close();
  await plain.close();
  client.disconnect();
  await servers.stop();
});
