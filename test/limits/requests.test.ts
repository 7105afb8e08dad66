import type { Express, RequestHandler } from 'express';
import { Redis } from 'ioredis';
import { createApiKeys } from 'keyscope';
import request from 'supertest';
import { fakeClock } from '../support/clock';
import { expresses } from '../support/express-versions';
import { forgeToken } from '../support/forge-token';
import { startRedis } from '../support/redis/server';
import { type TestRedis, testRedis } from '../support/redis/test-redis';
import { startTcpProxy } from '../support/tcp-proxy';

const DAY = 86_400_000;
type Options = Parameters<typeof createApiKeys>[0];

function isProblem(body: { code?: unknown }, code: string): boolean {
  return body.code === code;
}

describe.each(expresses)('%s', (_name, express) => {
  const permissions = {
    conversations: { label: 'Conversations' },
    exports: { label: 'Exports', rateLimit: [{ limit: 1, window: '1h' }] },
  };

  function setUp(options: Partial<Options> = {}) {
    const clock = fakeClock();
    const apiKeys = createApiKeys({ permissions, clock, ...options } as Options);
    const app = express();
    const handler: RequestHandler = (_req, res) => void res.json({ ok: true });
    const create = (input: object = {}) =>
      apiKeys.keys.create({ name: 'partner', permissions: ['conversations', 'exports'], ...input });
    const denied: { reason: string; keyId: string | null }[] = [];
    apiKeys.on('denied', ({ reason, keyId }) => denied.push({ reason, keyId }));
    return { apiKeys, app, clock, create, denied, handler };
  }
  const get = (app: Express, path: string, token: string) => request(app).get(path).set('x-api-key', token);

  test('requests up to the limit are allowed, and the next is 429 until the window ends', async () => {
    const { apiKeys, app, clock, create, denied, handler } = setUp();
    app.get('/c', apiKeys.requireApiKey('conversations'), handler);
    const { key, token } = await create({ rateLimit: [{ limit: 2, window: '1m' }] });
    expect(key.rateLimit).toEqual([{ limit: 2, window: 60_000 }]);
    const first = await get(app, '/c', token).expect(200);
    expect(first.headers).toMatchObject({ 'ratelimit-policy': '"key-1m";q=2;w=60', ratelimit: '"key-1m";r=1;t=60' });
    clock.advance(20_000);
    await get(app, '/c', token).expect(200);
    const third = await get(app, '/c', token).expect(429);
    expect(third.headers).toMatchObject({ ratelimit: '"key-1m";r=0;t=40', 'retry-after': '40' });
    expect(third.body).toEqual({
      type: 'urn:keyscope:problem:rate_limited',
      title: 'Rate limit exceeded',
      status: 429,
      code: 'rate_limited',
      detail: 'The limit of 2 requests per 1m is exceeded. Try again in 40 seconds.',
      'violated-policies': ['key-1m'],
    });
    expect(denied).toEqual([{ reason: 'rate_limit', keyId: key.id }]);
    clock.advance(40_000);
    await get(app, '/c', token).expect(200);
    const { days } = await apiKeys.usage(key.id, { days: 1 });
    expect(days).toMatchObject([{ allowed: 3, denied: 1, reasons: { rate_limited: 1 } }]);
  });

  test('a limit of a day is a quota, and the longest wait counts', async () => {
    const { apiKeys, app, create, denied, handler } = setUp();
    app.get('/c', apiKeys.requireApiKey('conversations'), handler);
    const limits = [
      { limit: 1, window: '1s' },
      { limit: 1, window: '1d' },
    ];
    const { token } = await create({ rateLimit: limits });
    await get(app, '/c', token).expect(200);
    const second = await get(app, '/c', token).expect(429);
    expect(isProblem(second.body, 'quota_exceeded')).toBe(true);
    expect(second.body['violated-policies']).toEqual(['key-1d']);
    expect(second.headers.ratelimit).toBe('"key-1s";r=0;t=1, "key-1d";r=0;t=86400');
    expect(denied.map(({ reason }) => reason)).toEqual(['quota']);
  });

  test('a key without limits of its own has those of the app, and an empty array has none', async () => {
    const { apiKeys, app, create, handler } = setUp({ rateLimit: { default: [{ limit: 1, window: '1m' }] } });
    app.get('/c', apiKeys.requireApiKey('conversations'), handler);
    const usual = await create();
    const exempt = await create({ rateLimit: [] });
    await get(app, '/c', usual.token).expect(200);
    await get(app, '/c', usual.token).expect(429);
    for (let i = 0; i < 3; i++) {
      const response = await get(app, '/c', exempt.token).expect(200);
      expect(response.headers).not.toHaveProperty('ratelimit');
    }
  });

  test("a permission's limit counts the requests that require it", async () => {
    const { apiKeys, app, create, handler } = setUp();
    app.get('/c', apiKeys.requireApiKey('conversations'), handler);
    app.get('/e', apiKeys.requireApiKey('exports'), handler);
    app.get('/any', apiKeys.requireApiKey({ anyOf: ['conversations', 'exports'] }), handler);
    const { token } = await create();
    const first = await get(app, '/e', token).expect(200);
    expect(first.headers.ratelimit).toBe('"exports-1h";r=0;t=3600');
    await get(app, '/e', token).expect(429);
    await get(app, '/any', token).expect(429);
    await get(app, '/c', token).expect(200);
    const limited = await create({ permissions: ['conversations'] });
    await get(app, '/any', limited.token).expect(200);
    await get(app, '/any', limited.token).expect(200);
  });

  test("a project's limit counts the requests of all keys", async () => {
    const { apiKeys, app, create, handler } = setUp({ rateLimit: { project: [{ limit: 2, window: '1m' }] } });
    app.get('/p/:project', apiKeys.requireApiKey('conversations', { agent: 'project' }), handler);
    const [one, two] = [await create(), await create()];
    await get(app, '/p/a', one.token).expect(200);
    await get(app, '/p/a', two.token).expect(200);
    const third = await get(app, '/p/a', one.token).expect(429);
    expect(third.body['violated-policies']).toEqual(['project-1m']);
    await get(app, '/p/b', one.token).expect(200);
  });

  test('a request that is denied for another reason uses nothing', async () => {
    const { apiKeys, app, create, handler } = setUp();
    app.get('/c', apiKeys.requireApiKey('conversations'), handler);
    app.get('/e', apiKeys.requireApiKey('exports'), handler);
    const { key, token } = await create({ permissions: ['conversations'], rateLimit: [{ limit: 1, window: '1m' }] });
    const forbidden = await get(app, '/e', token).expect(403);
    expect(forbidden.headers).not.toHaveProperty('ratelimit');
    await get(app, '/c', forgeToken(token, -1)).expect(401);
    await apiKeys.keys.update(key.id, { disabled: true });
    await get(app, '/c', token).expect(401);
    await apiKeys.keys.update(key.id, { disabled: false });
    await get(app, '/c', token).expect(200);
    await get(app, '/c', token).expect(429);
  });

  test('a request behind two requireApiKey is counted once', async () => {
    const { apiKeys, app, create, handler } = setUp();
    app.use(apiKeys.requireApiKey(undefined, { agent: false }));
    app.get('/c', apiKeys.requireApiKey('conversations'), apiKeys.requireApiKey('conversations'), handler);
    const { token } = await create({ rateLimit: [{ limit: 2, window: '1m' }] });
    await get(app, '/c', token).expect(200);
    await get(app, '/c', token).expect(200);
    await get(app, '/c', token).expect(429);
  });

  test('an edited limit counts at once, together with earlier requests of the window', async () => {
    const { apiKeys, app, create, handler } = setUp();
    app.get('/c', apiKeys.requireApiKey('conversations'), handler);
    const { key, token } = await create({ rateLimit: [{ limit: 1000, window: '1m' }] });
    for (let i = 0; i < 3; i++) await get(app, '/c', token).expect(200);
    await apiKeys.keys.update(key.id, { rateLimit: [{ limit: 4, window: '1m' }] });
    const fourth = await get(app, '/c', token).expect(200);
    expect(fourth.headers.ratelimit).toBe('"key-1m";r=0;t=60');
    await get(app, '/c', token).expect(429);
    await apiKeys.keys.update(key.id, { rateLimit: null });
    await get(app, '/c', token).expect(200);
  });

  test('a rotated key passes its limits on', async () => {
    const { apiKeys, create } = setUp();
    const { key } = await create({ rateLimit: [{ limit: 3, window: '1d' }] });
    const rotated = await apiKeys.keys.rotate(key.id, { overlap: 0 });
    expect(rotated.key.rateLimit).toEqual([{ limit: 3, window: DAY }]);
  });

  test('verify counts a call, unless rateLimit is false', async () => {
    const { apiKeys, create } = setUp();
    const { token } = await create({ rateLimit: [{ limit: 1, window: '1m' }] });
    expect(await apiKeys.verify(token, { rateLimit: false })).toMatchObject({ ok: true });
    expect(await apiKeys.verify(token)).toMatchObject({ ok: true });
    const second = await apiKeys.verify(token);
    expect(second).toMatchObject({
      ok: false,
      error: { code: 'rate_limited', limit: { name: 'key-1m', retryAfter: 60 } },
    });
    expect(await apiKeys.verify(token, { rateLimit: false })).toMatchObject({ ok: true });
  });

  test('the headers of limits stay when the response is redacted', async () => {
    const { apiKeys, app, create } = setUp();
    app.get('/:project', apiKeys.requireApiKey('conversations', { agent: 'project' }), apiKeys.redactResponse(), ((
      _req,
      res,
    ) => {
      res.json({ turns: [1], id: 2 });
    }) as RequestHandler);
    const { token } = await create({ rateLimit: [{ limit: 5, window: '1m' }] });
    const response = await get(app, '/sales', token).expect(200, { turns: [], id: 2 });
    expect(response.headers.ratelimit).toBe('"key-1m";r=4;t=60');
  });

  describe('in Redis', () => {
    let redis: TestRedis;
    beforeAll(async () => {
      redis = await testRedis();
    });
    afterAll(() => redis.stop());

    function process(options: Partial<Options> = {}) {
      const client = new Redis(redis.url, { retryStrategy: () => 50, disconnectTimeout: 50 });
      client.on('error', () => {});
      const clock = { wall: () => Date.now(), monotonic: () => performance.now() };
      const made = setUp({ redis: client, namespace: redis.namespace, clock, ...options } as Partial<Options>);
      made.app.get('/c', made.apiKeys.requireApiKey('conversations'), made.handler);
      made.app.get('/fresh', made.apiKeys.requireApiKey('conversations', { fresh: true }), made.handler);
      const close = async () => {
        await made.apiKeys.close();
        client.disconnect();
      };
      return { ...made, client, close };
    }

    test('several processes allow the limit together, and no more', async () => {
      const processes = [process(), process(), process()];
      const { token } = await processes[0]!.create({ rateLimit: [{ limit: 7, window: '366d' }] });
      const responses = await Promise.all(
        Array.from({ length: 30 }, (_, i) => get(processes[i % 3]!.app, i % 2 === 0 ? '/c' : '/fresh', token)),
      );
      const statuses = responses.map(({ status }) => status);
      expect(statuses.filter((status) => status === 200)).toHaveLength(7);
      expect(statuses.filter((status) => status === 429)).toHaveLength(23);
      await Promise.all(processes.map(({ close }) => close()));
    });

    test('a fresh request reads its key once when it waits for allowance from a distant server', async () => {
      const proxy = await startTcpProxy({ target: Number(new URL(redis.url).port) });
      const client = new Redis(proxy.port);
      const distant = process({ redis: client });
      try {
        await distant.apiKeys.ready();
        const { token } = await distant.create({ rateLimit: [{ limit: 1000, window: '1m' }] });
        const other = await distant.create({ rateLimit: [{ limit: 1000, window: '1m' }] });
        proxy.hinder('other', { toClient: { delay: 300 } });
        await get(distant.app, '/fresh', token).expect(200);
        expect(await distant.apiKeys.verify(other.token, { fresh: true })).toMatchObject({ ok: true });
      } finally {
        await distant.close();
        client.disconnect();
        await proxy.close();
      }
    });

    test('a process that closes returns its slice', async () => {
      const [one, two] = [process(), process()];
      const { token } = await one.create({ rateLimit: [{ limit: 10_000, window: '366d' }] });
      for (let i = 0; i < 30; i++) await get(one.app, '/c', token).expect(200);
      await one.close();
      const next = await get(two.app, '/c', token).expect(200);
      expect(next.headers.ratelimit).toMatch(/^"key-366d";r=9969;t=/);
      await two.close();
    });

    test('a counter expires with its window', async () => {
      const one = process();
      const { key, token } = await one.create({ rateLimit: [{ limit: 5, window: '1m' }] });
      await get(one.app, '/c', token).expect(200);
      const [name = ''] = await one.client.keys(`${redis.namespace}:limit:*${key.id}*`);
      expect(name).toBe(`${redis.namespace}:limit:{${key.id.slice(0, 4)}}${key.id}:60000`);
      const ttl = await one.client.pttl(name);
      expect(ttl).toBeGreaterThan(0);
      expect(ttl).toBeLessThanOrEqual(60_000);
      await one.close();
    });
  });

  describe.each([
    ['deny', 503],
    ['allow', 200],
  ] as const)('onStoreFailure %s', (onStoreFailure, status) => {
    test(`requests get ${status} when the counters cannot be reached`, async () => {
      const redis = await testRedis();
      const client = new Redis(redis.url);
      const clock = { wall: () => Date.now(), monotonic: () => performance.now() };
      const options = { redis: client, clock, namespace: redis.namespace, rateLimit: { onStoreFailure } };
      const { apiKeys, app, create, denied, handler } = setUp(options as unknown as Partial<Options>);
      const warnings: string[] = [];
      apiKeys.on('store', (event) => event.type === 'warning' && warnings.push(event.code));
      app.get('/c', apiKeys.requireApiKey('conversations'), handler);
      const { key, token } = await create({ rateLimit: [{ limit: 5, window: '366d' }] });
      await get(app, '/c', token).expect(200);
      // A value of another type: this counter alone fails, so that the key itself can be read.
      const name = `${redis.namespace}:limit:{${key.id.slice(0, 4)}}${key.id}:${366 * DAY}`;
      await client.set(name, 'text');
      for (let i = 0; i < 2; i++) {
        const response = await get(app, '/c', token).expect(status);
        expect(response.headers).not.toHaveProperty('ratelimit');
        if (status === 503) expect(response.headers['retry-after']).toBe('1');
      }
      expect(warnings.filter((code) => code === 'limits_not_checked')).toHaveLength(status === 503 ? 0 : 1);
      expect(denied.map(({ reason }) => reason)).toEqual(status === 503 ? ['store', 'store'] : []);
      await apiKeys.close();
      client.disconnect();
      await redis.stop();
    });
  });

  test.each([
    ['deny', 503],
    ['allow', 200],
  ] as const)(
    'requests of a cached key get the outcome of onStoreFailure %s when Redis is down',
    async (onStoreFailure, status) => {
      const server = await startRedis();
      const client = new Redis(server.url, { retryStrategy: () => 50, disconnectTimeout: 50 });
      client.on('error', () => {});
      const clock = { wall: () => Date.now(), monotonic: () => performance.now() };
      const limits = { rateLimit: { onStoreFailure }, whenStoreDown: { serveStaleFor: '10m' } };
      const made = setUp({ redis: client, clock, ...limits } as unknown as Partial<Options>);
      const { apiKeys, app, create, handler } = made;
      app.get('/c', apiKeys.requireApiKey('conversations'), handler);
      const { token } = await create({ rateLimit: [{ limit: 5, window: '366d' }] });
      await get(app, '/c', token).expect(200);
      await server.stop();
      for (let i = 0; i < 3; i++) await get(app, '/c', token).expect(status);
      await apiKeys.close();
      client.disconnect();
    },
  );

  test.each([
    [{ default: [{ limit: 0, window: '1m' }] }, 'default.0.limit'],
    [{ default: [{ limit: 5, window: '100ms' }] }, 'default.0.window'],
    [{ default: [{ limit: 5, window: '367d' }] }, 'default.0.window'],
    [
      {
        project: [
          { limit: 5, window: '1m' },
          { limit: 6, window: '60s' },
        ],
      },
      'project.1.window',
    ],
    [{ default: Array.from({ length: 5 }, (_, i) => ({ limit: 5, window: `${i + 1}s` })) }, 'default'],
    [{ onStoreFailure: 'guess' }, 'onStoreFailure'],
  ])('createApiKeys rejects the rate limits %j', (rateLimit, path) => {
    expect(() => setUp({ rateLimit } as unknown as Partial<Options>)).toThrow(
      expect.objectContaining({
        code: 'invalid_options',
        issues: [expect.objectContaining({ path: `rateLimit.${path}` })],
      }),
    );
  });
});
