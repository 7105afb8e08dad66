import { Redis } from 'ioredis';
import { type ApiKeysOptions, createApiKeys, createTokenParser, type DeniedEvent, tokenPattern } from 'keyscope';
import request from 'supertest';
import { generateToken } from '../../src/token/generate';
import { expresses } from '../support/express-versions';
import { type TestRedis, testRedis } from '../support/redis/test-redis';

const permissions = { orders: { label: 'Orders' } };
const valid = { name: 'CRM', permissions: ['orders' as const] };
type Options = Partial<ApiKeysOptions<'orders'>>;

let redis: TestRedis;
let namespaces = 0;
const closing: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  redis = await testRedis();
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(() => redis.stop());

/** Apps that share one Redis and namespace. */
function setUp() {
  const namespace = `${redis.namespace}-${namespaces++}`;
  const denials: DeniedEvent[] = [];
  function app(options: Options) {
    const client = new Redis(redis.url);
    const apiKeys = createApiKeys({ permissions, redis: client, namespace, ...PATIENT, ...options });
    closing.push(() => apiKeys.close().then(() => client.quit()));
    apiKeys.on('denied', (event) => denials.push(event));
    return apiKeys;
  }
  return { app, denials, redis: new Redis(redis.url, { lazyConnect: true }), namespace };
}

/** A busy machine can take longer than half a second for the first command of an app. */
const PATIENT = { maxRevocationLag: 5000, storeTimeout: 5000 };

