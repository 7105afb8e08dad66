import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import type { KeyRecord } from '../../../../src/store/records';
import { type RedisServer, startRedis } from '../../../support/redis/server';
import { waitUntil } from '../../../support/wait-until';
import { createSample, newWorkspace, ORIGIN } from '../../sample';
import { cacheKey, createReader, lastCachedAt, type Reader, untilTracking } from './reader';

const LAG = 400;

let server: RedisServer;
let readers: Reader[];
beforeEach(async () => {
  server = await startRedis({ persistent: true });
  readers = [];
});
afterEach(async () => {
  await Promise.all(readers.map((reader) => reader.close()));
  await server.stop();
});

const retryStrategy = () => 50;
const CLIENTS = {
  'ioredis 6': () => new Redis(server.url, { retryStrategy }),
  'ioredis 5': () => new Redis5(server.url, { retryStrategy }),
};

async function open(client: Redis | Redis5): Promise<Reader> {
  const reader = createReader({ client, maxRevocationLag: LAG, storeTimeout: 300 });
  readers.push(reader);
  await reader.store.ready();
  await untilTracking(reader);
  return reader;
}

async function given(reader: Reader): Promise<KeyRecord> {
  const key = await createSample(reader.store, newWorkspace());
  await cacheKey(reader, key.id);
  return key;
}

const modes = (reader: Reader) => reader.events.flatMap((event) => (event.type === 'mode' ? [event.mode] : []));

describe.each(Object.entries(CLIENTS))('with %s', (_, connect) => {
  test.each(['SIGKILL', 'SIGSTOP'] as const)(
    'cached data is used until the lease ends after %s, and the store recovers by itself',
    async (signal) => {
      const reader = await open(connect());
      const key = await given(reader);
      await server.kill(signal);
      const ended = performance.now();
      expect(reader.getCached(key.id)).toEqual(key);
      const last = await lastCachedAt(reader, key.id, key, LAG);
      expect(last).toBeLessThanOrEqual(ended + LAG);
      await expect(reader.read(key.id)).rejects.toMatchObject({ code: 'store_unavailable' });
      await waitUntil('it is known to be down', () => reader.store.health().mode === 'down');
      expect(reader.store.health().lastError).toEqual(expect.any(String));

      if (signal === 'SIGSTOP') await server.kill('SIGCONT');
      else await server.restart();
      await untilTracking(reader);
      await waitUntil('it can be read', async () => (await reader.read(key.id)) !== null);
      await cacheKey(reader, key.id);
      expect(modes(reader).at(-1)).toBe('tracking');
      expect(reader.store.health().lastError).toBeNull();
      await reader.store.updateKey(key.id, { disabled: true }, ORIGIN, {});
      expect(await reader.read(key.id)).toMatchObject({ disabled: true });
    },
  );
});

test('a server that comes back empty is read as empty', async () => {
  const reader = await open(new Redis(server.url, { retryStrategy }));
  const key = await given(reader);
  const { port } = server;
  await server.stop();
  server = await startRedis({ port });
  await untilTracking(reader);
  await waitUntil('the key is gone', async () => (await reader.read(key.id)) === null);
  await cacheKey(reader, key.id);
  expect(reader.getCached(key.id)).toBeNull();
});

describe('a server that is made a replica while the client is connected', () => {
  let master: RedisServer;
  beforeEach(async () => {
    master = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] });
  });
  afterEach(() => master.stop());

  test('a replica is not read from, not written to, and grants no lease', async () => {
    const reader = await open(new Redis(server.url, { retryStrategy }));
    const key = await given(reader);
    const admin = new Redis(server.url);
    await admin.call('replicaof', '127.0.0.1', String(master.port));
    const changed = performance.now();
    expect(await lastCachedAt(reader, key.id, key, 2 * LAG)).toBeLessThanOrEqual(changed + LAG);
    const replica = { code: 'store_unavailable', cause: { message: expect.stringMatching('the server is a replica') } };
    await expect(reader.store.getKey(key.id)).rejects.toMatchObject(replica);
    await expect(reader.store.getProjects(key.workspaceId)).rejects.toMatchObject(replica);
    await expect(reader.store.deleteKey(key.id, ORIGIN, { workspaceId: key.workspaceId })).rejects.toMatchObject(
      replica,
    );
    expect(reader.store.health()).toMatchObject({ mode: 'down', nodes: [{ trusted: false }] });

    await admin.call('replicaof', 'no', 'one');
    admin.disconnect();
    await untilTracking(reader);
    expect(await createSample(reader.store, newWorkspace())).toBeDefined();
  });

  test('a client leaves a replica when its address leads to a master again', async () => {
    const reader = await open(new Redis(server.url, { retryStrategy }));
    const admin = new Redis(server.url);
    const connections = async () => Number(/total_connections_received:(\d+)/.exec(await admin.info('stats'))?.[1]);
    const before = await connections();
    await admin.call('replicaof', '127.0.0.1', String(master.port));
    await waitUntil('the client has reconnected', async () => (await connections()) > before + 1);
    expect(reader.store.health().lastError).toMatch(/no longer takes changes|replica/);
    admin.disconnect();
  });
});
