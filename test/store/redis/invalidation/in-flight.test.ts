import { Redis } from 'ioredis';
import { createRedisStore } from '../../../../src/store/redis/redis-store';
import type { Store } from '../../../../src/store/store';
import { type RedisServer, startRedis } from '../../../support/redis/server';
import { startTcpProxy, type TcpProxy } from '../../../support/tcp-proxy';
import { waitUntil } from '../../../support/wait-until';
import { createSample, newId, newWorkspace, ORIGIN } from '../../sample';
import { createReader, isFeed, type Reader, untilTracking } from './reader';

let server: RedisServer;
let admin: Redis;
let writer: Store;
let proxy: TcpProxy;
let reader: Reader;

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
  writer = createRedisStore({ client: admin, storeTimeout: 10_000 });
});
afterAll(async () => {
  await writer.close();
  admin.disconnect();
  await server.stop();
});
beforeEach(async () => {
  proxy = await startTcpProxy({ target: server.port, kinds: { feed: isFeed } });
  // So long that the lease does not end while the replies are held back.
  reader = createReader({ client: new Redis(proxy.port), maxRevocationLag: 60_000, storeTimeout: 60_000 });
  await reader.store.ready();
  await untilTracking(reader);
});
afterEach(async () => {
  await reader.close();
  await proxy.close();
});

const HOLD = { toClient: { blackHole: true } };

/** How many reads the server has answered. */
async function readsAnswered(): Promise<number> {
  return Number(/cmdstat_hmget:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1] ?? 0);
}

/** Waits until the server has replied to a read. */
async function untilAnswered(before: number): Promise<void> {
  await waitUntil('the server has answered the read', async () => (await readsAnswered()) > before);
}

test('a read that is invalidated in flight answers neither earlier nor later callers', async () => {
  const key = await createSample(writer, newWorkspace());
  await waitUntil('the creation is received', () => reader.invalidated.includes(key.id));
  const before = await readsAnswered();
  proxy.hinder('other', HOLD);
  const early = reader.read(key.id);
  await untilAnswered(before);

  reader.invalidated.length = 0;
  await writer.deleteKey(key.id, ORIGIN, {});
  await waitUntil('the change is received', () => reader.invalidated.includes(key.id));
  const late = reader.read(key.id);
  proxy.hinder('other', {});

  expect(await early).toBeNull();
  expect(await late).toBeNull();
  expect(reader.getCached(key.id)).toBeNull();
});

test('a caller that joins a read after a change was acknowledged and before its invalidation reads again', async () => {
  const key = await createSample(writer, newWorkspace());
  await waitUntil('the creation is received', () => reader.invalidated.includes(key.id));
  const before = await readsAnswered();
  proxy.hinder('other', HOLD);
  proxy.hinder('feed', HOLD);
  const early = reader.read(key.id);
  await untilAnswered(before);

  await writer.updateKey(key.id, { disabled: true }, ORIGIN, {});
  const late = reader.read(key.id);
  reader.invalidated.length = 0;
  proxy.hinder('feed', {});
  await waitUntil('the change is received', () => reader.invalidated.includes(key.id));
  proxy.hinder('other', {});

  expect(await early).toMatchObject({ disabled: true });
  expect(await late).toMatchObject({ disabled: true });
  expect(reader.getCached(key.id)).not.toMatchObject({ disabled: false });
});

test('a key that is created during a read that misses it is read again', async () => {
  const workspaceId = newWorkspace();
  const id = newId(workspaceId);
  const before = await readsAnswered();
  proxy.hinder('other', HOLD);
  const early = reader.read(id);
  await untilAnswered(before);
  const key = await createSample(writer, workspaceId, { id });
  await waitUntil('the creation is received', () => reader.invalidated.includes(id));
  const late = reader.read(id);
  proxy.hinder('other', {});
  expect(await early).toEqual(key);
  expect(await late).toEqual(key);
});

test('a flush invalidates all reads in flight', async () => {
  const keys = await Promise.all(Array.from({ length: 10 }, () => createSample(writer, newWorkspace())));
  await waitUntil('the creations are received', () => keys.every(({ id }) => reader.invalidated.includes(id)));
  const before = await readsAnswered();
  proxy.hinder('other', HOLD);
  const early = keys.map(({ id }) => reader.read(id));
  await waitUntil('the server has answered', async () => (await readsAnswered()) >= before + keys.length);
  await admin.flushall();
  await waitUntil('the invalidation is received', () => reader.invalidated.includes('*'));
  const late = keys.map(({ id }) => reader.read(id));
  proxy.hinder('other', {});
  expect(await Promise.all(early)).toEqual(keys.map(() => null));
  expect(await Promise.all(late)).toEqual(keys.map(() => null));
});

test('a read is cached no longer than the lease that it was sent under', async () => {
  const key = await createSample(writer, newWorkspace());
  await waitUntil('the creation is received', () => reader.invalidated.includes(key.id));
  const before = await readsAnswered();
  proxy.hinder('other', HOLD);
  const early = reader.read(key.id);
  await untilAnswered(before);
  // The old feed is gone, so no invalidation is sent for a change now. The new feed has a lease of its own.
  const feed = String(await admin.client('LIST'))
    .split('\n')
    .find((line) => line.includes('name=keyscope-feed'));
  const changes = admin.multi().client('KILL', 'ID', /id=(\d+)/.exec(feed ?? '')?.[1] as string);
  changes.hset(`keyscope:key:{${key.id.slice(0, 4)}}${key.id}`, 'revision', '2');
  await changes.exec();
  const old = reader.store.keyLease(key.id);
  await waitUntil('there is a new feed', () => reader.store.keyLease(key.id) !== old);
  proxy.hinder('other', {});
  expect(await early).toEqual(key);
  await untilTracking(reader);
  const after = reader.store.keyLease(key.id);
  expect(after).not.toBe(old);
});
