import { Redis, type RedisOptions } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import { MAX_LOOKUPS } from '../../../src/store/redis/reads/batched-reader';
import { createRedisStore } from '../../../src/store/redis/redis-store';
import type { Store } from '../../../src/store/store';
import { freePort } from '../../support/redis/free-port';
import { type RedisServer, startRedis } from '../../support/redis/server';
import { waitUntil } from '../../support/wait-until';
import { auditOf, createSample, keyQuery, newId, newWorkspace, ORIGIN, sampleKey } from '../sample';

const TIMEOUT = 300;
const UNAVAILABLE = { code: 'store_unavailable', status: 503 };
const FEATURES = { transcript: true, metrics: [] };

/** Clients that wait for a server without a limit, and one that does not wait. */
const CLIENTS: Record<string, RedisOptions> = {
  'by default': {},
  'that never gives a command up': { maxRetriesPerRequest: null },
  'that connects when it must': { lazyConnect: true },
  'without an offline queue': { enableOfflineQueue: false },
};

/** ioredis keeps a timer for this long after `disconnect`, which would keep the test process waiting. */
const QUICK = { disconnectTimeout: 50 } as const;

let server: RedisServer;
const clients: { disconnect(): void }[] = [];
const stores: Store[] = [];

/** The store under test, and one on the same client with a long timeout for preparation and checks. */
function open<C extends Redis | Redis5>(client: C): { client: C; store: Store; patient: Store } {
  // As apps do; ioredis prints errors without a listener.
  client.on('error', () => {});
  const store = createRedisStore({ client, storeTimeout: TIMEOUT });
  const patient = createRedisStore({ client, storeTimeout: 15_000 });
  clients.push(client);
  stores.push(store, patient);
  return { client, store, patient };
}

beforeEach(async () => {
  server = await startRedis({ persistent: true });
});
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  for (const client of clients.splice(0)) client.disconnect();
  await server.stop();
});

/** Everything that can be asked of a store. */
function everything(store: Store, workspaceId: string, id: string): Record<string, () => Promise<unknown>> {
  return {
    getKey: () => store.getKey(id),
    getProjects: () => store.getProjects(workspaceId),
    listKeys: () => store.listKeys(keyQuery(workspaceId)),
    search: () => store.listKeys(keyQuery(workspaceId, { q: 'a' })),
    listAudit: () => store.listAudit({ workspaceId, limit: 10, before: null }),
    createKey: () => store.createKey(sampleKey(workspaceId), ORIGIN),
    updateKey: () => store.updateKey(id, { name: 'New' }, ORIGIN, {}),
    updateKeyOfWorkspace: () => store.updateKey(id, { name: 'New' }, ORIGIN, { workspaceId }),
    deleteKey: () => store.deleteKey(id, ORIGIN, { workspaceId }),
    rotateKey: () => store.rotateKey(id, sampleKey(workspaceId), ORIGIN.at, ORIGIN, { workspaceId }),
    setProject: () => store.setProject(workspaceId, 'p', FEATURES, ORIGIN),
    clearProject: () => store.clearProject(workspaceId, 'p', ORIGIN),
  };
}

/**
 * Every call is answered with an error, and before a timer that was set after the calls and runs a little longer than
 * they may: timers of one process go off in order, however slow the machine is.
 */
async function expectUnavailable(store: Store, workspaceId: string, id: string): Promise<void> {
  const calls = everything(store, workspaceId, id);
  const late = new Promise((resolve) => setTimeout(resolve, TIMEOUT + 100, 'too late'));
  const answers = Object.entries(calls).map(async ([name, call]) => {
    const answer = await Promise.race([call().catch((error: unknown) => error), late]);
    expect({ [name]: answer }).toMatchObject({ [name]: UNAVAILABLE });
  });
  await Promise.all(answers);
}

