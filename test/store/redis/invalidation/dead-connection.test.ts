import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import { POLLS_PER_LAG } from '../../../../src/store/redis/invalidation/invalidation-feed';
import { type RedisServer, startRedis } from '../../../support/redis/server';
import { startTcpProxy, type TcpProxy } from '../../../support/tcp-proxy';
import { waitUntil } from '../../../support/wait-until';
import { createSample, newWorkspace, ORIGIN } from '../../sample';
import { cacheKey, createReader, isFeed, isForChanges, isReadable, type Reader, untilTracking } from './reader';

let server: RedisServer;
let proxy: TcpProxy;
let reader: Reader | undefined;

beforeEach(async () => {
  server = await startRedis();
  proxy = await startTcpProxy({ target: server.port, kinds: { feed: isFeed, changes: isForChanges } });
});
afterEach(async () => {
  await reader?.close();
  await proxy.close();
  await server.stop();
});

async function open(client: Redis | Redis5): Promise<Reader> {
  reader = createReader({ client, storeTimeout: 300 });
  await reader.store.ready();
  await untilTracking(reader);
  return reader;
}

const warnings = ({ events }: Reader) => events.flatMap((event) => (event.type === 'warning' ? [event.code] : []));

describe.each([
  ['ioredis 6', (port: number) => new Redis(port)],
  ['ioredis 6, whose commands wait without a limit', (port: number) => new Redis(port, { maxRetriesPerRequest: null })],
  ['ioredis 5', (port: number) => new Redis5(port)],
])('%s', (_, connect) => {
  test('a dead connection is replaced while Redis answers on another', async () => {
    const { store, ...rest } = await open(connect(proxy.port));
    const key = await createSample(store, newWorkspace());
    proxy.abandon('other');
    await expect(store.getKey(key.id)).rejects.toMatchObject({ code: 'store_unavailable' });
    await waitUntil('the key can be read again', () => isReadable(store, key.id), 30_000);
    // At once: ioredis alone would wait for two seconds, in which the connection counts as dead again.
    expect(warnings({ store, ...rest }).filter((code) => code === 'connection_replaced')).toHaveLength(1);
    await untilTracking({ store, ...rest });
    await cacheKey({ store, ...rest }, key.id);
    expect(await store.updateKey(key.id, { disabled: true }, ORIGIN, {})).toMatchObject({ ok: true });
    expect(await store.getKey(key.id)).toMatchObject({ disabled: true });
  });

  test('a connection that died before it was ready is replaced', async () => {
    const client = connect(proxy.port);
    const { store, ...rest } = await open(client);
    const key = await createSample(store, newWorkspace());
    proxy.hinder('other', { toServer: { blackHole: true }, toClient: { blackHole: true } });
    proxy.cut('other');
    await waitUntil('a connection has been made into the black hole', () => client.status === 'connect');
    proxy.abandon('other');
    proxy.hinder('other', {});
    await waitUntil('the key can be read again', () => isReadable(store, key.id), 30_000);
    expect(warnings({ store, ...rest })).toContain('connection_replaced');
    await untilTracking({ store, ...rest });
  });
});

test('each poll is sent while an earlier one has no reply', async () => {
  const setTimer = jest.spyOn(globalThis, 'setInterval');
  const admin = new Redis(server.port);
  const pings = async () => Number(/cmdstat_ping:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1] ?? 0);
  try {
    // A lag that does not pass during the test, so that only the test polls.
    reader = createReader({ client: new Redis(proxy.port), maxRevocationLag: 60_000 });
    await reader.store.ready();
    await untilTracking(reader);
    const poll = setTimer.mock.calls.find(([, delay]) => delay === 60_000 / POLLS_PER_LAG)?.[0] as () => void;
    proxy.abandon('other');
    const before = await pings();
    for (let i = 0; i < 6; i++) poll();
    // If replies are quick, every other poll suffices: at most one of these is skipped.
    await waitUntil('five of six polls have been sent', async () => (await pings()) - before >= 5);
  } finally {
    setTimer.mockRestore();
    admin.disconnect();
  }
});

test('a dead connection is replaced if the user may not track', async () => {
  const admin = new Redis(server.port);
  try {
    await admin.call('acl', 'setuser', 'default', '-client|tracking');
    reader = createReader({ client: new Redis(proxy.port), storeTimeout: 300 });
    const { store } = reader;
    await store.ready();
    expect(store.health().mode).toBe('per-entry');
    const key = await createSample(store, newWorkspace());
    proxy.abandon('other');
    await expect(store.getKey(key.id)).rejects.toMatchObject({ code: 'store_unavailable' });
    await waitUntil('the key can be read again', () => isReadable(store, key.id), 15_000);
    expect(warnings(reader)).toContain('connection_replaced');
  } finally {
    admin.disconnect();
  }
});

test('a connection is kept that answers a little later than the feed after a pause of Redis', async () => {
  const { store, events } = await open(new Redis(proxy.port));
  const key = await createSample(store, newWorkspace());
  proxy.hinder('other', { toClient: { delay: 100 } });
  await server.kill('SIGSTOP');
  const until = performance.now() + 3000;
  await waitUntil('time has passed', () => performance.now() > until);
  await server.kill('SIGCONT');
  await waitUntil('the key can be read again', () => isReadable(store, key.id), 30_000);
  await waitUntil('Redis sends invalidations', () => store.health().mode === 'tracking', 30_000);
  expect(events).not.toContainEqual(expect.objectContaining({ code: 'connection_replaced' }));
  expect(proxy.count('other')).toBe(1);
});

test('a connection is kept while Redis answers no client', async () => {
  const { store, events } = await open(new Redis(proxy.port));
  const key = await createSample(store, newWorkspace());
  const { accepted } = proxy;
  proxy.hinder('other', { toClient: { blackHole: true } });
  await server.kill('SIGSTOP');
  await waitUntil('it is known to be down', () => store.health().mode === 'down');
  // Twice the time after which a connection counts as dead.
  const until = performance.now() + 2500;
  await waitUntil('time has passed', () => performance.now() > until);
  await server.kill('SIGCONT');
  proxy.hinder('other', {});
  await waitUntil('the key can be read again', () => isReadable(store, key.id), 30_000);
  expect(events).not.toContainEqual(expect.objectContaining({ code: 'connection_replaced' }));
  // Only feeds were replaced.
  expect(proxy.count('other')).toBe(1);
  expect(proxy.accepted).toBeGreaterThan(accepted);
});
