import type { Express } from 'express';
import Redis from 'ioredis';
import { type ApiKeysOptions, createApiKeys } from 'keyscope';
import request from 'supertest';
import { fakeClock } from '../support/clock';
import { expresses } from '../support/express-versions';
import { type RedisServer, startRedis } from '../support/redis/server';
import { waitUntil } from '../support/wait-until';

const permissions = { conversations: { label: 'Conversations' }, handoff: { label: 'Handoff' } };
const KEY = { name: 'x', agents: ['A'], permissions: ['conversations'] } as const;
const NOTHING = { allowed: 0, denied: 0, reasons: {} };

/** A well-formed token of another instance, so no key has it. */
async function strangersToken(): Promise<string> {
  return (await createApiKeys({ permissions }).keys.create(KEY)).token;
}

describe.each(expresses)('in memory, on %s', (_name, express) => {
  function setUp() {
    const clock = fakeClock();
    const apiKeys = createApiKeys({ permissions, clock, usageFlushInterval: '1h' });
    const app: Express = express();
    const route = apiKeys.requireApiKey('conversations', { workspace: 'ws', agent: 'agent' });
    app.get('/v3/:ws/:agent', apiKeys.requireApiKey(undefined, { agent: false }), route, (_req, res) => {
      res.json({ ok: true });
    });
    app.get('/open', apiKeys.requireApiKey('conversations', { optional: true, agent: false }), (_req, res) => {
      res.json({ ok: true });
    });
    const get = (path: string, token = '') => request(app).get(path).set('x-api-key', token);
    const today = async (id: string) => (await apiKeys.usage(id, { days: 1 })).days[0];
    return { apiKeys, app, clock, get, today };
  }

  test('a request counts once as allowed for all its middlewares, or as denied with its code', async () => {
    const { apiKeys, app, clock, get, today } = setUp();
    const { key, token } = await apiKeys.keys.create({ ...KEY, expiresIn: '1h' });
    for (let i = 0; i < 3; i++) await get('/v3/default/A', token).expect(200);
    await get('/v3/default/B', token).expect(403);
    await get('/v3/other/A', token).expect(403);
    const { key: poor, token: poorToken } = await apiKeys.keys.create({ ...KEY, permissions: ['handoff'] });
    await get('/v3/default/A', poorToken).expect(403);
    await apiKeys.keys.update(key.id, { disabled: true });
    await get('/v3/default/A', token).expect(401);
    await apiKeys.keys.update(key.id, { disabled: false });
    clock.advance(3_600_000);
    await get('/v3/default/A', token).expect(401);
    await request(app).get('/open').expect(200);
    expect(await today(key.id)).toEqual({
      date: '2030-01-01',
      // A request that the first of two middlewares allows and the second denies counts as both.
      allowed: 5,
      denied: 4,
      reasons: { agent_not_in_scope: 1, workspace_not_in_scope: 1, disabled_key: 1, expired_key: 1 },
    });
    expect(await today(poor.id)).toMatchObject({ allowed: 1, reasons: { permission_denied: 1 } });
  });

  test('a request without the right secret is counted nowhere', async () => {
    const { apiKeys, get, today } = setUp();
    const { key, token } = await apiKeys.keys.create(KEY);
    const wrong = token.replace(/.{38}$/, (await strangersToken()).slice(-38));
    for (const bad of ['', 'garbage', wrong, await strangersToken()]) await get('/v3/default/A', bad).expect(401);
    expect(await today(key.id)).toMatchObject(NOTHING);
    expect((await apiKeys.usage(key.id)).lastUsedAt).toBeNull();
  });

  test('a key that was imported is counted by the token that its callers have', async () => {
    const apiKeys = createApiKeys({ permissions, importedTokens: true });
    const app: Express = express();
    app.get('/c', apiKeys.requireApiKey('conversations', { agent: false }), (_req, res) => {
      res.json({ ok: true });
    });
    const token = 'sk_live_0123456789abcdefghijklmn';
    const { id } = await apiKeys.keys.import({ ...KEY, token });
    for (let i = 0; i < 3; i++) await request(app).get('/c').set('x-api-key', token).expect(200);
    await request(app).get('/c').set('x-api-key', `${token}x`).expect(401);
    expect((await apiKeys.usage(id, { days: 1 })).days[0]).toMatchObject({ allowed: 3, denied: 0 });
  });

  test('verify counts as a request does', async () => {
    const { apiKeys, clock, today } = setUp();
    const { key, token } = await apiKeys.keys.create(KEY);
    await apiKeys.verify(token, { permission: 'conversations', agentId: 'A' });
    await apiKeys.verify(token, { permission: 'handoff', agentId: 'A' });
    await apiKeys.verify(token, { agentId: 'B' });
    await apiKeys.verify('garbage');
    const reasons = { permission_denied: 1, agent_not_in_scope: 1 };
    expect(await today(key.id)).toEqual({ date: '2030-01-01', allowed: 1, denied: 2, reasons });
    expect((await apiKeys.usage(key.id)).lastUsedAt).toEqual(new Date(clock.wall()));
  });
});

