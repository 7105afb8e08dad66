import { createHash, randomBytes } from 'node:crypto';
import type { Express } from 'express';
import { Cluster, Redis } from 'ioredis';
import { createApiKeys } from 'keyscope';
import request from 'supertest';
import { fakeClock } from '../support/clock';
import { expresses } from '../support/express-versions';
import { type RedisClusterServers, startCluster } from '../support/redis/cluster';
import { type TestRedis, testRedis } from '../support/redis/test-redis';
import { waitUntil } from '../support/wait-until';

const permissions = { conversations: { label: 'Conversations data' }, handoff: { label: 'Handoff' } };
const valid = { name: 'CRM', agents: 'all', permissions: ['conversations'] } as const;
const newToken = () => `sk_live_${randomBytes(18).toString('base64url')}`;

type Options = Partial<Parameters<typeof createApiKeys>[0]>;
type Keys = ReturnType<typeof createApiKeys<keyof typeof permissions>>;

let redis: TestRedis;
let cluster: RedisClusterServers;
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  [redis, cluster] = await Promise.all([testRedis(), startCluster({ masters: 3 })]);
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
afterAll(() => Promise.all([redis.stop(), cluster.stop()]));

function open(options: Options = {}): Keys {
  const apiKeys = createApiKeys({ permissions, importedTokens: true, storeTimeout: 900, ...options }) as Keys;
  ends.push(() => apiKeys.close());
  return apiKeys;
}

const STORES: Record<string, () => Options> = {
  'in memory': () => ({}),
  'in Redis'() {
    const client = new Redis(redis.url);
    ends.push(() => client.disconnect());
    return { redis: client, namespace: redis.namespace };
  },
  'in a Redis Cluster'() {
    const client = new Cluster([...cluster.startupNodes]);
    ends.push(() => client.disconnect());
    return { redis: client };
  },
};

describe.each(expresses)('%s', (_name, express) => {
  function serve(apiKeys: Keys): Express {
    const app = express();
    app.get('/c', apiKeys.requireApiKey('conversations'), (req, res) => void res.json({ id: req.apiKey?.id }));
    return app;
  }
  const get = (app: Express, token: string) => request(app).get('/c').set('x-api-key', token);

  describe.each(Object.entries(STORES))('an imported token, with keys %s', (_where, optionsFor) => {
    test('an imported token is allowed, by token or hash, from the store and from the cache', async () => {
      const apiKeys = open(optionsFor());
      await apiKeys.ready();
      const app = serve(apiKeys);
      const [token, other] = [newToken(), newToken()];
      // Requested before the key exists, so that the process caches a miss and must receive its invalidation.
      await get(app, token).expect(401);
      const key = await apiKeys.keys.import({ ...valid, token });
      const byHash = await apiKeys.keys.import({
        ...valid,
        sha256: createHash('sha256').update(other).digest('base64'),
      });
      for (let round = 0; round < 3; round++) {
        await get(app, token).expect(200, { id: key.id });
        await get(app, other).expect(200, { id: byHash.id });
      }
      expect(await apiKeys.verify(token, { permission: 'conversations' })).toMatchObject({
        ok: true,
        key: { id: key.id },
      });
      expect(await apiKeys.verify(token, { permission: 'handoff' })).toMatchObject({
        ok: false,
        error: { code: 'permission_denied' },
      });
    });

    test('an imported token is denied disabled_key when its key is disabled, and invalid_key when it is deleted', async () => {
      const apiKeys = open(optionsFor());
      await apiKeys.ready();
      const app = serve(apiKeys);
      const token = newToken();
      const { id } = await apiKeys.keys.import({ ...valid, token });
      await get(app, token).expect(200);
      await apiKeys.keys.update(id, { disabled: true });
      expect((await get(app, token).expect(401)).body.code).toBe('disabled_key');
      await apiKeys.keys.update(id, { disabled: false });
      await get(app, token).expect(200);
      await apiKeys.keys.delete(id);
      const unknown = await get(app, newToken()).expect(401);
      const deleted = await get(app, token).expect(401);
      expect(unknown.body.code).toBe('invalid_key');
      expect(deleted.body).toEqual(unknown.body);
      await apiKeys.keys.import({ ...valid, token });
      await get(app, token).expect(200, { id });
    });

    test('an imported token is allowed beside its successor for the overlap', async () => {
      const clock = fakeClock();
      const apiKeys = open({ ...optionsFor(), clock });
      await apiKeys.ready();
      const app = serve(apiKeys);
      const token = newToken();
      const old = await apiKeys.keys.import({ ...valid, token });
      const { key, token: successor } = await apiKeys.keys.rotate(old.id, { overlap: '1h' });
      await get(app, token).expect(200, { id: old.id });
      await get(app, successor).expect(200, { id: key.id });
      clock.advance(3_600_000);
      expect((await get(app, token).expect(401)).body.code).toBe('expired_key');
      await get(app, successor).expect(200, { id: key.id });
    });
  });

  test('an invalid token of either form has the same response', async () => {
    const apiKeys = open();
    const app = serve(apiKeys);
    const { token } = await apiKeys.keys.create(valid);
    const wrong = `${token.slice(0, -8)}${token.slice(-8).replaceAll(/./g, '0')}`;
    const answers = [];
    for (const text of [newToken(), wrong, 'x', 'x'.repeat(600), 'two words of it', fingerprint(newToken())]) {
      const { status, body, headers } = await get(app, text);
      answers.push({ status, body, challenge: headers['www-authenticate'] });
    }
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject({ status: 401, body: { code: 'invalid_key' } });
  });

  test('a token that is sent twice is not one token', async () => {
    const apiKeys = open();
    const token = newToken();
    await apiKeys.keys.import({ ...valid, token });
    const res = await request(serve(apiKeys))
      .get('/c')
      .set('x-api-key', [token, token] as unknown as string)
      .expect(401);
    expect(res.body.code).toBe('duplicate_key');
  });
});