describe('environments', () => {
  test('keys.create puts the environment in the token, the masked token and the record', async () => {
    const { app } = setUp();
    const live = app({ environment: 'live' });
    const { key, token } = await live.keys.create(valid);
    expect(token).toMatch(/^ks_live_[0-9A-Za-z]{16}_[0-9A-Za-z]{38}$/);
    expect(key).toMatchObject({ environment: 'live', masked: expect.stringMatching(/^ks_live_/) });
    expect(createTokenParser('ks_live')(token)).toBe(key.id);
    expect(tokenPattern('ks_live').test(token)).toBe(true);
    expect(await live.verify(token)).toMatchObject({ ok: true, key: { id: key.id } });
    expect(await live.verify(token)).toMatchObject({ ok: true });
    await expect(live.keys.update(key.id, { environment: 'test' } as never)).rejects.toMatchObject({
      code: 'immutable_field',
    });
  });

  test('a token without the option has no environment', async () => {
    const { app } = setUp();
    const { key, token } = await app({}).keys.create(valid);
    expect(token).toMatch(/^ks_[0-9A-Za-z]{16}_[0-9A-Za-z]{38}$/);
    expect(key.environment).toBeNull();
  });

  test('an app denies tokens of another environment with other_environment when both share one Redis', async () => {
    const { app, denials } = setUp();
    const [live, sandbox] = [app({ environment: 'live' }), app({ environment: 'test' })];
    for (const [from, to] of [
      [live, sandbox],
      [sandbox, live],
    ] as const) {
      const { token } = await from.keys.create(valid);
      expect(await from.verify(token)).toMatchObject({ ok: true });
      const { ok, error } = (await to.verify(token)) as { ok: false; error: { code: string; message: string } };
      expect({ ok, code: error.code, message: error.message }).toEqual({
        ok: false,
        code: 'invalid_key',
        message: 'The API key is not valid.',
      });
    }
    expect(denials.map(({ reason, hint, keyId }) => ({ reason, hint, keyId }))).toEqual([
      {
        reason: 'other_environment',
        hint: 'The key belongs to the environment live, this app to the environment test.',
        keyId: null,
      },
      {
        reason: 'other_environment',
        hint: 'The key belongs to the environment test, this app to the environment live.',
        keyId: null,
      },
    ]);
  });

  test('an app denies a key by the environment of its record, whatever the prefix of its token', async () => {
    const { app, denials } = setUp();
    // Without the option, this prefix makes tokens like those of the environment.
    const named = app({ prefix: 'ks_live' });
    const live = app({ environment: 'live' });
    const { token } = await named.keys.create(valid);
    for (let time = 0; time < 2; time++) {
      expect(await live.verify(token)).toMatchObject({ ok: false, error: { code: 'invalid_key' } });
    }
    const { token: own } = await live.keys.create(valid);
    expect(await named.verify(own)).toMatchObject({ ok: false, error: { code: 'invalid_key' } });
    expect(denials.map(({ reason }) => reason)).toEqual(Array(3).fill('other_environment'));
    expect(denials[0]?.hint).toContain('no environment, this app to the environment live. `keysWithoutEnvironment`');
    expect(denials[2]?.hint).toBe('The key belongs to the environment live, this app to no environment.');
  });

  test('an imported token is accepted by the environment that imported it', async () => {
    const { app, denials } = setUp();
    const [live, sandbox] = [
      app({ environment: 'live', importedTokens: true }),
      app({ environment: 'test', importedTokens: true }),
    ];
    const token = 'a-token-of-another-system';
    expect(await sandbox.keys.import({ ...valid, agents: 'all', token })).toMatchObject({ environment: 'test' });
    expect(await sandbox.verify(token)).toMatchObject({ ok: true });
    for (let time = 0; time < 2; time++) {
      expect(await live.verify(token)).toMatchObject({ ok: false, error: { code: 'invalid_key' } });
    }
    expect(denials[0]?.reason).toBe('other_environment');
  });

  test.each(['import', 'ensure'] as const)('keys.%s rejects a token of another environment', async (name) => {
    const { app } = setUp();
    const live = app({ environment: 'live', importedTokens: true });
    for (const prefix of ['ks_test', 'ks']) {
      const { token } = generateToken(prefix, 'default');
      await expect(live.keys[name]({ ...valid, agents: 'all', token })).rejects.toMatchObject({
        code: 'invalid_request',
        issues: [{ path: 'token' }],
      });
    }
  });

  test('keys.ensure stores the environment of the app', async () => {
    const { app } = setUp();
    const live = app({ environment: 'live' });
    const { token } = generateToken('ks_live', 'default');
    expect(await live.keys.ensure({ ...valid, token })).toMatchObject({
      environment: 'live',
      masked: expect.stringMatching(/^ks_live_/),
    });
    expect(await live.verify(token)).toMatchObject({ ok: true });
  });

  test('keys.rotate keeps the environment of the key, also in an app of another one', async () => {
    const { app } = setUp();
    const [live, sandbox] = [app({ environment: 'live' }), app({ environment: 'test' })];
    const { key } = await sandbox.keys.create(valid);
    const next = await live.keys.rotate(key.id, { overlap: 0 });
    expect(next.key.environment).toBe('test');
    expect(await sandbox.verify(next.token)).toMatchObject({ ok: true });
    expect(await live.verify(next.token)).toMatchObject({ ok: false });
  });

  test('keysWithoutEnvironment accepts keys that were created before, and rotations give them the environment', async () => {
    const { app, denials } = setUp();
    const { keys } = app({});
    const { key, token } = await keys.create(valid);
    const strict = app({ environment: 'live' });
    expect(await strict.verify(token)).toMatchObject({ ok: false, error: { code: 'invalid_key' } });
    expect(denials[0]).toMatchObject({
      reason: 'other_environment',
      hint: expect.stringContaining('`keysWithoutEnvironment`'),
    });
    const live = app({ environment: 'live', keysWithoutEnvironment: true });
    expect(await live.verify(token)).toMatchObject({ ok: true });
    expect(await live.verify(token)).toMatchObject({ ok: true });
    const other = await app({ environment: 'test' }).keys.create(valid);
    expect(await live.verify(other.token)).toMatchObject({ ok: false });
    const next = await live.keys.rotate(key.id, { overlap: 0 });
    expect(next.key.environment).toBe('live');
    expect(await strict.verify(next.token)).toMatchObject({ ok: true });
  });

  test('createApiKeys rejects options that would mean something else', () => {
    const reject = (options: Options, path: string, text: string) =>
      expect(() => createApiKeys({ permissions, ...options })).toThrow(
        expect.objectContaining({
          code: 'invalid_options',
          issues: [expect.objectContaining({ path, message: expect.stringContaining(text) })],
        }),
      );
    reject({ keysWithoutEnvironment: true }, 'keysWithoutEnvironment', 'needs `environment`');
    reject({ prefix: 'acme_live', environment: 'live' }, 'prefix', 'ends with the environment');
    reject({ prefix: 'a'.repeat(30), environment: 'live' }, 'environment', 'at most 32');
    for (const environment of ['', 'a_b', '1a', 'a b', 'a'.repeat(17)])
      reject({ environment }, 'environment', 'letters');
  });

  describe.each(expresses)('%s', (_name, express) => {
    test('requireApiKey responds 401 invalid_key to a token of another environment', async () => {
      const { app } = setUp();
      const [live, sandbox] = [app({ environment: 'live' }), app({ environment: 'test' })];
      const site = express();
      site.get('/c', live.requireApiKey('orders'), (_req, res) => void res.json({ ok: true }));
      const own = await live.keys.create(valid);
      const other = await sandbox.keys.create(valid);
      const get = (token: string) => request(site).get('/c').set('x-api-key', token);
      await get(own.token).expect(200);
      const res = await get(other.token).expect(401);
      expect(res.body).toMatchObject({ code: 'invalid_key', detail: 'The API key is not valid.' });
    });
  });
});
