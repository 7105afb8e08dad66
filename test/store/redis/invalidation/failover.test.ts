import { Cluster, Redis } from 'ioredis';
import { Cluster as Cluster5 } from 'ioredis5';
import type { KeyRecord } from '../../../../src/store/records';
import { slotOf } from '../../../../src/store/redis/hash-slot';
import { type RedisClusterServers, startCluster } from '../../../support/redis/cluster';
import type { RedisServer } from '../../../support/redis/server';
import { startTcpProxy, type TcpProxy } from '../../../support/tcp-proxy';
import { waitUntil } from '../../../support/wait-until';
import { createSample, newWorkspace } from '../../sample';
import { cacheKey, createReader, lastCachedAt, type Reader, untilTracking } from './reader';

const LAG = 400;
const NODE_TIMEOUT = '1000';

let servers: RedisClusterServers;
let admins: Redis[];
let reader: Reader;
let key: KeyRecord;
let bystander: KeyRecord;

const nameOf = (id: string) => `keyscope:key:{${id.slice(0, 4)}}${id}`;
/** Masters share the slots evenly, in order. */
const homeOf = (id: string) => Math.floor((slotOf(`{${id.slice(0, 4)}}`) * 3) / 16384);

async function keyAt(home: number): Promise<KeyRecord> {
  for (;;) {
    const made = await createSample(reader.store, newWorkspace());
    if (homeOf(made.id) === home) return made;
  }
}

const CLIENTS = {
  'ioredis 6': () => new Cluster([...servers.startupNodes]),
  'ioredis 5': () => new Cluster5([...servers.startupNodes]),
};

async function start(connect: () => Cluster | Cluster5 | Promise<Cluster>): Promise<void> {
  servers = await startCluster({ masters: 3, replicas: 1, args: ['--cluster-node-timeout', NODE_TIMEOUT] });
  admins = servers.nodes.map(({ url }) => new Redis(url, { protocol: 2 }));
  for (const admin of admins) admin.on('error', () => {}); // they end before this one does
  reader = createReader({ client: await connect(), maxRevocationLag: LAG, storeTimeout: 500 });
  await reader.store.ready();
  await untilTracking(reader);
  [key, bystander] = await Promise.all([keyAt(0), keyAt(1)]);
  await waitUntil('the replica has the key', async () => {
    await admins[3]?.readonly();
    return (await admins[3]?.exists(nameOf(key.id))) === 1;
  });
  await cacheKey(reader, key.id);
  await cacheKey(reader, bystander.id);
}

afterEach(async () => {
  await reader.close();
  for (const admin of admins) admin.disconnect();
  await servers.stop();
});

/** The first master's replica has taken its place. */
async function untilReplaced(): Promise<Redis> {
  const next = admins[3] as Redis;
  await waitUntil(
    'the replica is the master',
    async () => (await next.info('replication')).includes('role:master'),
    20_000,
  );
  return next;
}

/** No reader uses a state from before a change on the new master, and all of them track again at the end. */
async function expectFollowed(next: Redis): Promise<void> {
  await waitUntil('the new master takes changes', async () => (await next.hset(nameOf(key.id), 'revision', '2')) === 0);
  const changed = performance.now();
  await waitUntil(
    'the new master is read from, and trusted',
    async () => {
      const asked = performance.now();
      const read = await reader.read(key.id).catch(() => null);
      if (read !== null && asked > changed + LAG) expect(read.revision).toBe(2);
      return read?.revision === 2 && reader.store.keyLease(key.id) !== null;
    },
    20_000,
  );
  await untilTracking(reader);
  await cacheKey(reader, key.id);
  await next.hset(nameOf(key.id), 'revision', '3');
  await waitUntil('the change is received', () => reader.getCached(key.id) === undefined);
}

describe.each(Object.entries(CLIENTS))('with %s', (_, connect) => {
  beforeEach(() => start(connect), 60_000);

  test('a master that dies is replaced by its replica', async () => {
    await (servers.nodes[0] as RedisServer).kill('SIGKILL');
    const died = performance.now();
    expect(await lastCachedAt(reader, key.id, key, 50)).toBeLessThanOrEqual(died + LAG);
    await expectFollowed(await untilReplaced());
  });

  test('a master that hands over to its replica loses its lease', async () => {
    const next = admins[3] as Redis;
    await next.call('cluster', 'FAILOVER');
    await untilReplaced();
    await expectFollowed(next);
    await cacheKey(reader, bystander.id);
  });

  test('a master that was frozen and replaced gets no lease when it resumes', async () => {
    const old = servers.nodes[0] as RedisServer;
    await old.kill('SIGSTOP');
    const next = await untilReplaced();
    await waitUntil(
      'the new master takes changes',
      async () => (await next.hset(nameOf(key.id), 'revision', '2')) === 0,
    );
    const changed = performance.now();
    await waitUntil('the lag before the failover has passed', () => performance.now() > changed + 2 * LAG);
    await old.kill('SIGCONT');
    await expectFollowed(next);
  });
});

describe('a process that reaches the first master only', () => {
  let proxies: TcpProxy[];
  beforeEach(
    () =>
      start(async () => {
        proxies = await Promise.all(servers.nodes.map(({ port }) => startTcpProxy({ target: port })));
        const natMap = Object.fromEntries(
          servers.nodes.map(({ port }, i) => [`127.0.0.1:${port}`, { host: '127.0.0.1', port: proxies[i]!.port }]),
        );
        return new Cluster([...servers.startupNodes], { natMap });
      }),
    60_000,
  );
  afterEach(() => Promise.all(proxies.map((proxy) => proxy.close())));

  function cutOff(isCutOff: boolean): void {
    const hindrance = isCutOff ? { toServer: { blackHole: true }, toClient: { blackHole: true } } : {};
    for (const proxy of proxies.slice(1)) proxy.hinder('other', hindrance);
  }

  test.each([
    ['reaches the others later', false],
    ['reaches the others as it resumes', true],
  ])(
    'a state from before a change is not read from that master after it was replaced, if the process %s',
    async (_, heals) => {
      cutOff(true);
      const old = servers.nodes[0] as RedisServer;
      await old.kill('SIGSTOP');
      const next = await untilReplaced();
      await waitUntil('a change is taken', async () => (await next.hset(nameOf(key.id), 'revision', '2')) === 0);
      const changed = performance.now();
      await waitUntil('the lag has passed', () => performance.now() > changed + LAG);
      const seen: number[] = [];
      const reading = waitUntil('reads were sent before and after the master resumed', async () => {
        const read = await reader.read(key.id).catch(() => null);
        if (read !== null) seen.push(read.revision);
        return performance.now() > changed + 10 * LAG;
      });
      await old.kill('SIGCONT');
      if (heals) cutOff(false);
      await reading;
      expect(seen).not.toContain(1);
      cutOff(false);
      await expectFollowed(next);
    },
  );
});
