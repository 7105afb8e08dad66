import { Cluster, Redis } from 'ioredis';
import type { OutboxEntry } from '../../../src/store/outbox-store';
import type { RedisClient } from '../../../src/store/redis/client';
import { SLOTS, slotOf, tagOfSlot } from '../../../src/store/redis/hash-slot';
import { createRedisStore } from '../../../src/store/redis/redis-store';
import type { Store } from '../../../src/store/store';
import { startCluster } from '../../support/redis/cluster';
import { type TestRedis, testRedis } from '../../support/redis/test-redis';
import { waitUntil } from '../../support/wait-until';
import { createSample, newWorkspace, ORIGIN } from '../sample';

let redis: TestRedis;
let opened: { store: Store; client: Redis }[] = [];
beforeAll(async () => {
  redis = await testRedis();
});
afterEach(async () => {
  await Promise.all(opened.map(({ store }) => store.close()));
  for (const { client } of opened) client.disconnect();
  opened = [];
});
afterAll(() => redis.stop());

let namespaces = 0;
const newNamespace = () => `${redis.namespace}:${++namespaces}`;

function open(namespace: string): { store: Store; client: Redis } {
  const client = new Redis(redis.url);
  const store = createRedisStore({ client, namespace, storeTimeout: 1000 });
  opened.push({ store, client });
  return { client, store };
}

const lead = (store: Store, leader: string, { ttl = 60_000, age = 0 } = {}) =>
  store.leadGroup({ group: 'key', leader, ttl, age });
const targets = (entries: readonly OutboxEntry[]) => entries.map(({ event }) => event?.target);

test('leadGroup lets one process lead until it leaves', async () => {
  const namespace = newNamespace();
  const [{ store: first }, { store: second }] = [open(namespace), open(namespace)];
  expect(await lead(first, 'a')).toBe(true);
  expect(await lead(second, 'b')).toBe(false);
  expect(await lead(first, 'a')).toBe(true);
  await second.leaveGroup('key', 'b');
  expect(await lead(second, 'b')).toBe(false);
  await first.leaveGroup('key', 'a');
  expect(await lead(second, 'b')).toBe(true);
});

test('leadGroup lets another process lead when the leadership has ended', async () => {
  const namespace = newNamespace();
  const [{ store: first }, { store: second }] = [open(namespace), open(namespace)];
  expect(await lead(first, 'a', { ttl: 1 })).toBe(true);
  while (!(await lead(second, 'b')));
  expect(await lead(first, 'a')).toBe(false);
});

test('readGroup of a new group begins with the subscription, not with the outbox', async () => {
  const { store, client } = open(newNamespace());
  const old = await createSample(store, newWorkspace());
  // The server's clock has moved on: the next event is later than the group.
  const [before] = await client.time();
  while (Number((await client.time())[0]) < Number(before) + 2);
  await lead(store, 'a');
  const recent = await createSample(store, newWorkspace());
  expect(targets(await store.readGroup('key', 'new', 100))).toEqual([recent.id]);
  expect(targets(await store.readGroup('key', 'unacknowledged', 100))).toEqual([recent.id]);
  expect(old.id).not.toBe(recent.id);
});

test('the outbox is bounded when nothing reads it', async () => {
  const namespace = newNamespace();
  const { store, client } = open(namespace);
  await createSample(store, newWorkspace());
  const outbox = `${namespace}:outbox:{all}`;
  const pipeline = client.pipeline();
  for (let i = 0; i < 12_000; i++) pipeline.xadd(outbox, '*', 'event', '{}');
  await pipeline.exec();
  await createSample(store, newWorkspace());
  expect(await client.xlen(outbox)).toBeLessThan(10_200);
});

test('readGroup reads an entry without an event when the event was removed or is unreadable', async () => {
  const namespace = newNamespace();
  const { store, client } = open(namespace);
  await lead(store, 'a');
  await createSample(store, newWorkspace());
  const outbox = `${namespace}:outbox:{all}`;
  await client.xadd(outbox, '*', 'event', '{"id":');
  expect((await store.readGroup('key', 'new', 100)).map(({ event }) => event === null)).toEqual([false, true]);
  await client.xtrim(outbox, 'MAXLEN', 0);
  const left = await store.readGroup('key', 'unacknowledged', 100);
  expect(left.map(({ event }) => event)).toEqual([null, null]);
  await store.acknowledge(
    'key',
    left.map(({ place }) => place),
  );
  expect(await store.readGroup('key', 'unacknowledged', 100)).toEqual([]);
});

