import { Cluster, Redis } from 'ioredis';
import { Cluster as Cluster5 } from 'ioredis5';
import type { KeyRecord } from '../../../../src/store/records';
import { slotOf } from '../../../../src/store/redis/hash-slot';
import { encodeKey } from '../../../../src/store/redis/record-codec';
import { createRedisStore } from '../../../../src/store/redis/redis-store';
import type { Store } from '../../../../src/store/store';
import { tagOf } from '../../../../src/token/format';
import { type RedisClusterServers, startCluster } from '../../../support/redis/cluster';
import type { RedisServer } from '../../../support/redis/server';
import { type SlotMove, slotMove } from '../../../support/redis/slot-move';
import { startTcpProxy, type TcpProxy } from '../../../support/tcp-proxy';
import { waitUntil } from '../../../support/wait-until';
import { createSample, newId, newWorkspace, ORIGIN, sampleKey } from '../../sample';
import { cacheKey, createReader, isFeed, isReadable, lastCachedAt, type Reader, untilTracking } from './reader';

const LAG = 400;

let servers: RedisClusterServers;
let writing: Cluster;
let writer: Store;
let proxies: TcpProxy[];
let readers: Reader[];

beforeAll(async () => {
  servers = await startCluster({ masters: 3 });
  proxies = await Promise.all(
    servers.nodes.map(({ port }) => startTcpProxy({ target: port, kinds: { feed: isFeed } })),
  );
  writing = new Cluster([...servers.startupNodes]);
  writer = createRedisStore({ client: writing, storeTimeout: 10_000 });
});
afterAll(async () => {
  await writer.close();
  writing.disconnect();
  await Promise.all(proxies.map((proxy) => proxy.close()));
  await servers.stop();
});
beforeEach(() => {
  readers = [];
});
afterEach(async () => {
  await Promise.all(readers.map((reader) => reader.close()));
  for (const proxy of proxies) proxy.hinder('feed', {});
});

/** Through the proxies, as through a NAT. */
function behindProxies() {
  const natMap = Object.fromEntries(
    servers.nodes.map(({ port }, i) => [`127.0.0.1:${port}`, { host: '127.0.0.1', port: proxies[i]!.port }]),
  );
  return { natMap, slotsRefreshTimeout: 2000 };
}

const CLIENTS = {
  'ioredis 6': () => new Cluster([...servers.startupNodes]),
  'ioredis 6 with a key prefix': () => new Cluster([...servers.startupNodes], { keyPrefix: 'app:' }),
  'ioredis 6 behind a NAT': () => new Cluster([...servers.startupNodes], behindProxies()),
  'ioredis 5': () => new Cluster5([...servers.startupNodes]),
  'ioredis 5 behind a NAT': () => new Cluster5([...servers.startupNodes], behindProxies()),
};

async function open(client: Cluster | Cluster5, maxRevocationLag = LAG): Promise<Reader> {
  const reader = createReader({ client, maxRevocationLag });
  readers.push(reader);
  await reader.store.ready();
  await untilTracking(reader);
  return reader;
}

const slotOfKey = (id: string) => slotOf(`{${id.slice(0, 4)}}`);
/** Masters share the slots evenly, in order. */
const homeOf = (id: string) => Math.floor((slotOfKey(id) * 3) / 16384);

/** The id of a key in a slot of this master. */
function idAt(home: number): { id: string; workspaceId: string } {
  for (;;) {
    const workspaceId = newWorkspace();
    const id = newId(workspaceId);
    if (homeOf(id) === home) return { id, workspaceId };
  }
}

async function keyAt(home: number, store = writer): Promise<KeyRecord> {
  const { id, workspaceId } = idAt(home);
  return createSample(store, workspaceId, { id });
}

async function untilAged(lag = LAG): Promise<void> {
  const until = performance.now() + 2.5 * lag;
  await waitUntil('everything that ages by itself has', () => performance.now() > until);
}

