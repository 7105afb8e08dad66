import { Redis } from 'ioredis';
import { createApiKeys, type StoreEvent } from 'keyscope';
import { fakeClock } from './support/clock';
import { type RedisServer, startRedis } from './support/redis/server';
import { waitUntil } from './support/wait-until';

const permissions = { conversations: { label: 'Conversations' } };
const KEY = { name: 'x', agents: 'all', permissions: ['conversations'] } as const;

test('health() reports the mode memory when there is no redis', () => {
  expect(createApiKeys({ permissions }).health()).toEqual({
    mode: 'memory',
    ephemeral: true,
    nodes: [],
    lastError: null,
  });
});

test.each([
  ['production', 1],
  ['test', 0],
])('createApiKeys warns about keys in memory when NODE_ENV is %s: %d times', (environment, times) => {
  const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const before = process.env.NODE_ENV;
  process.env.NODE_ENV = environment;
  try {
    createApiKeys({ permissions });
  } finally {
    process.env.NODE_ENV = before;
  }
  expect(warn).toHaveBeenCalledTimes(times);
  if (times > 0) expect(warn).toHaveBeenCalledWith(expect.stringMatching(/end with it.*ioredis/), 'KeyscopeWarning');
  warn.mockRestore();
});

test.each([
  [{ durability: { replicas: 0 } }, 'durability.replicas'],
  [{ durability: { replicas: 1, timeout: 'long' } }, 'durability.timeout'],
  [{ durability: { timeout: 100 } }, 'durability.replicas'],
  [{ whenStoreDown: {} }, 'whenStoreDown.serveStaleFor'],
  [{ whenStoreDown: { serveStaleFor: -1 } }, 'whenStoreDown.serveStaleFor'],
])('createApiKeys throws invalid_options when it receives %j', (options, path) => {
  expect(() => createApiKeys({ permissions, ...(options as object) })).toThrow(
    expect.objectContaining({ code: 'invalid_options', issues: [expect.objectContaining({ path })] }),
  );
});

test.each([
  'from',
  'user-agent',
  'referer',
  'location',
  'age',
  'content-length',
  'authorization',
  'range',
  'set-cookie',
])('createApiKeys throws invalid_options when the header is %s, which can hide a second token', (header) => {
  expect(() => createApiKeys({ permissions, tokenSource: { header } })).toThrow(
    expect.objectContaining({
      code: 'invalid_options',
      issues: [expect.objectContaining({ path: 'tokenSource.header' })],
    }),
  );
});

