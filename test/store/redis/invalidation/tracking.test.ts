import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import type { Lease } from '../../../../src/store/lease';
import { type RedisServer, startRedis } from '../../../support/redis/server';
import { waitUntil } from '../../../support/wait-until';
import { createSample, newId, newWorkspace, ORIGIN } from '../../sample';
import { cacheKey, createReader, feedsOn, type Reader, type ReaderOptions, untilTracking } from './reader';

const LAG = 300;
const FEATURES = { transcript: true, metrics: 'all' } as const;

let server: RedisServer;
let admin: Redis;
let readers: Reader[];

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  admin = new Redis(server.url);
  readers = [];
  await admin.flushall();
});
afterEach(async () => {
  await Promise.all(readers.map((reader) => reader.close()));
  admin.disconnect();
});

async function open({ client = new Redis(server.url), ...options }: Partial<ReaderOptions> = {}): Promise<Reader> {
  const reader = createReader({ client, maxRevocationLag: LAG, ...options });
  readers.push(reader);
  await reader.store.ready();
  await untilTracking(reader);
  return reader;
}

/** Waits until data without a lease would have expired. */
async function untilAged(): Promise<void> {
  const from = performance.now();
  await waitUntil('data without a lease would have expired', () => performance.now() > from + 3 * LAG);
}

/**
 * Caches a key, and waits until it would have expired without a lease. Starts over if the lease was replaced in the wait,
 * as happens if the server's replies come late on a busy machine: entries under the old lease are lost.
 */
async function cacheAndAge(reader: Reader, id: string, cache = () => cacheKey(reader, id)): Promise<void> {
  let lease: Lease | null;
  do {
    await cache();
    lease = reader.store.keyLease(id);
    await untilAged();
  } while (lease === null || lease !== reader.store.keyLease(id));
}

const CLIENTS = {
  'ioredis 6': () => new Redis(server.url),
  'ioredis 6 with RESP3 shapes': () =>
    new Redis(server.url, { protocol: 3, replyMapping: 'resp3', stringNumbers: true, enableAutoPipelining: true }),
  'ioredis 6 with a key prefix': () => new Redis(server.url, { keyPrefix: 'app:{x}:' }),
  'ioredis 5': () => new Redis5(server.url),
  'ioredis 5 with a key prefix': () => new Redis5(server.url, { keyPrefix: 'app:' }),
};

describe.each(Object.entries(CLIENTS))('with %s', (_, connect) => {
  test('a key is read from the cache until it is changed, and no longer', async () => {
    const reader = await open({ client: connect() });
    const other = await open({ client: connect() });
    const key = await createSample(other.store, newWorkspace());
    await cacheAndAge(reader, key.id);
    expect(reader.getCached(key.id)).toEqual(key);

    await other.store.updateKey(key.id, { disabled: true }, ORIGIN, {});
    await waitUntil('the change is received', () => reader.getCached(key.id) === undefined);
    expect(await reader.read(key.id)).toMatchObject({ disabled: true });
    await cacheAndAge(reader, key.id);
    expect(reader.getCached(key.id)).toMatchObject({ disabled: true });
  });

  test('a missing key is cached until it is created', async () => {
    const reader = await open({ client: connect() });
    const other = await open({ client: connect() });
    const workspaceId = newWorkspace();
    const id = newId(workspaceId);
    await cacheAndAge(reader, id);
    expect(reader.getCached(id)).toBeNull();
    await createSample(other.store, workspaceId, { id });
    await waitUntil('the creation is received', () => reader.getCached(id) === undefined);
  });

  test('the configurations of a workspace are cached until one is changed', async () => {
    const reader = await open({ client: connect() });
    const other = await open({ client: connect() });
    const workspaceId = `${newWorkspace()}:{ü}`;
    const { projects } = reader.caches;
    const id = newId(workspaceId);
    await cacheAndAge(reader, id, async () => {
      await cacheKey(reader, id);
      await projects.load(workspaceId);
    });
    expect(projects.get(workspaceId, Date.now())?.size).toBe(0);
    await other.store.setProject(workspaceId, 'p', FEATURES, ORIGIN);
    await waitUntil('the change is received', () => projects.get(workspaceId, Date.now()) === undefined);
    expect((await projects.load(workspaceId)).value?.get('p')).toMatchObject(FEATURES);
  });
});

test('the feed is a connection of its own in RESP2, redirected to itself, on our keys and nothing else', async () => {
  const { store } = await open({ client: new Redis(server.url, { protocol: 3 }), namespace: 'ours' });
  const [feed, ...others] = await feedsOn(admin);
  expect(others).toEqual([]);
  expect(feed?.get('resp')).toBe('2');
  expect(feed?.get('redir')).toBe(feed?.get('id'));
  expect(feed?.get('flags')).toBe('PtB');
  expect(store.health()).toEqual({
    mode: 'tracking',
    nodes: [{ address: `127.0.0.1:${server.port}`, feed: 'open', protocol: 'resp2', trusted: true, lastError: null }],
    lastError: null,
  });
});