test.each([
  ['00000000000000000', {}, 'key_not_found'],
  ['0000000000000000', {}, 'key_not_found'],
  [null, {}, 'key_not_found'],
  ['0000000000000000', { days: 0 }, 'invalid_request'],
  ['0000000000000000', { days: 91 }, 'invalid_request'],
  ['0000000000000000', { days: 1.5 }, 'invalid_request'],
  ['0000000000000000', { workspaceId: undefined }, 'invalid_request'],
  ['0000000000000000', { since: 1 }, 'invalid_request'],
])('usage(%j, %j) rejects with its own error', async (id, options, code) => {
  const { usage } = createApiKeys({ permissions });
  await expect(usage(id as string, options as object)).rejects.toMatchObject({ code });
});

test("another workspace's key is not found", async () => {
  const { keys, usage } = createApiKeys({ permissions });
  const { key } = await keys.create({ ...KEY, workspaceId: 'one' });
  await expect(usage(key.id, { workspaceId: 'two' })).rejects.toMatchObject({ code: 'key_not_found' });
  expect((await usage(key.id, { workspaceId: 'one' })).keyId).toBe(key.id);
});

test.each([['50ms'], [99], ['2h'], ['soon']])('`usageFlushInterval` cannot be %j', (usageFlushInterval) => {
  expect(() => createApiKeys({ permissions, usageFlushInterval })).toThrow(
    expect.objectContaining({ code: 'invalid_options', message: expect.stringContaining('usageFlushInterval') }),
  );
});

