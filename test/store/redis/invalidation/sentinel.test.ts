import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import type { KeyRecord } from '../../../../src/store/records';
import { type RedisSentinelServers, startSentinels } from '../../../support/redis/sentinel';
import type { RedisServer } from '../../../support/redis/server';
import { startTcpProxy, type TcpProxy } from '../../../support/tcp-proxy';
import { waitUntil } from '../../../support/wait-until';
import { createSample, newWorkspace, ORIGIN } from '../../sample';
import { cacheKey, createReader, type Reader, untilTracking } from './reader';

const LAG = 500;

let servers: RedisSentinelServers;
let readers: Reader[];
let cleanups: (() => Promise<void>)[];
beforeEach(async () => {
  servers = await startSentinels();
  readers = [];
  cleanups = [];
});
afterEach(async () => {
  await Promise.all(readers.map((reader) => reader.close()));
  for (const cleanup of cleanups) await cleanup();
  await servers.stop();
});

const options = () => ({ sentinels: [...servers.addresses], name: servers.name, retryStrategy: () => 50 });
const CLIENTS = { 'ioredis 6': () => new Redis(options()), 'ioredis 5': () => new Redis5(options()) };

async function open(client: Redis | Redis5): Promise<Reader> {
  const reader = createReader({ client, maxRevocationLag: LAG, storeTimeout: 300 });
  readers.push(reader);
  await reader.store.ready();
  await untilTracking(reader);
  return reader;
}

async function given(reader: Reader): Promise<KeyRecord> {
  const key = await createSample(reader.store, newWorkspace());
  const replica = new Redis((servers.nodes[1] as RedisServer).url);
  await waitUntil('the replica has it', async () => (await replica.exists(nameOf(key.id))) === 1);
  replica.disconnect();
  await cacheKey(reader, key.id);
  return key;
}

const nameOf = (id: string) => `keyscope:key:{${id.slice(0, 4)}}${id}`;

async function untilFailedOver(): Promise<Redis> {
  const [old, next] = servers.nodes as [RedisServer, RedisServer];
  await waitUntil(
    'the Sentinels have replaced the master',
    async () => (await servers.masterPort()) !== old.port,
    30_000,
  );
  return new Redis(next.url);
}

describe.each(Object.entries(CLIENTS))('with %s', (_, connect) => {
  test('a master that dies is replaced, and the next one sends invalidations', async () => {
    const reader = await open(connect());
    const key = await given(reader);
    await servers.nodes[0]?.kill('SIGKILL');
    const admin = await untilFailedOver();
    await admin.hset(nameOf(key.id), 'revision', '2');
    const changed = performance.now();
    await waitUntil('the new master is read from', async () => (await reader.read(key.id))?.revision === 2, 20_000);
    await untilTracking(reader);
    await cacheKey(reader, key.id);
    expect(reader.getCached(key.id)).toMatchObject({ revision: 2 });
    expect(performance.now()).toBeGreaterThan(changed);
    await admin.hset(nameOf(key.id), 'revision', '3');
    await waitUntil('the change is received', () => reader.getCached(key.id) === undefined);
    admin.disconnect();
  });

  test('a master that was frozen and replaced gets no lease when it resumes', async () => {
    const reader = await open(connect());
    const key = await given(reader);
    const old = servers.nodes[0] as RedisServer;
    await old.kill('SIGSTOP');
    const admin = await untilFailedOver();
    await admin.hset(nameOf(key.id), 'revision', '2');
    const changed = performance.now();
    await old.kill('SIGCONT');

    // It calls itself a master for seconds.
    const seen: number[] = [];
    await waitUntil(
      'the new master is read from, and trusted',
      async () => {
        const asked = performance.now();
        const read = await reader.read(key.id).catch(() => null);
        if (read !== null && asked > changed + LAG) seen.push(read.revision);
        return read?.revision === 2 && reader.getCached(key.id) !== undefined && seen.length > 3;
      },
      40_000,
    );
    expect(new Set(seen)).toEqual(new Set([2]));
    admin.disconnect();
  }, 80_000);
});

test('a master that is replaced while it is well hands over', async () => {
  const reader = await open(new Redis(options()));
  const key = await given(reader);
  await servers.failover();
  const admin = await untilFailedOver();
  await waitUntil(
    'the new master takes changes',
    async () => (await admin.hset(nameOf(key.id), 'revision', '2')) === 0,
  );
  const changed = performance.now();
  await waitUntil(
    'the new master is read from, and trusted',
    async () => {
      const asked = performance.now();
      const read = await reader.read(key.id).catch(() => null);
      if (read !== null && asked > changed + LAG) expect(read.revision).toBe(2);
      return read?.revision === 2 && reader.store.keyLease(key.id) !== null;
    },
    30_000,
  );
  admin.disconnect();
});

