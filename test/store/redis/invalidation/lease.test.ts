import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import type { KeyRecord } from '../../../../src/store/records';
import { createRedisStore } from '../../../../src/store/redis/redis-store';
import type { Store } from '../../../../src/store/store';
import { fakeClock } from '../../../support/clock';
import { type RedisServer, startRedis } from '../../../support/redis/server';
import { type Hindrances, startTcpProxy, type TcpProxy } from '../../../support/tcp-proxy';
import { waitUntil } from '../../../support/wait-until';
import { createSample, newWorkspace, ORIGIN } from '../../sample';
import {
  cacheKey,
  createReader,
  feedsOn,
  isFeed,
  lastCachedAt,
  type Reader,
  type ReaderOptions,
  untilTracking,
} from './reader';

const LAG = 400;

let server: RedisServer;
let admin: Redis;
let writer: Store;
let proxy: TcpProxy;
let readers: Reader[];

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
  // Changes go to the server directly: faults of the reader do not delay their acknowledgement.
  writer = createRedisStore({ client: admin, storeTimeout: 10_000 });
});
afterAll(async () => {
  await writer.close();
  admin.disconnect();
  await server.stop();
});
beforeEach(async () => {
  proxy = await startTcpProxy({ target: server.port, kinds: { feed: isFeed } });
  readers = [];
});
afterEach(async () => {
  await Promise.all(readers.map((reader) => reader.close()));
  await proxy.close();
});

async function open({ client = new Redis(proxy.port), ...options }: Partial<ReaderOptions> = {}): Promise<Reader> {
  const reader = createReader({ client, maxRevocationLag: LAG, ...options });
  readers.push(reader);
  await reader.store.ready();
  await untilTracking(reader);
  return reader;
}

async function given(reader: Reader): Promise<KeyRecord> {
  const key = await createSample(writer, newWorkspace());
  await cacheKey(reader, key.id);
  return key;
}

async function disable(id: string): Promise<number> {
  expect(await writer.updateKey(id, { disabled: true }, ORIGIN, {})).toMatchObject({ ok: true });
  return performance.now();
}

describe.each([
  ['ioredis 6', () => new Redis(proxy.port)],
  ['ioredis 5', () => new Redis5(proxy.port)],
])('%s', (_, connect) => {
  test.each<[string, Hindrances]>([
    ['from the server', { toClient: { blackHole: true } }],
    ['to the server', { toServer: { blackHole: true } }],
    ['both ways', { toClient: { blackHole: true }, toServer: { blackHole: true } }],
  ])(
    'a feed on which nothing arrives %s is not trusted for longer than the lag, and is replaced',
    async (__, hindrances) => {
      const reader = await open({ client: connect() });
      const key = await given(reader);
      proxy.hinder('feed', hindrances);
      const acknowledged = await disable(key.id);
      const last = await lastCachedAt(reader, key.id, key, 2 * LAG);
      expect(last).toBeLessThanOrEqual(acknowledged + LAG);
      // The lease has ended, and the connection for reads still works.
      if (hindrances.toClient) expect(last).toBeGreaterThan(acknowledged);
      expect(await reader.read(key.id)).toMatchObject({ disabled: true });
      expect(reader.store.health()).toMatchObject({ mode: 'per-entry', nodes: [{ feed: 'opening', trusted: false }] });

      proxy.hinder('feed', {});
      await untilTracking(reader);
      const another = await given(reader);
      await disable(another.id);
      await waitUntil('the change is received', () => reader.getCached(another.id) === undefined);
    },
  );
});

test('cached data is used for the lag from its read if there is no feed', async () => {
  const reader = await open();
  proxy.hinder('feed', { toClient: { blackHole: true } });
  await waitUntil('the feed is lost', () => reader.store.health().mode === 'per-entry');
  const key = await createSample(writer, newWorkspace());
  const reading = reader.read(key.id);
  const sent = performance.now();
  await reading;
  const acknowledged = await disable(key.id);
  const last = await lastCachedAt(reader, key.id, key, 2 * LAG);
  expect(last).toBeGreaterThan(acknowledged);
  expect(last).toBeLessThanOrEqual(sent + LAG + 1);
});