describe.each(Object.entries(CLIENTS))('with %s', (name, connect) => {
  test('a key of any master is read from the cache until it is changed', async () => {
    const reader = await open(connect());
    const store = name.includes('prefix') ? reader.store : writer;
    const keys = await Promise.all([0, 1, 2].map((home) => keyAt(home, store)));
    for (const { id } of keys) await cacheKey(reader, id);
    await untilAged();
    expect(keys.map(({ id }) => reader.getCached(id))).toEqual(keys);
    for (const { id } of keys) await store.updateKey(id, { disabled: true }, ORIGIN, {});
    await waitUntil('the changes are received', () => keys.every(({ id }) => reader.getCached(id) === undefined));
    expect(reader.store.health()).toMatchObject({ mode: 'tracking', nodes: [{}, {}, {}], lastError: null });
  });
});

test('keys of the other masters are read from the cache when the feed of one is lost', async () => {
  const reader = await open(new Cluster([...servers.startupNodes], behindProxies()));
  const keys = await Promise.all([0, 1, 2].map((home) => keyAt(home)));
  for (const { id } of keys) await cacheKey(reader, id);
  proxies[1]?.hinder('feed', { toClient: { blackHole: true } });
  const [, lost] = keys as [KeyRecord, KeyRecord, KeyRecord];
  await writer.updateKey(lost.id, { disabled: true }, ORIGIN, {});
  const acknowledged = performance.now();
  expect(await lastCachedAt(reader, lost.id, lost, LAG)).toBeLessThanOrEqual(acknowledged + LAG);
  await untilAged();
  expect(keys.map(({ id }) => reader.getCached(id))).toEqual([keys[0], undefined, keys[2]]);
  expect(reader.store.health()).toMatchObject({ mode: 'per-entry' });
  expect(
    reader.store
      .health()
      .nodes.map(({ trusted }) => trusted)
      .sort(),
  ).toEqual([false, true, true]);
  proxies[1]?.hinder('feed', {});
  await untilTracking(reader);
});

test.each([
  ['ioredis 6', () => new Cluster([...servers.startupNodes], behindProxies())],
  ['ioredis 5', () => new Cluster5([...servers.startupNodes], behindProxies())],
])(
  'a dead connection of %s to a master is replaced while the master answers on another',
  async (_, connect) => {
    const reader = await open(connect());
    const keys = await Promise.all([0, 1, 2].map((home) => keyAt(home)));
    for (const { id } of keys) await cacheKey(reader, id);
    proxies[1]?.abandon('other');
    const [, lost] = keys as [KeyRecord, KeyRecord, KeyRecord];
    await waitUntil('the connection is given up', () => {
      return reader.events.some((event) => event.type === 'warning' && event.code === 'connection_replaced');
    });
    await waitUntil('the key can be read again', () => isReadable(reader.store, lost.id));
    await untilTracking(reader);
    await cacheKey(reader, lost.id);
  },
  40_000,
);

test('a key is not read while most masters do not confirm its own', async () => {
  // The timeout of the nodes is longer than the test: no master is replaced.
  const patient = await startCluster({ masters: 3, args: ['--cluster-node-timeout', '60000'] });
  const client = new Cluster([...patient.startupNodes]);
  const reader = await open(client);
  const key = await keyAt(0, reader.store);
  await cacheKey(reader, key.id);
  for (const node of patient.nodes.slice(1)) await node.kill('SIGSTOP');
  const frozen = performance.now();
  expect(await lastCachedAt(reader, key.id, key, LAG)).toBeLessThanOrEqual(frozen + LAG);
  await untilAged();
  await expect(reader.read(key.id)).rejects.toMatchObject({
    code: 'store_unavailable',
    cause: expect.objectContaining({ message: expect.stringContaining('half of the masters') }),
  });
  for (const node of patient.nodes.slice(1)) await node.kill('SIGCONT');
  expect(await reader.read(key.id)).toEqual(key);
  await untilTracking(reader);
  await reader.close();
  await patient.stop();
});