describe.each(Object.entries(CLIENTS))('with a client %s', (_, options) => {
  test('a killed server is an error in time; what was refused is not made up for when the server is back', async () => {
    const { client, store, patient } = open(new Redis(server.url, { ...QUICK, ...options }));
    const workspaceId = newWorkspace();
    const key = await createSample(patient, workspaceId);
    await server.kill('SIGKILL');
    await waitUntil('the client notices', () => client.status !== 'ready');
    await expectUnavailable(store, workspaceId, key.id);
    await expect(store.createKey(sampleKey(workspaceId), ORIGIN)).rejects.toThrow('Nothing was changed');
    await server.restart();
    await waitUntil('the client is back', () => client.status === 'ready');
    expect(await patient.getKey(key.id)).toEqual(key);
    expect((await patient.listKeys(keyQuery(workspaceId))).keys).toEqual([key]);
    expect(await auditOf(patient, workspaceId)).toHaveLength(1);
  });

  test('a frozen server is an error in time, and service resumes with it', async () => {
    const { store, patient } = open(new Redis(server.url, { ...QUICK, ...options }));
    const workspaceId = newWorkspace();
    const key = await createSample(patient, workspaceId);
    // Changes are not sent before the server has stated its role.
    expect(await store.getKey(key.id)).toEqual(key);
    await server.kill('SIGSTOP');
    await expectUnavailable(store, workspaceId, newId(workspaceId));
    await expect(store.updateKey(key.id, { disabled: true }, ORIGIN, { workspaceId })).rejects.toThrow(
      'Nothing was changed',
    );
    await server.kill('SIGCONT');
    await waitUntil('the store answers', async () => (await store.getKey(key.id)) !== null);
  });

  test('a read before the client has connected waits for it', async () => {
    const { patient } = open(new Redis(server.url, { ...QUICK, ...options }));
    const workspaceId = newWorkspace();
    const [key, projects] = await Promise.all([createSample(patient, workspaceId), patient.getProjects(workspaceId)]);
    expect(projects.size).toBe(0);
    expect(await patient.getKey(key.id)).toEqual(key);
  });
});

test('ioredis 5: a frozen and a killed server are errors in time', async () => {
  const { client, store, patient } = open(new Redis5(server.url, QUICK));
  const workspaceId = newWorkspace();
  const key = await createSample(patient, workspaceId);
  await server.kill('SIGSTOP');
  await expectUnavailable(store, workspaceId, key.id);
  await server.kill('SIGKILL');
  await waitUntil('the client notices', () => client.status !== 'ready');
  await expectUnavailable(store, workspaceId, key.id);
});

test.each([true, false])(
  'a read whose connection breaks is sent again, whether or not ioredis does so: %s',
  async (itself) => {
    const client = new Redis(server.url, { ...QUICK, autoResendUnfulfilledCommands: itself });
    clients.push(client);
    client.on('error', () => {});
    const store = createRedisStore({ client, storeTimeout: 15_000 });
    const workspaceId = newWorkspace();
    const key = await createSample(store, workspaceId);
    await server.kill('SIGSTOP');
    const reads = Promise.all(Array.from({ length: 600 }, () => store.getKey(key.id)));
    const list = store.listKeys(keyQuery(workspaceId));
    await server.kill('SIGKILL');
    await server.restart();
    expect(await reads).toEqual(Array.from({ length: 600 }, () => key));
    expect((await list).keys).toEqual([key]);
  },
);

test('a read is answered when it begins as another times out in a blocked process', async () => {
  const { store, patient } = open(new Redis(server.url, QUICK));
  const key = await createSample(patient, newWorkspace());
  expect(await store.getKey(key.id)).toEqual(key);
  // Timers run before the immediates of this turn, by one of which the reads would be sent.
  await new Promise(setImmediate);
  const first = store.getKey(key.id);
  for (const until = performance.now() + TIMEOUT + 50; performance.now() < until; );
  await expect(first).rejects.toMatchObject(UNAVAILABLE);
  const late = new Promise((resolve) => setTimeout(resolve, 10_000, 'too late'));
  expect(await Promise.race([store.getKey(key.id), late])).toEqual(key);
});