test('a slow feed grants leases, and none longer than the lag', async () => {
  const lag = 1000;
  const slow = { delay: 100, jitter: 200 };
  proxy.hinder('feed', { toServer: slow, toClient: slow });
  const reader = await open({ maxRevocationLag: lag });
  for (let round = 0; round < 3; round++) {
    const key = await given(reader);
    await waitUntil('nothing would be trusted for its age alone', async () => {
      await untilTracking(reader);
      return reader.getCached(key.id) !== undefined;
    });
    const acknowledged = await disable(key.id);
    expect(await lastCachedAt(reader, key.id, key, lag)).toBeLessThanOrEqual(acknowledged + lag);
  }
});

test('a feed that is slower than the lag grants no lease', async () => {
  proxy.hinder('feed', { toClient: { delay: LAG } });
  const reader = createReader({ client: new Redis(proxy.port), maxRevocationLag: LAG });
  readers.push(reader);
  await reader.store.ready();
  const key = await createSample(writer, newWorkspace());
  const until = performance.now() + 6 * LAG;
  await waitUntil('many polls have passed', () => {
    expect(reader.store.keyLease(key.id)).toBeNull();
    return performance.now() > until;
  });
  await reader.read(key.id);
  const acknowledged = await disable(key.id);
  expect(await lastCachedAt(reader, key.id, key, LAG)).toBeLessThanOrEqual(acknowledged + LAG);
});

describe('a late answer', () => {
  /** How many pings the server has answered. */
  async function pings(): Promise<number> {
    return Number(/cmdstat_ping:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1] ?? 0);
  }

  test('a late reply extends the lease from its ping, not from its arrival', async () => {
    const lag = 4000;
    const clock = fakeClock();
    const reader = await open({ clock, maxRevocationLag: lag });
    const key = await given(reader);

    proxy.hinder('feed', { toClient: { blackHole: true } });
    const before = await pings();
    await waitUntil('a ping has been answered, and the answer held back', async () => (await pings()) > before);
    // The message behind the reply shows when that has arrived.
    await admin.set('keyscope:projects:{xxxx}:marker', 'x');
    clock.advance((7 / 8) * lag - 1);
    expect(reader.getCached(key.id)).toEqual(key);
    proxy.hinder('feed', { toServer: { blackHole: true }, toClient: {} });
    await waitUntil('the answer has arrived', () => reader.invalidated.includes('marker'));
    expect(reader.getCached(key.id)).toEqual(key);
    clock.advance(1);
    expect(reader.getCached(key.id)).toBeUndefined();
    expect(reader.store.keyLease(key.id)).toBeNull();
  });
});

test.each<[string, (clock: ReturnType<typeof fakeClock>) => void]>([
  ['is suspended, while its monotonic clock stands still', (clock) => clock.step(LAG)],
  ['is stopped, while both clocks go on', (clock) => clock.advance(LAG)],
])('a process that %s wakes with a lapsed lease', async (_, sleep) => {
  const clock = fakeClock();
  const reader = await open({ clock });
  const key = await given(reader);
  proxy.hinder('feed', { toServer: { blackHole: true } });
  expect(reader.getCached(key.id)).toEqual(key);
  sleep(clock);
  expect(reader.getCached(key.id)).toBeUndefined();
});

test('a process that was busy for longer than the lag keeps its feed, because the replies had arrived', async () => {
  const reader = await open();
  const [before] = await feedsOn(admin);
  const until = performance.now() + 3 * LAG;
  while (performance.now() < until);
  await untilTracking(reader);
  const [after] = await feedsOn(admin);
  expect(after?.get('id')).toBe(before?.get('id'));
});

test('a client on another server than the feed gets no lease', async () => {
  const elsewhere = await startRedis();
  let target = server.port;
  const forked = await startTcpProxy({ target: () => target, kinds: { feed: isFeed } });
  const reader = await open({ client: new Redis(forked.port) });

  // The address leads elsewhere now. The feed notices, because it is cut off; the client does not.
  target = elsewhere.port;
  forked.cut('feed');
  await waitUntil('the lease has ended', () => reader.store.keyLease('x') === null);
  const key = await createSample(writer, newWorkspace());
  await reader.read(key.id);
  const acknowledged = await disable(key.id);
  expect(await lastCachedAt(reader, key.id, key, 3 * LAG)).toBeLessThanOrEqual(acknowledged + LAG);
  expect(reader.store.health().mode).toBe('per-entry');

  forked.cut('other');
  await untilTracking(reader);
  await reader.close();
  await forked.close();
  await elsewhere.stop();
});