test('a key is read when the user may not ask for the state of the Cluster', async () => {
  const admins = servers.nodes.map(({ url }) => new Redis(url));
  for (const admin of admins) {
    await admin.call('ACL', 'SETUSER', 'limited', 'on', '>secret', '~*', '&*', '+@all', '-cluster|nodes');
  }
  const redisOptions = { username: 'limited', password: 'secret' };
  const reader = createReader({
    client: new Cluster([...servers.startupNodes], { redisOptions }),
    maxRevocationLag: LAG,
  });
  readers.push(reader);
  await reader.store.ready();
  const key = await keyAt(1);
  expect(await reader.read(key.id)).toEqual(key);
  expect(reader.store.keyLease(key.id)).toBeNull();
  for (const admin of admins) admin.disconnect();
});

describe('a slot that moves', () => {
  let move: SlotMove;
  afterEach(() => move.close());

  test('a slot has no lease from when its keys can be created elsewhere until it has arrived', async () => {
    const reader = await open(new Cluster([...servers.startupNodes]));
    const key = await keyAt(0);
    const missing = sampleKey(key.workspaceId);
    const [from, to] = servers.nodes as [RedisServer, RedisServer];
    move = slotMove(slotOfKey(key.id), from, to, servers.nodes);
    await cacheKey(reader, key.id);
    await cacheKey(reader, missing.id);
    await untilAged();
    expect(reader.getCached(key.id)).toEqual(key);
    expect(reader.getCached(missing.id)).toBeNull();

    // A key that is missing on the source is created on the target, and the source sends no invalidation.
    await move.begin();
    await writing.hset(`keyscope:key:{${tagOf(missing.id)}}${missing.id}`, ...encodeKey(missing));
    const created = performance.now();
    expect(await lastCachedAt(reader, missing.id, null, LAG)).toBeLessThanOrEqual(created + LAG);
    expect(await reader.read(missing.id)).toEqual(missing);

    // Read through the redirection, and changed behind it.
    await move.moveKeys();
    for (let round = 0; round < 3; round++) {
      const known = (await reader.read(key.id)) as KeyRecord;
      await writer.updateKey(key.id, { name: `Name ${round}` }, ORIGIN, {});
      const acknowledged = performance.now();
      expect(await lastCachedAt(reader, key.id, known, LAG)).toBeLessThanOrEqual(acknowledged + LAG);
    }

    await move.finish();
    await writer.updateKey(key.id, { name: 'Arrived' }, ORIGIN, {});
    const acknowledged = performance.now();
    await waitUntil('it is read where it is', async () => {
      const asked = performance.now();
      const { name } = (await reader.read(key.id)) ?? {};
      if (asked > acknowledged + LAG) expect(name).toBe('Arrived');
      return name === 'Arrived';
    });
    await untilTracking(reader);
    await cacheKey(reader, key.id);
    await untilAged();
    expect(reader.getCached(key.id)).toMatchObject({ name: 'Arrived' });
    await writer.deleteKey(key.id, ORIGIN, {});
    await waitUntil('the change is received', () => reader.getCached(key.id) === undefined);
  });

  test('other slots of the master soon have a lease again', async () => {
    const reader = await open(new Cluster([...servers.startupNodes]));
    const other = await keyAt(2);
    const neighbour = await keyAt(2);
    const [to, , from] = servers.nodes as [RedisServer, RedisServer, RedisServer];
    move = slotMove(slotOfKey(other.id), from, to, servers.nodes);
    await move.begin();
    await cacheKey(reader, neighbour.id);
    await untilAged();
    await cacheKey(reader, neighbour.id);
    expect(reader.store.keyLease(neighbour.id)).not.toBeNull();
    expect(reader.store.keyLease(other.id)).toBeNull();
    await move.moveKeys();
    await move.finish();
    await cacheKey(reader, other.id);
  });
});