test('an invalidation is sent for keys and configurations only', async () => {
  const reader = await open({ namespace: 'ours', client: new Redis(server.url, { keyPrefix: 'app:' }) });
  const workspaceId = newWorkspace();
  const id = newId(workspaceId);
  const tag = id.slice(0, 4);
  await admin.xadd(`app:ours:audit:{${tag}}:${workspaceId}`, '*', 'a', 'b');
  await admin.hincrby(`app:ours:usage:{${tag}}${id}`, '2030-01-01', 1);
  await admin.zadd(`app:ours:index:{${tag}}:${workspaceId}:name`, 0, 'member');
  await admin.set(`ours:key:{${tag}}${id}`, 'without the prefix');
  await admin.set(`app:ours2:key:{${tag}}${id}`, 'another namespace');
  await admin.set(`app:ours:keys:{${tag}}${id}`, 'another name');
  await admin.set('app:ours:key:nonsense', 'not one of our names');
  await admin.set(`app:ours:key:{${tag}}${id}`, 'the one');
  await admin.set(`app:ours:projects:{${tag}}:${workspaceId}`, 'the other one');
  await waitUntil('the last change is received', () => reader.invalidated.includes(workspaceId));
  expect(reader.invalidated).toEqual([id, workspaceId]);
});

test.each(['FLUSHALL', 'FLUSHDB'])('%s invalidates everything', async (command) => {
  const reader = await open();
  const key = await createSample(reader.store, newWorkspace());
  await cacheKey(reader, key.id);
  await admin.call(command);
  await waitUntil('the invalidation is received', () => reader.invalidated.includes('*'));
  expect(reader.getCached(key.id)).toBeUndefined();
  expect(await reader.read(key.id)).toBeNull();
});

test('a feed that is killed is replaced each time, and receives invalidations again', async () => {
  const reader = await open();
  const key = await createSample(reader.store, newWorkspace());
  for (let revision = 2; revision < 7; revision++) {
    const [before] = await feedsOn(admin);
    await admin.client('KILL', 'ID', before?.get('id') as string);
    await waitUntil('there is another', async () => {
      const [after] = await feedsOn(admin);
      return after !== undefined && after.get('id') !== before?.get('id') && after.get('flags') === 'PtB';
    });
    await untilTracking(reader);
    await cacheAndAge(reader, key.id);
    expect(reader.getCached(key.id)).not.toBeUndefined();
    await admin.hset(`keyscope:key:{${key.id.slice(0, 4)}}${key.id}`, 'revision', String(revision));
    await waitUntil('the change is received', () => reader.getCached(key.id) === undefined);
    expect(await reader.read(key.id)).toMatchObject({ revision });
  }
  expect(reader.events.filter(({ type }) => type === 'mode').length).toBeGreaterThan(0);
});

test('a key that is changed while the feed is replaced is not cached under the new one', async () => {
  const reader = await open();
  const keys = await Promise.all(Array.from({ length: 50 }, () => createSample(reader.store, newWorkspace())));
  for (const { id } of keys) await cacheKey(reader, id);
  const [feed] = await feedsOn(admin);
  // In one step: the reader receives no invalidation for these.
  const changes = admin.multi().client('KILL', 'ID', feed?.get('id') as string);
  for (const { id } of keys) changes.hset(`keyscope:key:{${id.slice(0, 4)}}${id}`, 'revision', '2');
  await changes.exec();
  const changed = performance.now();
  for (const { id } of keys) {
    const cached = reader.getCached(id);
    // Under the old lease, which is still running.
    if (cached !== undefined) expect(performance.now()).toBeLessThan(changed + LAG);
  }
  await untilAged();
  await untilTracking(reader);
  expect(keys.map(({ id }) => reader.getCached(id))).toEqual(keys.map(() => undefined));
});

test('closing ends the feed, and keeps the client', async () => {
  const client = new Redis(server.url);
  const reader = createReader({ client, maxRevocationLag: LAG });
  await reader.store.ready();
  expect(await feedsOn(admin)).toHaveLength(1);
  await reader.store.close();
  await waitUntil('the feed has ended', async () => (await feedsOn(admin)).length === 0);
  expect(await client.ping()).toBe('PONG');
  expect(reader.store.health()).toMatchObject({ nodes: [{ feed: 'closed' }] });
  client.disconnect();
});

test('a client that ends takes the feed with it, and one that is connected again brings it back', async () => {
  const client = new Redis(server.url);
  const reader = await open({ client });
  client.disconnect();
  await waitUntil('the feed has ended', async () => (await feedsOn(admin)).length === 0);
  expect(reader.store.health().mode).toBe('down');
  await client.connect();
  await untilTracking(reader);
});

test('nothing is opened before it is needed, and the first read opens it', async () => {
  const client = new Redis(server.url);
  const reader = createReader({ client, maxRevocationLag: LAG });
  readers.push(reader);
  await client.ping();
  expect(await feedsOn(admin)).toHaveLength(0);
  expect(await reader.read(newId(newWorkspace()))).toBeNull();
  await untilTracking(reader);
});