test('readGroup reads one entry without an event when events were removed before they were read', async () => {
  const namespace = newNamespace();
  const { store, client } = open(namespace);
  await lead(store, 'a');
  const outbox = `${namespace}:outbox:{all}`;
  await createSample(store, newWorkspace());
  await store.readGroup('key', 'new', 100);
  const workspace = newWorkspace();
  for (let i = 0; i < 4; i++) await createSample(store, workspace);
  await client.xtrim(outbox, 'MAXLEN', 2);
  const isEvent = (entries: readonly OutboxEntry[]) => entries.map(({ event }) => event !== null);
  expect(isEvent(await store.readGroup('key', 'new', 1))).toEqual([false, true]);
  expect(isEvent(await store.readGroup('key', 'new', 1))).toEqual([true]);
  for (let i = 0; i < 4; i++) await createSample(store, workspace);
  expect(isEvent(await store.readGroup('key', 'new', 100))).toEqual([true, true, true, true]);
  await createSample(store, workspace);
  await client.xtrim(outbox, 'MAXLEN', 0);
  expect(isEvent(await store.readGroup('key', 'new', 100))).toEqual([false]);
  expect(isEvent(await store.readGroup('key', 'new', 100))).toEqual([]);
});

test('readGroup returns an event of a type that a later version has added', async () => {
  const namespace = newNamespace();
  const { store, client } = open(namespace);
  await lead(store, 'a');
  await createSample(store, newWorkspace());
  const outbox = `${namespace}:outbox:{all}`;
  const [[, fields]] = (await client.xrange(outbox, '-', '+')) as [[string, string[]]];
  const event = { ...JSON.parse(fields[1]!), id: 'later', type: 'key.transferred' };
  await client.xadd(outbox, '*', fields[0]!, JSON.stringify(event));
  const read = await store.readGroup('key', 'new', 100);
  expect(read.map(({ event: found }) => found?.type)).toEqual(['key.created', 'key.transferred']);
});

test('the outbox continues when Redis is emptied', async () => {
  const namespace = newNamespace();
  const { store, client } = open(namespace);
  await lead(store, 'a');
  await createSample(store, newWorkspace());
  await store.readGroup('key', 'new', 100);
  await client.flushall();
  const key = await createSample(store, newWorkspace());
  await lead(store, 'a', { age: 60_000 });
  expect(targets(await store.readGroup('key', 'new', 100))).toEqual([key.id]);
});

test('the outbox has no digest', async () => {
  const namespace = newNamespace();
  const { store, client } = open(namespace);
  const key = await createSample(store, newWorkspace());
  await store.updateKey(key.id, { disabled: true }, ORIGIN, {});
  await store.deleteKey(key.id, ORIGIN, {});
  const text = JSON.stringify(await client.xrange(`${namespace}:outbox:{all}`, '-', '+'));
  expect(text).toContain('key.deleted');
  expect(text).not.toContain(key.digest);
});

test('tagOfSlot has a tag for each slot', () => {
  const slots = Array.from({ length: SLOTS }, (_, slot) => slot);
  expect(slots.filter((slot) => slotOf(`keyscope:outbox:{${tagOfSlot(slot)}}`) !== slot)).toEqual([]);
});

test('readGroup finds the events of all workspaces of a Cluster, of other processes and from before it read', async () => {
  const servers = await startCluster({ masters: 3 });
  const connections: Cluster[] = [];
  const connect = () => {
    const client = new Cluster([...servers.startupNodes]);
    connections.push(client);
    return createRedisStore({ client: client as RedisClient, storeTimeout: 10_000 });
  };
  try {
    const [writer, reader] = [connect(), connect()];
    await Promise.all([writer.ready(), reader.ready()]);
    await lead(reader, 'a');
    const create = () => Promise.all(Array.from({ length: 40 }, () => createSample(writer, newWorkspace())));
    const read = async (which: 'new' | 'unacknowledged') =>
      targets(await reader.readGroup('key', which, 100)).sort((a, b) => (a! < b! ? -1 : 1));
    const idsOf = (keys: readonly { id: string }[]) => keys.map(({ id }) => id).sort();
    const early = await create();
    expect(await read('new')).toEqual(idsOf(early));
    const late = await create();
    const seen: (string | undefined)[] = [];
    // Of later events, the reader learns by invalidations.
    await waitUntil('all later events are read', async () => {
      seen.push(...(await read('new')));
      return seen.length === late.length;
    });
    expect(seen.sort()).toEqual(idsOf(late));
    expect(await read('unacknowledged')).toEqual(idsOf([...early, ...late]));

    // The keys of all workspaces, on all masters.
    await reader.scheduleMissing((expiresAt) => expiresAt - 1);
    const [key] = early;
    const due = await reader.dueExpiries(key!.expiresAt, 1000);
    expect(due.map(({ keyId }) => keyId).sort()).toEqual(idsOf([...early, ...late]));
    expect(await reader.claimExpiry({ keyId: key!.id, due: key!.expiresAt - 1 }, [], null)).toBe(true);
    expect(await writer.claimExpiry({ keyId: key!.id, due: key!.expiresAt - 1 }, [], null)).toBe(false);
    await Promise.all([writer.close(), reader.close()]);
  } finally {
    for (const client of connections) client.disconnect();
    await servers.stop();
  }
}, 60_000);