describe('in Redis', () => {
  let server: RedisServer;
  let redis: Redis;
  beforeEach(async () => {
    server = await startRedis({ persistent: true });
    redis = new Redis(server.url, { retryStrategy: () => 50, disconnectTimeout: 50 });
    redis.on('error', () => {}); // this suite breaks connections
  });
  afterEach(async () => {
    redis.disconnect();
    await server.stop();
  });

  test('health() follows the server when it stops and restarts', async () => {
    const apiKeys = createApiKeys({ permissions, redis, maxRevocationLag: 200 });
    await apiKeys.ready();
    const address = `127.0.0.1:${server.port}`;
    expect(apiKeys.health()).toMatchObject({ mode: 'tracking', nodes: [{ address, feed: 'open' }], lastError: null });
    await server.kill('SIGKILL');
    await waitUntil('health() reports the server as down', () => apiKeys.health().mode === 'down');
    expect(apiKeys.health()).toMatchObject({ nodes: [{ feed: 'opening', trusted: false }] });
    await server.restart();
    await waitUntil('the feed is open again', () => apiKeys.health().mode === 'tracking');
    await apiKeys.close();
  });

  test('keys.create rejects store_unavailable when durability asks for a replica and none confirms', async () => {
    const apiKeys = createApiKeys({ permissions, redis, durability: { replicas: 1, timeout: 50 } });
    await apiKeys.ready();
    await expect(apiKeys.keys.create(KEY)).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringContaining('0 of 1 replicas'),
    });
    await apiKeys.close();
  });

  test('whenStoreDown allows cached keys for serveStaleFor, with one warning, when Redis is down', async () => {
    const clock = fakeClock();
    const lag = 1600;
    const staleFor = 10_000;
    const apiKeys = createApiKeys({
      permissions,
      redis,
      clock,
      maxRevocationLag: lag,
      storeTimeout: lag,
      whenStoreDown: { serveStaleFor: staleFor },
    });
    await apiKeys.ready();
    const warnings: StoreEvent[] = [];
    apiKeys.on('store', (event) => {
      if (event.type === 'warning') warnings.push(event);
    });
    const { token, key } = await apiKeys.keys.create({ ...KEY, expiresIn: '1h' });
    const { token: unknown } = await apiKeys.keys.create(KEY);
    const isAllowed = async () => (await apiKeys.verify(token)).ok;
    expect(await isAllowed()).toBe(true);

    await server.kill('SIGKILL');
    await waitUntil('the client has lost its connection', () => redis.status !== 'ready');
    // A lease ends an eighth of the lag early.
    clock.advance((7 / 8) * lag + staleFor - 1);
    expect(await isAllowed()).toBe(true);
    expect(await isAllowed()).toBe(true);
    expect(warnings).toEqual([expect.objectContaining({ code: 'serving_stale' })]);
    // A key that was not cached is denied, and a cached one is denied after serveStaleFor.
    expect(await apiKeys.verify(unknown)).toMatchObject({ error: { code: 'store_unavailable' } });
    clock.advance(1);
    expect(await apiKeys.verify(token)).toMatchObject({ error: { code: 'store_unavailable' } });

    await server.restart();
    await waitUntil('the key is allowed again', isAllowed);
    await apiKeys.keys.delete(key.id);
    expect(await isAllowed()).toBe(false);
    await apiKeys.close();
  });

  describe('with whenStoreDown', () => {
    const lag = 400;
    const options = { permissions, maxRevocationLag: lag, storeTimeout: lag, whenStoreDown: { serveStaleFor: '5m' } };

    /** Resolves when the lease of everything that was read before has ended, if Redis sends no invalidations. */
    const untilLapsed = () => {
      const until = performance.now() + 2 * lag;
      return waitUntil('the leases have ended', () => performance.now() > until);
    };

    test('a key that was deleted before the outage is denied in it when Redis refuses to send invalidations', async () => {
      await redis.call('ACL', 'SETUSER', 'limited', 'on', '>secret', '~*', '&*', '+@all', '-client|tracking');
      const credentials = { username: 'limited', password: 'secret' };
      const client = new Redis(server.url, { ...credentials, retryStrategy: () => 50, disconnectTimeout: 50 });
      client.on('error', () => {});
      const apiKeys = createApiKeys({ ...options, redis: client });
      await apiKeys.ready();
      const writer = createApiKeys({ ...options, redis });
      const [deleted, kept] = await Promise.all([writer.keys.create(KEY), writer.keys.create(KEY)]);
      expect((await apiKeys.verify(deleted.token)).ok).toBe(true);
      await writer.keys.delete(deleted.key.id);
      await untilLapsed();
      expect((await apiKeys.verify(kept.token)).ok).toBe(true);
      await server.kill('SIGKILL');
      await waitUntil('the outage is noticed', () => apiKeys.health().mode === 'down');
      expect(await apiKeys.verify(deleted.token)).toMatchObject({ error: { code: 'store_unavailable' } });
      expect((await apiKeys.verify(kept.token)).ok).toBe(true);
      await Promise.all([apiKeys.close(), writer.close()]);
      client.disconnect();
    });

    test('a key that was deleted while the feed was lost is denied in a later outage', async () => {
      const client = new Redis(server.url, { retryStrategy: () => 50, disconnectTimeout: 50 });
      client.on('error', () => {});
      const apiKeys = createApiKeys({ ...options, redis: client });
      await apiKeys.ready();
      const writer = createApiKeys({ ...options, redis });
      const { token, key } = await writer.keys.create(KEY);
      expect((await apiKeys.verify(token)).ok).toBe(true);
      const feeds = String(await redis.client('LIST'))
        .split('\n')
        .filter((line) => line.includes('keyscope-feed'));
      const transaction = redis.multi();
      for (const line of feeds) transaction.client('KILL', 'ID', /id=(\d+)/.exec(line)![1]!);
      await transaction.del(`keyscope:key:{all}${key.id}`).exec();
      await writer.keys.delete(key.id).catch(() => {});
      await untilLapsed();
      await server.kill('SIGKILL');
      await waitUntil('the outage is noticed', () => apiKeys.health().mode === 'down');
      expect(await apiKeys.verify(token)).toMatchObject({ error: { code: 'store_unavailable' } });
      await Promise.all([apiKeys.close(), writer.close()]);
      client.disconnect();
    });

    test('a key that was deleted after close() is denied when its lease has ended', async () => {
      const apiKeys = createApiKeys({ ...options, redis });
      await apiKeys.ready();
      const { token, key } = await apiKeys.keys.create(KEY);
      expect((await apiKeys.verify(token)).ok).toBe(true);
      await apiKeys.close();
      const writer = createApiKeys({ ...options, redis });
      await writer.keys.delete(key.id);
      await untilLapsed();
      expect((await apiKeys.verify(token)).ok).toBe(false);
      await writer.close();
    });
  });

  test('a cached key is denied store_unavailable when Redis is down and whenStoreDown is not set', async () => {
    const clock = fakeClock();
    const apiKeys = createApiKeys({ permissions, redis, clock, maxRevocationLag: 1500, storeTimeout: 1500 });
    await apiKeys.ready();
    const { token } = await apiKeys.keys.create(KEY);
    expect((await apiKeys.verify(token)).ok).toBe(true);
    await server.kill('SIGKILL');
    await waitUntil('the client has lost its connection', () => redis.status !== 'ready');
    clock.advance(1500);
    expect(await apiKeys.verify(token)).toMatchObject({ ok: false, error: { code: 'store_unavailable' } });
    await apiKeys.close();
  });
});
