import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import type { RedisClient } from '../../../src/store/redis/client';
import { slotOf } from '../../../src/store/redis/hash-slot';
import { createKeyNames } from '../../../src/store/redis/key-names';
import { createRedisStore, type RedisStoreOptions } from '../../../src/store/redis/redis-store';
import type { Store } from '../../../src/store/store';
import { type UsageDelta, usageField } from '../../../src/store/usage-store';
import { fakeClock } from '../../support/clock';
import { startCluster } from '../../support/redis/cluster';
import { type RedisServer, startRedis } from '../../support/redis/server';
import { slotMove } from '../../support/redis/slot-move';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy';
import { waitUntil } from '../../support/wait-until';
import { createSample, newWorkspace, ORIGIN } from '../sample';

const now = Date.UTC(2030, 0, 1);
const TODAY = usageField('2030-01-01', 'allowed');
const clock = fakeClock(now);
/** Timeouts for calls that succeed, on a busy machine, and for calls that fail. */
const PATIENT = 15_000;
const IMPATIENT = 300;

let server: RedisServer;
let proxy: TcpProxy;
let admin: Redis;
const endings: (() => unknown)[] = [];

beforeEach(async () => {
  server = await startRedis();
  proxy = await startTcpProxy({ target: server.port });
  admin = new Redis(server.url);
  admin.on('error', () => {});
});
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
  admin.disconnect();
  await proxy.close();
  await server.stop();
});

function open(options: RedisOptions & Partial<Omit<RedisStoreOptions, 'client'>> = {}, Client = Redis) {
  const { storeTimeout = PATIENT, ...rest } = options;
  const client = new Client({ port: proxy.port, retryStrategy: () => 20, disconnectTimeout: 50, ...rest });
  client.on('error', () => {}); // lost connections are the subject here
  const store = createRedisStore({ client: client as RedisClient, storeTimeout, clock, ...rest });
  endings.push(
    () => client.disconnect(),
    () => store.close(),
  );
  return { client, store };
}

const nameOf = (kind: 'key' | 'usage', id: string) => `keyscope:${kind}:{${id.slice(0, 4)}}${id}`;

function delta(keyId: string, number: number, count = 1): UsageDelta {
  return { keyId, number, counts: new Map([[TODAY, count]]), lastUsedAt: now };
}

const storedOf = (id: string) => admin.hget(nameOf('usage', id), TODAY);

/** Sends it again until it is settled, as a process does. */
async function insist(store: Store, deltas: readonly UsageDelta[], source = 'one'): Promise<void> {
  await waitUntil('it is settled', async () => (await store.addUsage(source, deltas)).failure === null, 20_000);
}

describe.each([
  ['ioredis 6', Redis, {}],
  ['ioredis 6, which does not send again what was not answered', Redis, { autoResendUnfulfilledCommands: false }],
  ['ioredis 6, which never gives up', Redis, { maxRetriesPerRequest: null }],
  ['ioredis 5', Redis5 as unknown as typeof Redis, {}],
])('through %s', (_, Client, options) => {
  test('counts whose reply was lost are added once, however often they are sent', async () => {
    const { store } = open({ ...options, storeTimeout: IMPATIENT }, Client);
    const { store: patient } = open();
    const { id } = await createSample(patient, newWorkspace());
    await insist(store, [delta(id, 1)]);
    proxy.hinder('other', { toClient: { blackHole: true } });
    const receipt = await store.addUsage('one', [delta(id, 2, 10)]);
    expect(receipt).toMatchObject({ settled: new Set(), failure: { code: 'store_unavailable' } });
    await waitUntil('it has been added', async () => (await storedOf(id)) === '11');
    proxy.cut();
    proxy.hinder('other', {});
    await insist(store, [delta(id, 2, 10)]);
    await insist(store, [delta(id, 3, 100)]);
    expect(await storedOf(id)).toBe('111');
  });

  test('a frozen server is sent nothing more, and adds everything once when it goes on', async () => {
    const { client, store } = open({ ...options, storeTimeout: IMPATIENT }, Client);
    const { store: patient } = open();
    const { id } = await createSample(patient, newWorkspace());
    await insist(store, [delta(id, 1)]);
    await server.kill('SIGSTOP');
    for (let i = 0; i < 4; i++) {
      expect((await store.addUsage('one', [delta(id, 2, 10)])).failure).not.toBeNull();
    }
    // One pipeline, of the script and one delta.
    const unanswered = Reflect.get(client, 'commandQueue') as { length: number };
    expect(unanswered.length).toBeLessThanOrEqual(2);
    await server.kill('SIGCONT');
    await insist(store, [delta(id, 2, 10)]);
    expect(await storedOf(id)).toBe('11');
  });
});

