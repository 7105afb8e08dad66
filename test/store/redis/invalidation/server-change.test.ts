import { Command, Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import type { KeyRecord } from '../../../../src/store/records';
import { createRedisStore } from '../../../../src/store/redis/redis-store';
import type { Store } from '../../../../src/store/store';
import { type RedisServer, startRedis } from '../../../support/redis/server';
import { startTcpProxy, type TcpProxy } from '../../../support/tcp-proxy';
import { waitUntil } from '../../../support/wait-until';
import { createSample, newWorkspace, ORIGIN } from '../../sample';
import { cacheKey, createReader, isFeed, lastCachedAt, type Reader, untilTracking } from './reader';

const LAG = 400;

let server: RedisServer;
let admin: Redis;
let writer: Store;
let reader: Reader | undefined;
let cleanups: (() => unknown)[];

beforeEach(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
  writer = createRedisStore({ client: admin, storeTimeout: 10_000 });
  cleanups = [];
});
afterEach(async () => {
  await reader?.close();
  reader = undefined;
  for (const cleanup of cleanups.reverse()) await cleanup();
  await writer.close();
  admin.disconnect();
  await server.stop();
});

async function open(client: Redis | Redis5, { isTracking = true } = {}): Promise<Reader> {
  reader = createReader({ client, maxRevocationLag: LAG, storeTimeout: 1000 });
  await reader.store.ready();
  if (isTracking) await untilTracking(reader);
  return reader;
}

const retryStrategy = () => 50;
const nameOf = (id: string) => `keyscope:key:{${id.slice(0, 4)}}${id}`;

async function startProxy(target: () => number): Promise<TcpProxy> {
  const proxy = await startTcpProxy({ target, kinds: { feed: isFeed } });
  cleanups.push(() => proxy.close());
  return proxy;
}

/** Reads a key until the time is over. Resolves with the revision of each read. */
async function readFor(ms: number, { read }: Reader, id: string): Promise<(number | null)[]> {
  const seen: (number | null)[] = [];
  const until = performance.now() + ms;
  await waitUntil('the time is over', async () => {
    await read(id).then(
      (record) => seen.push(record === null ? null : record.revision),
      () => {},
    );
    return performance.now() > until;
  });
  return seen;
}

/** Ways in which an app can select a database on its client. */
const SELECT: Record<string, (client: Redis | Redis5, database: number) => Promise<unknown>> = {
  'client.select': (client, database) => client.select(database),
  "client.call('SELECT')": (client, database) => client.call('SELECT', database),
  'client.sendCommand': (client, database) =>
    client.sendCommand(new Command('SELECT', [String(database)]) as never) as Promise<unknown>,
  'a pipeline': (client, database) => client.pipeline().call('SELECT', database).exec(),
  'a transaction': (client, database) => client.multi().call('SELECT', database).exec(),
};

const CLIENTS = {
  'ioredis 6': (port: number, user = {}) => new Redis(port, { retryStrategy, ...user }),
  'ioredis 5': (port: number, user = {}) => new Redis5(port, { retryStrategy, ...user }),
};