/** Sentinels that one client loses while all others keep them. */
async function startProxies(): Promise<TcpProxy[]> {
  const proxies = await Promise.all(servers.sentinels.map(({ port }) => startTcpProxy({ target: port })));
  cleanups.push(...proxies.map(({ close }) => close));
  return proxies;
}

const throughProxies = (proxies: readonly TcpProxy[]) => ({
  ...options(),
  sentinels: proxies.map(({ port }) => ({ host: '127.0.0.1', port })),
});

test('a key is not read from a master that was cut off with this process and replaced', async () => {
  const proxies = await startProxies();
  const reader = await open(new Redis(throughProxies(proxies)));
  const key = await given(reader);
  for (const proxy of proxies) {
    proxy.hinder('other', { toClient: { blackHole: true }, toServer: { blackHole: true } });
  }
  const old = servers.nodes[0] as RedisServer;
  await old.kill('SIGSTOP');
  const admin = await untilFailedOver();
  await admin.del(nameOf(key.id));
  // It calls itself a master for seconds.
  await old.kill('SIGCONT');
  const inOldMaster = new Redis(old.url);
  await waitUntil('the old master answers', async () => (await inOldMaster.exists(nameOf(key.id))) === 1);
  for (let read = 0; read < 5; read++) {
    await expect(reader.read(key.id)).rejects.toMatchObject({ code: 'store_unavailable' });
  }
  expect(await inOldMaster.role()).toContain('master');
  await expect(reader.store.updateKey(key.id, { disabled: true }, ORIGIN, {})).rejects.toMatchObject({
    code: 'store_unavailable',
  });
  expect(reader.store.health().mode).toBe('down');
  for (const proxy of proxies) proxy.hinder('other', {});
  await waitUntil('the new master is read from', async () => (await reader.read(key.id)) === null, 40_000);
  inOldMaster.disconnect();
  admin.disconnect();
}, 90_000);

test('a reply is not used when the client reconnects before the Sentinels have confirmed the server', async () => {
  const proxies = await startProxies();
  const client = new Redis(throughProxies(proxies));
  const reader = await open(client);
  const key = await given(reader);
  for (const proxy of proxies) {
    proxy.hinder('other', { toClient: { blackHole: true }, toServer: { blackHole: true } });
  }
  await waitUntil('the server is not confirmed any more', () => reader.store.health().mode === 'down');
  const admin = new Redis((servers.nodes[0] as RedisServer).url);
  const reads = async () => Number(/cmdstat_hmget:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1]);
  const before = await reads();
  const reading = reader.store.getKey(key.id).then(
    () => 'used',
    (error: { code: string }) => error.code,
  );
  await waitUntil('the read is answered', async () => (await reads()) > before);
  client.disconnect(true);
  expect(await reading).toBe('store_unavailable');
  const change = reader.store.updateKey(key.id, { disabled: true }, ORIGIN, {});
  await expect(change).rejects.toMatchObject({ code: 'store_unavailable' });
  expect(await admin.hget(nameOf(key.id), 'disabled')).not.toBe('1');
  admin.disconnect();
}, 60_000);

test('no data is read while most Sentinels are silent', async () => {
  const reader = await open(new Redis(options()));
  const key = await given(reader);
  for (const sentinel of servers.sentinels.slice(0, 2)) sentinel.kill('SIGSTOP');
  await waitUntil('there is no lease', () => reader.store.keyLease(key.id) === null);
  await waitUntil('the mode says so', () => reader.store.health().mode === 'down');
  await expect(reader.read(key.id)).rejects.toMatchObject({ code: 'store_unavailable' });
  expect(reader.store.health().lastError).toContain('Sentinels are silent');
  for (const sentinel of servers.sentinels.slice(0, 2)) sentinel.kill('SIGCONT');
  await untilTracking(reader);
  expect(await reader.read(key.id)).toEqual(key);
});

test('the first request is answered although the app does not wait for the Sentinels', async () => {
  const key = await given(await open(new Redis(options())));
  const client = new Redis(options());
  await waitUntil('it is connected', () => client.status === 'ready');
  const reader = createReader({ client, maxRevocationLag: LAG, storeTimeout: LAG });
  readers.push(reader);
  reader.store.keyLease(key.id);
  expect(await reader.store.getKey(key.id)).toEqual(key);
});