const FAILED = { settled: new Set(), failure: expect.objectContaining({ code: 'store_unavailable' }) };

test('a killed server is a failure, and nothing is thrown', async () => {
  const { client, store } = open({ storeTimeout: IMPATIENT });
  await waitUntil('it is connected', () => client.status === 'ready');
  await server.kill('SIGKILL');
  expect(await store.addUsage('one', [delta('0000000000000000', 1)])).toEqual(FAILED);
  await server.restart();
});

test('a client that has been closed is a failure, and nothing is thrown', async () => {
  const { client, store } = open();
  await waitUntil('it is connected', () => client.status === 'ready');
  client.disconnect();
  await waitUntil('it is closed', () => client.status === 'end');
  expect(await store.addUsage('one', [delta('0000000000000000', 1)])).toEqual(FAILED);
});

test('a delta that arrives when its key has been deleted brings nothing back', async () => {
  const { store } = open();
  const { id } = await createSample(store, newWorkspace());
  await store.addUsage('one', [delta(id, 1)]);
  expect(await admin.exists(nameOf('usage', id))).toBe(1);
  await store.deleteKey(id, ORIGIN, {});
  expect(await admin.exists(nameOf('usage', id))).toBe(0);
  await store.addUsage('one', [delta(id, 2)]);
  await store.addUsage('two', [delta(id, 1)]);
  expect(await admin.exists(nameOf('usage', id))).toBe(0);
});

test('the script is sent again when the server has lost it', async () => {
  const { store } = open();
  const { id } = await createSample(store, newWorkspace());
  for (const number of [1, 2, 3]) {
    await admin.script('FLUSH');
    expect((await store.addUsage('one', [delta(id, number)])).failure).toBeNull();
  }
  expect(await storedOf(id)).toBe('3');
});

test('counts are not added when the memory of the server is full, and a deleted key takes its counts along', async () => {
  const { store } = open();
  const workspaceId = newWorkspace();
  const [a, b] = [await createSample(store, workspaceId), await createSample(store, workspaceId)];
  await store.addUsage('one', [delta(a.id, 1), delta(b.id, 1)]);
  await admin.config('SET', 'maxmemory', '1mb');
  const receipt = await store.addUsage('one', [delta(a.id, 2, 10)]);
  expect(receipt.failure?.message).toContain('(OOM)');
  expect(await storedOf(a.id)).toBe('1');
  expect((await store.deleteKey(b.id, ORIGIN, {})).ok).toBe(true);
  expect(await admin.exists(nameOf('usage', b.id))).toBe(0);
  await admin.config('SET', 'maxmemory', '0');
  await insist(store, [delta(a.id, 2, 10)]);
  expect(await storedOf(a.id)).toBe('11');
});

test('counts are added in the database of the client when the app has selected another', async () => {
  const { client, store } = open();
  const { id } = await createSample(store, newWorkspace());
  await admin.call('copy', nameOf('key', id), nameOf('key', id), 'DB', '3');
  await store.addUsage('one', [delta(id, 1)]);
  // In capitals: ioredis does not notice it.
  await client.call('SELECT', '3');
  await store.addUsage('one', [delta(id, 2)]);
  expect(await storedOf(id)).toBe('2');
  await admin.script('FLUSH');
  await store.addUsage('one', [delta(id, 3)]);
  expect(await storedOf(id)).toBe('3');
  expect(await client.client('INFO')).toContain(' db=3 ');
  expect(await client.exists(nameOf('usage', id))).toBe(0);
});

test('counts are added when the user may not select a database', async () => {
  const { store } = open();
  const { id } = await createSample(store, newWorkspace());
  await admin.call('acl', 'setuser', 'default', '-select');
  expect((await store.addUsage('one', [delta(id, 1)])).failure).toBeNull();
  expect(await storedOf(id)).toBe('1');
});

test('something else in the place of the counts of one key fails that key alone', async () => {
  const { store } = open();
  const workspaceId = newWorkspace();
  const [a, b] = [await createSample(store, workspaceId), await createSample(store, workspaceId)];
  await admin.set(nameOf('usage', a.id), 'something else');
  const receipt = await store.addUsage('one', [delta(a.id, 1), delta(b.id, 1)]);
  expect(receipt.settled).toEqual(new Set([b.id]));
  expect(receipt.failure?.message).toContain('refused');
  await expect(store.readUsage([a.id], '2000-01-01')).rejects.toMatchObject({ code: 'store_unavailable' });
});