const fingerprint = (token: string) => createHash('sha256').update(token).digest('hex');

test('the hash of a token does not stand for it', async () => {
  const apiKeys = open();
  const token = newToken();
  await apiKeys.keys.import({ ...valid, token });
  for (const text of [fingerprint(token), `imported:${fingerprint(token)}`]) {
    expect(await apiKeys.verify(text)).toMatchObject({ ok: false, error: { code: 'invalid_key' } });
  }
});

test('a token of another form is denied without a read of the store when importedTokens is false', async () => {
  const outcomes: string[] = [];
  const apiKeys = open({ importedTokens: false });
  apiKeys.on('cache', ({ outcome }) => outcomes.push(outcome));
  expect(await apiKeys.verify(newToken())).toMatchObject({ ok: false, error: { code: 'invalid_key' } });
  expect(outcomes).toEqual([]);
});

test('a pepper guards imported keys, and may be replaced', async () => {
  const token = newToken();
  const [first, second] = ['the first of the peppers', 'the second of the peppers'];
  const inRedis = STORES['in Redis']!();
  const { id } = await open({ ...inRedis, pepper: first }).keys.import({ ...valid, sha256: fingerprint(token) });
  const verifyWith = (pepper: string | string[] | undefined) => open({ ...inRedis, pepper }).verify(token);
  expect(await verifyWith([second, first])).toMatchObject({ ok: true, key: { id } });
  expect(await verifyWith(second)).toMatchObject({ ok: false, error: { code: 'invalid_key' } });
  expect(await verifyWith(undefined)).toMatchObject({ ok: false, error: { code: 'invalid_key' } });
});

test('an imported token is allowed in a process that denied it before, and denied when the key is deleted', async () => {
  const [here, there] = [open(STORES['in Redis']!()), open(STORES['in Redis']!())];
  await Promise.all([here.ready(), there.ready()]);
  const token = newToken();
  const isGood = async () => (await there.verify(token)).ok;
  expect(await isGood()).toBe(false);
  const { id } = await here.keys.import({ ...valid, token });
  await waitUntil('the key is allowed', isGood);
  await here.keys.delete(id);
  await waitUntil('the key is refused', async () => !(await isGood()));
  await here.keys.import({ ...valid, token });
  await waitUntil('the key is allowed again', isGood);
});

test('an imported token whose link to its key was lost is allowed again when it is imported again', async () => {
  const client = new Redis(redis.url);
  ends.push(() => client.disconnect());
  const namespace = `${redis.namespace}-lost`;
  const apiKeys = open({ redis: client, namespace });
  const token = newToken();
  const { id } = await apiKeys.keys.import({ ...valid, token });
  // As a failover of the link's node in a Cluster does.
  await client.del(...(await client.keys(`${namespace}:imported:*`)));
  expect(await apiKeys.verify(token, { fresh: true })).toMatchObject({ ok: false, error: { code: 'invalid_key' } });
  const again = apiKeys.keys.import({ ...valid, token });
  await expect(again).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining(id) });
  expect(await apiKeys.verify(token, { fresh: true })).toMatchObject({ ok: true, key: { id } });
});

test('nothing in Redis leads back to a token, and nothing of it is left when its key is deleted', async () => {
  const client = new Redis(redis.url);
  ends.push(() => client.disconnect());
  const namespace = `${redis.namespace}-dump`;
  const apiKeys = open({ redis: client, namespace });
  const token = newToken();
  const { id } = await apiKeys.keys.import({ ...valid, token });

  async function dump(): Promise<string> {
    const texts: unknown[] = [];
    for (const key of await client.keys(`${namespace}:*`)) {
      const type = await client.type(key);
      texts.push(key, type === 'hash' ? await client.hgetall(key) : type === 'string' ? await client.get(key) : type);
    }
    return JSON.stringify(texts);
  }
  const stored = await dump();
  expect(stored).toContain(`${namespace}:imported:`);
  expect(stored).not.toContain(token.slice(4, -4));
  expect(stored).not.toContain(fingerprint(token));
  await apiKeys.keys.delete(id);
  expect(await dump()).not.toContain(':imported:');
});

test('a flood of unknown imported tokens evicts no valid key', async () => {
  const apiKeys = open({ cache: { maxKeys: 10, maxMisses: 10 } });
  const imported = newToken();
  await apiKeys.keys.import({ ...valid, token: imported });
  const { token: native } = await apiKeys.keys.create(valid);
  for (const token of [imported, native]) expect(await apiKeys.verify(token)).toMatchObject({ ok: true });
  for (let index = 0; index < 500; index++) {
    expect(await apiKeys.verify(newToken())).toMatchObject({ ok: false, error: { code: 'invalid_key' } });
  }
  const outcomes: string[] = [];
  apiKeys.on('cache', ({ outcome }) => outcomes.push(outcome));
  for (const token of [imported, native]) expect(await apiKeys.verify(token)).toMatchObject({ ok: true });
  expect(outcomes).toEqual(['hit', 'hit']);
});