describe.each(Object.entries(CLIENTS))('with %s', (_, connect) => {
  describe('a client whose address leads to a lagging replica for a moment', () => {
    let replica: RedisServer;
    let target: number;
    let proxy: TcpProxy;
    let key: KeyRecord;

    beforeEach(async () => {
      const link = await startTcpProxy({ target: server.port });
      cleanups.push(() => link.close());
      replica = await startRedis({
        args: ['--replicaof', '127.0.0.1', String(link.port), '--repl-diskless-sync-delay', '0'],
      });
      cleanups.push(() => replica.stop());
      target = server.port;
      proxy = await startProxy(() => target);
      key = await createSample(writer, newWorkspace());
      const onReplica = new Redis(replica.url);
      cleanups.push(() => onReplica.disconnect());
      await waitUntil('the replica has the key', async () => (await onReplica.exists(nameOf(key.id))) === 1);
      await open(connect(proxy.port));
      link.hinder('other', { toClient: { blackHole: true } });
      await writer.deleteKey(key.id, ORIGIN, {});
      expect(await onReplica.exists(nameOf(key.id))).toBe(1);
    });

    test('a deleted key stays deleted when a request is made during the reconnect', async () => {
      target = replica.port;
      proxy.cut('other');
      await expect(reader?.read(key.id)).rejects.toMatchObject({ code: 'store_unavailable' });
      target = server.port;
      proxy.cut('other');
      await untilTracking(reader as Reader);
      expect(await readFor(3 * LAG, reader as Reader, key.id)).not.toContain(1);
      expect(await reader?.read(key.id)).toBeNull();
    });

    test('a deleted key stays deleted when a read is in flight during the reconnect', async () => {
      proxy.hinder('other', { toServer: { blackHole: true } });
      const reading = reader?.read(key.id);
      await new Promise((resolve) => setImmediate(resolve));
      target = replica.port;
      proxy.hinder('other', {});
      proxy.cut('other');
      expect(await reading?.catch(() => null)).toBeNull();
      target = server.port;
      proxy.cut('other');
      await untilTracking(reader as Reader);
      expect(await readFor(2 * LAG, reader as Reader, key.id)).not.toContain(1);
    });

    test('a deleted key stays deleted under traffic', async () => {
      const seen: (number | null)[] = [];
      for (let round = 0; round < 3; round++) {
        target = replica.port;
        proxy.cut('other');
        seen.push(...(await readFor(LAG, reader as Reader, key.id)));
        target = server.port;
        proxy.cut('other');
        seen.push(...(await readFor(LAG, reader as Reader, key.id)));
      }
      expect(seen).not.toContain(1);
    });
  });

  test.each(Object.entries(SELECT))(
    'a key is not read from an earlier copy when the app selects another database by %s',
    async (_way, select) => {
      const key = await createSample(writer, newWorkspace());
      await admin.call('copy', nameOf(key.id), nameOf(key.id), 'DB', '3');
      const client = connect(server.port);
      const { read, store } = await open(client);
      await read(key.id);
      await select(client, 3);
      await writer.deleteKey(key.id, ORIGIN, {});
      await expect(read(key.id)).rejects.toMatchObject({
        code: 'store_unavailable',
        cause: expect.objectContaining({ message: expect.stringContaining('SELECT 3') }),
      });
      await waitUntil('the store reports it', () => store.health().mode === 'down');
      await select(client, 0);
      await waitUntil('the key is read again', async () => (await read(key.id)) === null);
    },
  );

  test('a key is not read from an earlier copy when the app had a transaction open while its client was verified', async () => {
    const key = await createSample(writer, newWorkspace());
    await admin.call('copy', nameOf(key.id), nameOf(key.id), 'DB', '3');
    const client = connect(server.port);
    await new Promise((resolve) => client.once('ready', resolve));
    await client.multi({ pipeline: false });
    const opening = open(client);
    await waitUntil('commands of the verification are queued', async () =>
      /multi=[3-9]/.test(String(await admin.client('LIST'))),
    );
    await client.exec();
    const { read } = await opening;
    expect(await read(key.id)).toEqual(key);
    await client.call('SELECT', '3');
    await writer.deleteKey(key.id, ORIGIN, {});
    await expect(read(key.id)).rejects.toMatchObject({ code: 'store_unavailable' });
  });

  test('a key is neither read nor changed below another prefix when the app gives its client one', async () => {
    const key = await createSample(writer, newWorkspace());
    await admin.call('copy', nameOf(key.id), `tenant:${nameOf(key.id)}`);
    const client = connect(server.port);
    const { read, store } = await open(client);
    await read(key.id);
    client.options.keyPrefix = 'tenant:';
    const inWorkspace = { workspaceId: key.workspaceId };
    expect(await store.updateKey(key.id, { disabled: true }, ORIGIN, inWorkspace)).toMatchObject({ ok: true });
    expect(await writer.getKey(key.id)).toMatchObject({ disabled: true });
    await expect(read(key.id)).rejects.toMatchObject({
      code: 'store_unavailable',
      cause: expect.objectContaining({ message: expect.stringContaining('keyPrefix') }),
    });
    client.options.keyPrefix = '';
    expect((await read(key.id))?.disabled).toBe(true);
  });

  test('a key is not read from the cache when its database was swapped for another', async () => {
    await open(connect(server.port));
    const key = await createSample(writer, newWorkspace());
    await cacheKey(reader as Reader, key.id);
    await admin.call('swapdb', '0', '9');
    const swapped = performance.now();
    expect(await lastCachedAt(reader as Reader, key.id, key, 2 * LAG)).toBeLessThanOrEqual(swapped + LAG);
    expect(await reader?.read(key.id)).toBeNull();
    await untilTracking(reader as Reader);
  });

  test.each([
    ['maxmemory', ['maxmemory', '1mb'], ['maxmemory', '0']],
    ['min-replicas-to-write', ['min-replicas-to-write', '1'], ['min-replicas-to-write', '0']],
  ] as const)(
    'a key is not read from the cache when its database was swapped and %s refused all writes as the feed opened',
    async (_setting, refuse, allow) => {
      const key = await createSample(writer, newWorkspace());
      await admin.del('keyscope:epoch');
      await admin.config('SET', ...refuse);
      const { store } = await open(connect(server.port), { isTracking: false });
      await reader?.read(key.id);
      expect(store.health()).toMatchObject({ lastError: expect.stringContaining('keyscope:epoch') });
      await admin.config('SET', ...allow);
      await untilTracking(reader as Reader);
      await cacheKey(reader as Reader, key.id);
      await admin.call('swapdb', '0', '9');
      const swapped = performance.now();
      expect(await lastCachedAt(reader as Reader, key.id, key, 2 * LAG)).toBeLessThanOrEqual(swapped + LAG);
      expect(await reader?.read(key.id)).toBeNull();
    },
  );

  test('no lease is granted when the epoch key can neither be read nor written', async () => {
    await admin.call('ACL', 'SETUSER', 'limited', 'on', 'nopass', '~*', '&*', '+@all', '-hsetnx', '-hget');
    const key = await createSample(writer, newWorkspace());
    await admin.del('keyscope:epoch');
    const client = connect(server.port, { username: 'limited', password: 'x' });
    const { store, read } = await open(client, { isTracking: false });
    await waitUntil('the reason is reported', () => store.health().lastError?.includes('keyscope:epoch') === true);
    expect(await read(key.id)).toEqual(key);
    await admin.call('swapdb', '0', '9');
    const swapped = performance.now();
    expect(await lastCachedAt(reader as Reader, key.id, key, 2 * LAG)).toBeLessThanOrEqual(swapped + LAG);
  });

  test('a key is not read from the cache when its database was swapped for an earlier copy', async () => {
    await open(connect(server.port));
    const names = await admin.keys('*');
    for (const name of names) await admin.call('copy', name, name, 'DB', '9');
    const key = await createSample(writer, newWorkspace());
    await cacheKey(reader as Reader, key.id);
    await admin.call('swapdb', '0', '9');
    const swapped = performance.now();
    expect(await lastCachedAt(reader as Reader, key.id, key, 2 * LAG)).toBeLessThanOrEqual(swapped + LAG);
    expect(await reader?.read(key.id)).toBeNull();
  });
});

