import { Cluster, Redis } from 'ioredis';
import type { RedisClient } from '../../../../src/store/redis/client';
import { createRedisStore } from '../../../../src/store/redis/redis-store';
import type { Store } from '../../../../src/store/store';
import { startCluster } from '../../../support/redis/cluster';
import { startSentinels } from '../../../support/redis/sentinel';
import { type RedisServer, startRedis } from '../../../support/redis/server';
import { waitUntil } from '../../../support/wait-until';
import { createSample, newWorkspace } from '../../sample';
import { cacheKey, createReader, lastCachedAt, type Reader, untilTracking } from './reader';

const LAG = 500;
const ARGS = ['--enable-debug-command', 'yes'];
const retryStrategy = () => 50;

type Client = RedisClient & { disconnect(): void };

interface Deployment {
  /** Masters. */
  readonly masters: readonly RedisServer[];
  connect(): Client;
  stop(): Promise<void>;
}

const DEPLOYMENTS: Record<string, () => Promise<Deployment>> = {
  async 'a single server'() {
    const server = await startRedis({ args: ARGS });
    return {
      masters: [server],
      connect: () => new Redis(server.url, { retryStrategy }),
      stop: () => server.stop(),
    };
  },
  async 'a server behind Sentinel'() {
    // The restart must be shorter than the time after which the Sentinels replace the server.
    const servers = await startSentinels({ downAfter: 60_000, args: ARGS });
    return {
      masters: servers.nodes.slice(0, 1),
      connect: () => new Redis({ sentinels: [...servers.addresses], name: servers.name, retryStrategy }),
      stop: () => servers.stop(),
    };
  },
  async 'a Cluster'() {
    const servers = await startCluster({ args: ARGS });
    return {
      masters: servers.nodes,
      connect: () => new Cluster([...servers.startupNodes], { clusterRetryStrategy: retryStrategy }),
      stop: () => servers.stop(),
    };
  },
};

/** Ways to replace the data of a server that send no invalidation for each key. */
const CHANGES: Record<string, (master: RedisServer, admin: Redis) => Promise<unknown>> = {
  FLUSHALL: (_, admin) => admin.flushall(),
  FLUSHDB: (_, admin) => admin.flushdb(),
  'DEBUG RELOAD of an earlier dump': (_, admin) => admin.call('debug', 'reload', 'nosave'),
  SWAPDB: (_, admin) => admin.call('swapdb', '0', '9'),
  'a restart with an earlier dump': (master) => master.restart(),
};

describe.each(Object.entries(DEPLOYMENTS))('with %s', (name, start) => {
  let deployment: Deployment;
  let writing: Client;
  let writer: Store;
  let readers: Reader[];

  beforeAll(async () => {
    deployment = await start();
  });
  afterAll(() => deployment.stop());
  beforeEach(() => {
    readers = [];
    writing = deployment.connect();
    writing.on('error', () => {});
    writer = createRedisStore({ client: writing, storeTimeout: 10_000 });
  });
  afterEach(async () => {
    await Promise.all(readers.map((reader) => reader.close()));
    await writer.close();
    writing.disconnect();
  });

  async function open(): Promise<Reader> {
    const reader = createReader({ client: deployment.connect(), maxRevocationLag: LAG, storeTimeout: LAG });
    readers.push(reader);
    await reader.store.ready();
    await untilTracking(reader);
    return reader;
  }

  // A Cluster has one database.
  const changes = Object.entries(CHANGES).filter(([change]) => name !== 'a Cluster' || change !== 'SWAPDB');

  test.each(changes)(
    'a key is not read from the cache after %s',
    async (_, change) => {
      const admins = deployment.masters.map(({ url }) => new Redis(url, { retryStrategy }));
      for (const admin of admins) admin.on('error', () => {});
      await Promise.all(admins.map((admin) => admin.save()));
      const reader = await open();
      const key = await createSample(writer, newWorkspace());
      await cacheKey(reader, key.id);

      const changing = Promise.all(deployment.masters.map((master, i) => change(master, admins[i] as Redis)));
      const [last] = await Promise.all([lastCachedAt(reader, key.id, key, 3 * LAG), changing]);
      const changed = performance.now() - 3 * LAG;
      expect(last).toBeLessThanOrEqual(changed + LAG);

      await waitUntil('the key is missing', async () => (await reader.read(key.id)) === null, 20_000);
      await waitUntil('the store has leases again', () => reader.store.health().mode === 'tracking', 20_000);
      await untilTracking(reader);
      for (const admin of admins) admin.disconnect();
    },
    60_000,
  );

  test('a key is read again when the client has reconnected', async () => {
    const reader = await open();
    const key = await createSample(writer, newWorkspace());
    await cacheKey(reader, key.id);
    const lease = reader.store.keyLease(key.id);
    const admins = deployment.masters.map(({ url }) => new Redis(url, { retryStrategy }));
    for (const admin of admins) await admin.call('client', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await waitUntil('there is a new lease', () => ![lease, null].includes(reader.store.keyLease(key.id)));
    await cacheKey(reader, key.id);
    expect(reader.getCached(key.id)).toEqual(key);
    for (const admin of admins) admin.disconnect();
  });
});