test('lookups are bounded, and other reads are not affected, when a server is frozen', async () => {
  const { store, patient } = open(new Redis(server.url, QUICK));
  const workspaceId = newWorkspace();
  const key = await createSample(patient, workspaceId);
  expect(await store.getCredential(key.id)).toMatchObject({ id: key.id });
  await server.kill('SIGSTOP');
  const ids = Array.from({ length: MAX_LOOKUPS + 10 }, () => newId(workspaceId));
  const outcomes = await Promise.allSettled([...ids.map((id) => store.getCredential(id)), store.getKey(key.id)]);
  const messages = outcomes.map((outcome) => (outcome.status === 'rejected' ? String(outcome.reason.message) : ''));
  const rejected = messages.map((message) => message.startsWith('Too many keys'));
  expect(rejected.lastIndexOf(false)).toBe(ids.length);
  expect(rejected.filter(Boolean)).toHaveLength(10);
  expect(rejected.indexOf(true)).toBe(MAX_LOOKUPS);
  await server.kill('SIGCONT');
  await waitUntil('lookups are possible again', async () => (await store.getCredential(key.id)) !== null);
});

test('reads of a frozen server do not pile up in the client', async () => {
  const { client, store, patient } = open(new Redis(server.url, QUICK));
  const workspaceId = newWorkspace();
  const key = await createSample(patient, workspaceId);
  // Reads are not sent before the server has stated its role.
  expect(await store.getKey(key.id)).toEqual(key);
  await server.kill('SIGSTOP');
  for (let round = 0; round < 4; round++) {
    const reads = Array.from({ length: 3000 }, () => store.getKey(newId(workspaceId)));
    const outcomes = await Promise.allSettled(reads);
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(3000);
  }
  const { commandQueue, offlineQueue } = client as unknown as Record<string, { length: number }>;
  expect(commandQueue?.length).toBeGreaterThanOrEqual(1024);
  expect(commandQueue?.length).toBeLessThanOrEqual(2048);
  expect(offlineQueue?.length).toBe(0);
  await server.kill('SIGCONT');
  await waitUntil('the store answers', async () => (await store.getKey(key.id)) !== null);
});

test('a client that has been closed is an error at once', async () => {
  const { client, store } = open(new Redis(server.url, QUICK));
  await store.ready();
  await client.quit();
  await waitUntil('the client has ended', () => client.status === 'end');
  const workspaceId = newWorkspace();
  await expectUnavailable(store, workspaceId, newId(workspaceId));
  await expect(store.ready()).rejects.toMatchObject(UNAVAILABLE);
});

test('`ready` says why a server does not answer', async () => {
  const port = await freePort();
  const { store } = open(new Redis(port, { ...QUICK, retryStrategy: () => null }));
  await expect(store.ready()).rejects.toMatchObject({
    ...UNAVAILABLE,
    message: expect.stringMatching(/^Redis does not answer: .*ECONNREFUSED.*Check the address/),
    cause: expect.objectContaining({ code: 'ECONNREFUSED' }),
  });
});

test.each([
  ['missing', undefined, /^Redis does not accept the client: NOAUTH .*Check its username and password\.$/],
  ['wrong', 'another', /^Redis does not accept the client: WRONGPASS .*Check its username and password\.$/],
])(
  '`ready` says that the password is %s',
  async (_case, password, message) => {
    const guarded = await startRedis();
    const admin = new Redis(guarded.port, QUICK);
    await admin.config('SET', 'requirepass', 'right');
    admin.disconnect();
    const { store } = open(new Redis(guarded.port, { ...QUICK, password }));
    await expect(store.ready()).rejects.toMatchObject({ ...UNAVAILABLE, message: expect.stringMatching(message) });
    await guarded.stop();
  },
  15_000,
);

test('`ready` waits for a server that starts a little later', async () => {
  const port = await freePort();
  const { store } = open(new Redis(port, QUICK));
  const ready = store.ready();
  const late = await startRedis({ port });
  await ready;
  await late.stop();
});

test('`close` answers who waits, takes our listeners away, and leaves the client to its owner', async () => {
  const client = new Redis(server.url, QUICK);
  clients.push(client);
  const count = () => client.eventNames().reduce((sum, name) => sum + client.listenerCount(name), 0);
  await client.ping();
  const before = count();
  const store = createRedisStore({ client, storeTimeout: TIMEOUT });
  await store.ready();
  await server.kill('SIGSTOP');
  const waiting = store.getKey(newId(newWorkspace()));
  await Promise.all([expect(waiting).rejects.toThrow('has been closed'), store.close()]);
  expect(count()).toBe(before);
  await server.kill('SIGCONT');
  expect(await client.ping()).toBe('PONG');
  await expect(store.getKey(newId(newWorkspace()))).rejects.toMatchObject(UNAVAILABLE);
});