test('a swap for an earlier copy is noticed when the feed was on another server than the client for a moment', async () => {
  const key = await createSample(writer, newWorkspace());
  const other = await startRedis();
  cleanups.push(() => other.stop());
  const onOther = new Redis(other.url);
  cleanups.push(() => onOther.disconnect());
  let target = other.port;
  const proxy = await startProxy(() => target);
  await open(new Redis(proxy.port, { retryStrategy }));
  target = server.port;
  proxy.cut('feed');
  const lists = async () =>
    Number(/cmdstat_client\|list:calls=(\d+)/.exec(await onOther.info('commandstats'))?.[1] ?? 0);
  const before = await lists();
  await waitUntil('the feed is looked for on the other server', async () => (await lists()) > before + 1);
  proxy.cut('other');
  await untilTracking(reader as Reader);
  for (const name of await admin.keys('*')) await admin.call('copy', name, name, 'DB', '9');
  await writer.updateKey(key.id, { disabled: true }, ORIGIN, {});
  await waitUntil('the change is read', async () => (await reader?.read(key.id))?.disabled === true);
  const changed = await reader?.read(key.id);
  await cacheKey(reader as Reader, key.id);
  await admin.call('swapdb', '0', '9');
  const swapped = performance.now();
  expect(await lastCachedAt(reader as Reader, key.id, changed ?? null, 2 * LAG)).toBeLessThanOrEqual(swapped + LAG);
  expect(await reader?.read(key.id)).toEqual(key);
});

test.each([[['flushall']], [['flushdb']], [['debug', 'reload', 'nosave']]])(
  'a key is not read from the cache after %j',
  async (command) => {
    await server.stop();
    admin.disconnect();
    server = await startRedis({ args: ['--enable-debug-command', 'yes'] });
    admin = new Redis(server.url);
    writer = createRedisStore({ client: admin, storeTimeout: 10_000 });
    await admin.save();
    await open(new Redis(server.url));
    const key = await createSample(writer, newWorkspace());
    await cacheKey(reader as Reader, key.id);
    await admin.call(...(command as [string, ...string[]]));
    const changed = performance.now();
    expect(await lastCachedAt(reader as Reader, key.id, key, 2 * LAG)).toBeLessThanOrEqual(changed + LAG);
    expect(await reader?.read(key.id)).toBeNull();
    await untilTracking(reader as Reader);
  },
);
