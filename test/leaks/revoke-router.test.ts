import { Redis } from 'ioredis';
import { createApiKeys } from 'keyscope';
import request from 'supertest';
import { fakeClock } from '../support/clock';
import { expresses } from '../support/express-versions';
import { type TestRedis, testRedis } from '../support/redis/test-redis';

const permissions = { orders: { label: 'Orders' } };
const valid = { name: 'CRM', agents: 'all', permissions: ['orders'] } as const;
type Options = Partial<Parameters<typeof createApiKeys>[0]>;

describe.each(expresses)('%s', (_name, express) => {
  function setUp(options: Options = {}, router = {}) {
    const clock = fakeClock();
    const apiKeys = createApiKeys({ permissions, importedTokens: true, clock, ...options });
    const app = express().set('trust proxy', 1);
    app.use('/api-keys', apiKeys.revokeRouter(router));
    app.use((_req, res) => void res.status(404).json({ code: 'app' }));
    const post = (body: object, address = '192.0.2.1') =>
      request(app).post('/api-keys/revoke').set('x-forwarded-for', address).send(body);
    return { apiKeys, app, clock, post };
  }

  test('POST revoke revokes the key of the token in the body, also of an imported one', async () => {
    const { apiKeys, post } = setUp();
    const { key, token } = await apiKeys.keys.create(valid);
    const imported = 'legacy-4f9a7c2be81d4f5f9a7c2be81d';
    await apiKeys.keys.import({ ...valid, token: imported });
    for (const revoked of [token, imported]) {
      expect((await post({ token: revoked }).expect(200)).body).toEqual({ revoked: true });
      expect(await apiKeys.verify(revoked)).toMatchObject({ ok: false, error: { code: 'expired_key' } });
    }
    const { entries } = await apiKeys.audit.list({ target: key.id, action: 'key.exposed' });
    expect(entries).toMatchObject([{ actor: 'token holder', source: '192.0.2.1' }]);
  });

  test('POST revoke responds alike for a real, a repeated, a wrong and a malformed token', async () => {
    const { apiKeys, post } = setUp();
    const { key, token } = await apiKeys.keys.create(valid);
    const other = await createApiKeys({ permissions }).keys.create(valid);
    const responses: object[] = [];
    for (const text of [token, token, other.token, key.id, 'x']) {
      const { status, headers, text: body } = await post({ token: text });
      const { date: _, ...rest } = headers;
      responses.push({ status, rest, body });
    }
    expect(responses.map((response) => JSON.stringify(response))).toEqual(
      responses.map(() => JSON.stringify(responses[0])),
    );
  });

  test('POST revoke never takes an id for a token', async () => {
    const { apiKeys, post } = setUp({ leakPolicy: 'notify' });
    const { key, token } = await apiKeys.keys.create(valid);
    await post({ token: key.id }).expect(200);
    expect(await apiKeys.verify(token)).toMatchObject({ ok: true });
    // The app's policy is for reports of others.
    await post({ token }).expect(200);
    expect(await apiKeys.verify(token)).toMatchObject({ ok: false });
  });

  test('POST revoke limits the requests of an address, and of an IPv6 network', async () => {
    const { apiKeys, clock, post } = setUp({}, { rateLimit: { limit: 2, window: '1m' } });
    const { token } = await apiKeys.keys.create(valid);
    await post({ token: 'x' }).expect(200);
    await post({}).expect(400);
    const limited = await post({ token }).expect(429);
    expect(limited.body).toMatchObject({ code: 'rate_limited', 'violated-policies': ['address-1m'] });
    expect(limited.headers['retry-after']).toBe('60');
    expect(await apiKeys.verify(token)).toMatchObject({ ok: true });
    await post({ token: 'x' }, '2001:db8::1').expect(200);
    await post({ token: 'x' }, '2001:db8:0:0:ffff::2').expect(200);
    await post({ token: 'x' }, '2001:db8::3').expect(429);
    await post({ token: 'x' }, '2001:db8:0:1::3').expect(200);
    clock.advance(60_000);
    await post({ token }).expect(200);
    expect(await apiKeys.verify(token)).toMatchObject({ ok: false });
  });

  test('POST revoke rejects bodies without one token, and other methods and paths', async () => {
    const { app, post } = setUp();
    for (const body of [{}, { token: 1 }, { token: '' }, { token: 'x', id: 'y' }, []]) {
      expect((await post(body).expect(400)).body).toMatchObject({ code: 'invalid_request' });
    }
    await post({ token: 'x'.repeat(40_000) }).expect(413);
    await request(app).post('/api-keys/revoke').type('text').send('x').expect(415);
    expect((await request(app).get('/api-keys/revoke').expect(405)).headers.allow).toBe('POST');
    expect((await request(app).post('/api-keys/other').expect(404)).body).toEqual({ code: 'app' });
  });
});

describe('in Redis', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await testRedis();
  });
  afterAll(() => redis.stop());

  test('POST revoke sends as many commands for an unknown token as for a real one, and counts over processes', async () => {
    const [, express] = expresses[0]!;
    const client = new Redis(redis.url);
    const open = () => createApiKeys({ permissions, redis: client, namespace: redis.namespace });
    const [apiKeys, second] = [open(), open()];
    await Promise.all([apiKeys.ready(), second.ready()]);
    const app = express();
    app.use('/one', apiKeys.revokeRouter({ rateLimit: { limit: 5, window: '365d' } }));
    app.use('/two', second.revokeRouter({ rateLimit: { limit: 5, window: '365d' } }));
    const commands: string[] = [];
    let markers = 0;
    const monitor = await client.monitor();
    monitor.on('monitor', (_time, [name = '', script = '']: string[], source: string) => {
      if (source === 'lua') return;
      const kind = script.includes('exposure') ? 'expose' : script.includes('lessee') ? 'limit' : '';
      if (!/^(?:ping|client|info|time|subscribe)$/i.test(name)) commands.push(`${name.toLowerCase()} ${kind}`.trim());
    });
    const send = async (path: string, token: string) => {
      commands.length = 0;
      const { status } = await request(app).post(`${path}/revoke`).send({ token });
      // The monitor has received everything that was sent before.
      await new Promise<void>((resolve) => {
        const marker = `marker ${++markers}`;
        monitor.on('monitor', (_time, args: string[]) => args[1] === marker && resolve());
        void client.echo(marker);
      });
      return { status, commands: commands.filter((command) => command !== 'echo') };
    };
    const [{ token }, other] = [
      await apiKeys.keys.create(valid),
      await createApiKeys({ permissions }).keys.create(valid),
    ];
    // Afterwards, Redis knows the scripts.
    await send('/one', 'x');
    const real = await send('/one', token);
    const unknown = await send('/one', other.token);
    expect(real).toEqual({ status: 200, commands: expect.arrayContaining(['eval expose']) });
    expect(unknown).toEqual(real);
    expect((await send('/two', 'x')).status).toBe(200);
    expect((await send('/two', 'x')).status).toBe(200);
    expect((await send('/two', 'x')).status).toBe(429);
    expect((await send('/one', 'x')).status).toBe(429);
    monitor.disconnect();
    await Promise.all([apiKeys.close(), second.close()]);
    await client.quit();
  });
});

test('revokeRouter throws when its limit is invalid', () => {
  const apiKeys = createApiKeys({ permissions });
  for (const rateLimit of [{ limit: 0, window: '1m' }, { limit: 1 }, { limit: 1, window: '1ms' }, []]) {
    expect(() => apiKeys.revokeRouter({ rateLimit } as never)).toThrow(
      expect.objectContaining({ code: 'invalid_options' }),
    );
  }
});