test('a counter that is no number starts again, and is an error until then', async () => {
  const { store } = open();
  const { id } = await createSample(store, newWorkspace());
  await admin.hset(nameOf('usage', id), TODAY, 'many', 'last', 'never');
  await expect(store.readUsage([id], '2000-01-01')).rejects.toMatchObject({
    code: 'store_unavailable',
    cause: { message: expect.stringContaining('is not a number') },
  });
  await store.addUsage('one', [delta(id, 1, 3)]);
  expect((await store.readUsage([id], '2000-01-01')).get(id)).toEqual({
    lastUsedAt: now,
    counts: new Map([[TODAY, 3]]),
  });
});

test('processes that come and go leave nothing behind for long', async () => {
  const { store } = open();
  const { id } = await createSample(store, newWorkspace());
  const marks = async () => (await admin.hkeys(nameOf('usage', id))).filter((field) => field.startsWith('b:')).length;
  for (let i = 0; i < 1200; i++) await store.addUsage(`early-${i}`, [delta(id, 1)]);
  expect(await marks()).toBe(1200);
  clock.advance(601_000);
  await store.addUsage('late', [delta(id, 1)]);
  expect(await marks()).toBe(1);
  clock.advance(2 * 86_400_000 + 1000);
  // Days later, the next process' first count clears up after the last one.
  await store.addUsage('next', [{ ...delta(id, 1), counts: new Map([[usageField('2030-01-03', 'allowed'), 1]]) }]);
  expect(await marks()).toBe(1);
  expect(await storedOf(id)).toBe('1201');
});

test('a stored count invalidates no cache', async () => {
  const { store } = open({ maxRevocationLag: 60_000 });
  const { store: other } = open();
  const workspaceId = newWorkspace();
  const [a, b] = [await createSample(other, workspaceId), await createSample(other, workspaceId)];
  const invalidated: string[] = [];
  store.onChange({
    keyChanged: (id) => invalidated.push(id),
    projectsChanged: (id) => invalidated.push(id),
    allChanged() {},
  });
  await store.ready();
  expect(store.health().mode).toBe('tracking');
  await other.addUsage('one', [delta(a.id, 1), delta(b.id, 1)]);
  // Invalidations arrive in the order of changes.
  await other.updateKey(b.id, { name: 'Changed' }, ORIGIN, {});
  await waitUntil('the invalidation has arrived', () => invalidated.includes(b.id));
  expect(invalidated).not.toContain(a.id);
});

test('counts are stored when no process receives invalidations', () => {
  const { trackedPrefixes, usage } = createKeyNames('keyscope');
  expect(trackedPrefixes.filter((prefix) => usage('0000000000000000').startsWith(prefix))).toEqual([]);
});

test('counts follow their slot to another node of a Cluster', async () => {
  const servers = await startCluster({ masters: 3 });
  const client = new Cluster([...servers.startupNodes]);
  const store = createRedisStore({ client, storeTimeout: PATIENT, clock });
  endings.push(
    () => servers.stop(),
    () => client.disconnect(),
    () => store.close(),
  );
  await store.ready();
  const { id } = await createSample(store, newWorkspace());
  const others = await Promise.all(Array.from({ length: 20 }, () => createSample(store, newWorkspace())));
  const all = (number: number) => [id, ...others.map((key) => key.id)].map((each) => delta(each, number));
  await insist(store, all(1));
  const slot = slotOf(`{${id.slice(0, 4)}}`);
  const home = Math.floor((slot * 3) / 16384);
  const [from, to] = [servers.nodes[home] as RedisServer, servers.nodes[(home + 1) % 3] as RedisServer];
  const move = slotMove(slot, from, to, servers.nodes);
  endings.push(() => move.close());
  await move.begin();
  await move.moveKeys();
  // On its way: found here or there, or it fails and is sent again.
  await store.addUsage('one', all(2));
  await move.finish();
  await insist(store, all(2));
  await insist(store, all(3));
  const found = await store.readUsage([id, ...others.map((key) => key.id)], '2000-01-01');
  expect([...found.values()].map(({ counts }) => counts.get(TODAY))).toEqual(Array(21).fill(3));
});