describe('several processes on one Redis', () => {
  let server: RedisServer;
  const endings: (() => unknown)[] = [];
  beforeEach(async () => {
    server = await startRedis();
  });
  afterEach(async () => {
    for (const end of endings.splice(0).reverse()) await end();
    await server.stop();
  });

  async function join(options: Partial<ApiKeysOptions> = {}) {
    const redis = new Redis(server.url, { retryStrategy: () => 20, disconnectTimeout: 50 });
    redis.on('error', () => {}); // lost connections are the subject of one test
    const apiKeys = createApiKeys({
      permissions,
      redis,
      usageFlushInterval: '1h',
      maxRevocationLag: 15_000,
      storeTimeout: 15_000,
      ...options,
    });
    endings.push(
      () => redis.disconnect(),
      () => apiKeys.close(),
    );
    await apiKeys.ready();
    return apiKeys;
  }

  const sumOf = async ({ usage }: Awaited<ReturnType<typeof join>>, id: string) =>
    (await usage(id, { days: 2 })).days.reduce((sum, { allowed }) => sum + allowed, 0);

  test('each sees what it has counted at once, and what the others have stored', async () => {
    const [a, b] = [await join({ usageFlushInterval: 100 }), await join()];
    const { key, token } = await a.keys.create({ ...KEY, agents: 'all' });
    for (let i = 0; i < 10; i++) await Promise.all([a.verify(token), b.verify(token)]);
    expect(await sumOf(b, key.id)).toBeGreaterThanOrEqual(10);
    await waitUntil('the other one has stored its own', async () => (await sumOf(b, key.id)) === 20);
    expect(await sumOf(a, key.id)).toBe(20);
  });

  test('a key that is used stays in memory while its counts are stored', async () => {
    const [a, b] = [await join({ maxRevocationLag: 60_000 }), await join()];
    const [used, other] = [
      await b.keys.create({ ...KEY, agents: 'all' }),
      await b.keys.create({ ...KEY, agents: 'all' }),
    ];
    let cached = false;
    a.on('authenticated', (event) => {
      cached = event.cached;
    });
    const isCached = async (token: string) => (await a.verify(token)).ok && cached;
    await waitUntil('both keys are cached', async () => (await isCached(used.token)) && isCached(other.token));
    await b.verify(used.token);
    await b.usage(used.key.id);
    // The invalidation of a later change of another key has arrived, so an earlier one of this key would have.
    await b.keys.update(other.key.id, { disabled: true });
    await waitUntil('the invalidation of the later change has arrived', async () => !(await a.verify(other.token)).ok);
    expect(await isCached(used.token)).toBe(true);
  });

  test('close stores what has been counted', async () => {
    const [a, b] = [await join(), await join()];
    const { key, token } = await a.keys.create({ ...KEY, agents: 'all' });
    await a.verify(token);
    await a.close();
    expect(await sumOf(b, key.id)).toBe(1);
  });

  test('close ends although Redis does not answer, and says what is lost', async () => {
    const a = await join({ storeTimeout: 300, maxRevocationLag: 60_000 });
    const errors: string[] = [];
    a.on('error', ({ message }) => errors.push(message));
    const { token } = await a.keys.create({ ...KEY, agents: 'all' });
    expect(await a.verify(token)).toMatchObject({ ok: true });
    await server.kill('SIGSTOP');
    await a.close();
    expect(errors).toEqual([
      expect.stringContaining('could not be stored'),
      expect.stringContaining('are being lost, 1 of them now: the store was unreachable during close()'),
    ]);
    await server.kill('SIGCONT');
  });

  test('the successor of a rotated key begins at nothing', async () => {
    const a = await join();
    const { key, token } = await a.keys.create({ ...KEY, agents: 'all' });
    await a.verify(token);
    const next = await a.keys.rotate(key.id, { overlap: '1h' });
    expect(await sumOf(a, next.key.id)).toBe(0);
    await a.verify(next.token);
    await a.verify(token);
    expect([await sumOf(a, key.id), await sumOf(a, next.key.id)]).toEqual([2, 1]);
  });

  test('every request is counted once through an outage of the store', async () => {
    const a = await join({ storeTimeout: 300, maxRevocationLag: 60_000, usageFlushInterval: 100 });
    const errors: string[] = [];
    a.on('error', ({ message }) => errors.push(message));
    const { key, token } = await a.keys.create({ ...KEY, agents: 'all' });
    let allowed = 0;
    const use = async () => {
      if ((await a.verify(token)).ok) allowed += 1;
    };
    await waitUntil('the key is cached', async () => {
      await use();
      return allowed > 0;
    });
    await server.kill('SIGSTOP');
    await waitUntil('a flush has failed', async () => {
      await use();
      return errors.some((message) => message.includes('could not be stored'));
    });
    for (let i = 0; i < 20; i++) await use();
    await server.kill('SIGCONT');
    await use();
    await waitUntil('all is stored', async () => (await sumOf(a, key.id)) >= allowed);
    expect(await sumOf(a, key.id)).toBe(allowed);
    expect(errors.filter((message) => message.includes('could not be stored'))).toHaveLength(1);
  });
});
