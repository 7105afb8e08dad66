import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express, Request, Response } from 'express';
import { createApiKeys, type DeniedEvent } from 'keyscope';
import request from 'supertest';
import { expresses } from '../support/express-versions';
import { waitUntil } from '../support/wait-until';

const permissions = { conversations: { label: 'Conversations' }, handoff: { label: 'Handoff' } };

/** The address of requests in these tests. */
const OWN = '127.0.0.1';
const OTHER = '192.0.2.0/24';

function setUpKeys() {
  const apiKeys = createApiKeys({ permissions, maxRevocationLag: 200 });
  const denials: DeniedEvent[] = [];
  apiKeys.on('denied', (event) => denials.push(event));
  const create = (allowedIps?: string[]) =>
    apiKeys.keys.create({ name: 'CRM', permissions: ['conversations'], ...(allowedIps && { allowedIps }) });
  return { apiKeys, create, denials };
}

describe.each(expresses)('%s', (_name, express) => {
  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  function setUp() {
    const { apiKeys, create, denials } = setUpKeys();
    closing.push(() => apiKeys.close());
    const app = express();
    app.get('/c', apiKeys.requireApiKey('conversations'), (_req, res) => void res.json({ ok: true }));
    return { apiKeys, app, create, denials };
  }

  function get(app: Express, token: string, headers: Record<string, string> = {}) {
    return request(app)
      .get('/c')
      .set({ 'x-api-key': token, ...headers });
  }

  test('requireApiKey allows a request from an address in the list of the key', async () => {
    const { app, create } = setUp();
    const { token } = await create([OTHER, '127.0.0.0/8']);
    await get(app, token).expect(200);
    // From the cache.
    await get(app, token).expect(200);
  });

  test('requireApiKey responds 403 ip_not_allowed when the address is not in the list', async () => {
    const { apiKeys, app, create, denials } = setUp();
    const { key, token } = await create([OTHER, '2001:db8::/32']);
    for (let time = 0; time < 2; time++) {
      const res = await get(app, token).expect(403);
      expect(res.body).toMatchObject({ code: 'ip_not_allowed', title: 'Address not allowed' });
      expect(JSON.stringify(res.body)).not.toContain(OTHER);
    }
    expect(denials[0]).toEqual({
      code: 'ip_not_allowed',
      reason: 'ip',
      hint: 'The address 127.0.0.1 is not in allowedIps of the key, which has 2 entries.',
      keyId: key.id,
      workspaceId: 'default',
      method: 'GET',
      route: '/c',
    });
    const usage = await apiKeys.usage(key.id);
    expect(JSON.stringify(usage)).toContain('"ip_not_allowed":2');
  });

  test('requireApiKey reads the address by the trust proxy setting of the app', async () => {
    const { app, create } = setUp();
    app.set('trust proxy', 1);
    const { token } = await create(['203.0.113.7']);
    await get(app, token, { 'x-forwarded-for': '203.0.113.7' }).expect(200);
    // The last proxy appends the address of its peer: a forged first entry does not count.
    await get(app, token, { 'x-forwarded-for': '203.0.113.7, 198.51.100.1' }).expect(403);
    await get(app, token).expect(403);
  });

  test('requireApiKey reads the address by the setting of the app that a router belongs to', async () => {
    const { apiKeys, app, create } = setUp();
    const parent = express();
    parent.set('trust proxy', 1);
    const own = express();
    own.set('trust proxy', false);
    own.get('/c', apiKeys.requireApiKey('conversations'), (_req, res) => void res.json({ ok: true }));
    parent.use('/inherits', app);
    parent.use('/own', own);
    const { token } = await create(['203.0.113.7']);
    const send = (path: string) =>
      request(parent).get(path).set({ 'x-api-key': token, 'x-forwarded-for': '203.0.113.7' });
    await send('/inherits/c').expect(200);
    await send('/own/c').expect(403);
  });

  test.each([
    ['X-Forwarded-For', { 'x-forwarded-for': OWN }],
    ['Forwarded', { forwarded: `for=${OWN}` }],
  ])('requireApiKey denies a request with %s when trust proxy is not set', async (_header, headers) => {
    const { apiKeys, app, create, denials } = setUp();
    const parent = express();
    parent.use('/v1', app);
    const { token } = await create([OWN]);
    await get(app, token, headers).expect(403);
    await request(parent)
      .get('/v1/c')
      .set({ 'x-api-key': token, ...headers })
      .expect(403);
    expect(denials).toHaveLength(2);
    for (const { reason, hint } of denials) {
      expect(reason).toBe('ip');
      expect(hint).toContain('`trust proxy` of the app is not set');
    }
    const open = await create();
    await get(app, open.token, headers).expect(200);
    await apiKeys.close();
  });

  test('requireApiKey ignores X-Forwarded-For when trust proxy is set to false', async () => {
    const { app, create } = setUp();
    app.set('trust proxy', false);
    const [own, other] = [await create([OWN]), await create([OTHER])];
    await get(app, own.token, { 'x-forwarded-for': '192.0.2.7' }).expect(200);
    await get(app, other.token, { 'x-forwarded-for': '192.0.2.7' }).expect(403);
  });

  test('requireApiKey warns once when trust proxy is true and a key has a list', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    closing.push(() => warn.mockRestore());
    const { app, create } = setUp();
    app.set('trust proxy', true);
    const [open, limited] = [await create(), await create(['203.0.113.7'])];
    await get(app, open.token).expect(200);
    for (let time = 0; time < 3; time++) {
      await get(app, limited.token, { 'x-forwarded-for': '203.0.113.7' }).expect(200);
    }
    const texts = warn.mock.calls.map(([text]) => String(text));
    expect(texts.filter((text) => text.includes('`trust proxy` is true'))).toHaveLength(1);
  });

  test('requireApiKey denies a request when a trust proxy function throws', async () => {
    const { app, create } = setUp();
    app.set('trust proxy', () => {
      throw new Error('no list of proxies');
    });
    const { token } = await create([OWN]);
    await get(app, token, { 'x-forwarded-for': OWN }).expect(403);
  });

  test.each([{}, { fresh: true }])('requireApiKey(…, %j) applies a changed list', async (options) => {
    const { apiKeys, create } = setUp();
    const app = express();
    app.get('/c', apiKeys.requireApiKey('conversations', options), (_req, res) => void res.json({ ok: true }));
    const { key, token } = await create();
    await get(app, token).expect(200);
    await apiKeys.keys.update(key.id, { allowedIps: [OTHER] });
    await get(app, token).expect(403);
    await apiKeys.keys.update(key.id, { allowedIps: [OTHER, OWN] });
    await get(app, token).expect(200);
    await apiKeys.keys.update(key.id, { allowedIps: [] });
    await get(app, token).expect(200);
  });

  test.each([
    ['a key without a list', []],
    ['a key with a list', ['127.0.0.0/8']],
  ])('an open response of %s ends when its address is no longer in the list', async (_what, allowedIps) => {
    const { apiKeys, create } = setUp();
    const ended: unknown[] = [];
    const signals: AbortSignal[] = [];
    apiKeys.on('ended', ({ reason }) => ended.push(reason));
    const app = express();
    const stream = (req: Request, res: Response) => {
      signals.push(req.apiKey!.signal);
      res.type('text/event-stream').write('data: {"id":1}\n\n');
    };
    app.get('/s', apiKeys.requireApiKey('conversations', { endOnRevocation: true }), stream);
    const server = app.listen(0, '127.0.0.1');
    closing.push(() => {
      server.closeAllConnections();
      server.close();
    });
    await new Promise((resolve) => server.once('listening', resolve));
    const { key, token } = await create(allowedIps);
    let isClosed = false;
    const { port } = server.address() as AddressInfo;
    const sent = http.get({ port, path: '/s', agent: false, headers: { 'x-api-key': token } }, (incoming) => {
      incoming.on('error', () => {});
      incoming.on('close', () => {
        isClosed = true;
      });
      incoming.resume();
    });
    sent.on('error', () => {});
    await waitUntil('the response has begun', () => signals.length === 1);
    // Another list that has the address.
    await apiKeys.keys.update(key.id, { allowedIps: [`${OWN}`, OTHER] });
    await apiKeys.keys.update(key.id, { allowedIps: [OTHER] });
    await waitUntil('the response has ended', () => isClosed);
    expect(ended).toEqual(['ip']);
    expect(signals[0]?.aborted).toBe(true);
    expect(signals[0]?.reason).toMatchObject({ code: 'ip_not_allowed' });
  });

  test('an open response goes on when the changed list has its address', async () => {
    const { apiKeys, create } = setUp();
    const signals: AbortSignal[] = [];
    const app = express();
    app.get('/s', apiKeys.requireApiKey('conversations'), (req, res) => {
      signals.push(req.apiKey!.signal);
      setImmediate(async () => {
        await apiKeys.keys.update(req.apiKey!.id, { allowedIps: [OWN] });
        await apiKeys.keys.update(req.apiKey!.id, { name: 'Other' });
        res.json({ aborted: signals[0]?.aborted });
      });
    });
    const { token } = await create();
    await request(app).get('/s').set('x-api-key', token).expect(200, { aborted: false });
  });
});

describe('verify', () => {
  test('verify compares the given address with the list of the key', async () => {
    const { apiKeys, create, denials } = setUpKeys();
    const { token } = await create([OTHER]);
    expect(await apiKeys.verify(token, { ip: '192.0.2.7' })).toMatchObject({ ok: true });
    expect(await apiKeys.verify(token, { ip: '::ffff:192.0.2.7' })).toMatchObject({ ok: true });
    const other = await apiKeys.verify(token, { ip: '198.51.100.1' });
    expect(other).toMatchObject({ ok: false, error: { code: 'ip_not_allowed', status: 403 } });
    expect(denials[0]?.hint).toBe('The address 198.51.100.1 is not in allowedIps of the key, which has 1 entry.');
    await apiKeys.close();
  });

  test.each([[undefined], [{}], [{ ip: undefined }], [{ ip: '' }], [{ ip: 'secret text' }]])(
    'verify(token, %j) denies a key with a list',
    async (options) => {
      const { apiKeys, create, denials } = setUpKeys();
      const { token } = await create([OTHER]);
      expect(await apiKeys.verify(token, options)).toMatchObject({ ok: false, error: { code: 'ip_not_allowed' } });
      expect(denials[0]?.hint).toContain('Pass the address of the caller');
      expect(JSON.stringify(denials)).not.toContain('secret text');
      await apiKeys.close();
    },
  );

  test('verify rejects an address that is not a string', async () => {
    const { apiKeys, create } = setUpKeys();
    const { token } = await create([OTHER]);
    await expect(apiKeys.verify(token, { ip: 1 as unknown as string })).rejects.toMatchObject({
      code: 'invalid_options',
    });
    await apiKeys.close();
  });

  test('a signal of verify aborts when the key loses an address, and not when it gets one', async () => {
    const { apiKeys, create } = setUpKeys();
    const { key, token } = await create([OTHER]);
    const open = async (ip: string) => {
      const result = await apiKeys.verify(token, { ip });
      if (!result.ok) throw result.error;
      return result.key.signal;
    };
    const first = await open('192.0.2.7');
    const other = await open('192.0.2.8');
    await apiKeys.keys.update(key.id, { allowedIps: [OTHER, '203.0.113.7'] });
    const second = await open('203.0.113.7');
    expect(second).not.toBe(first);
    await apiKeys.keys.update(key.id, { allowedIps: [OTHER] });
    await waitUntil('the signal aborts', () => second.aborted);
    expect(second.reason).toMatchObject({ code: 'ip_not_allowed' });
    expect([first.aborted, other.aborted]).toEqual([false, false]);
    await apiKeys.keys.update(key.id, { allowedIps: ['192.0.2.7'] });
    await waitUntil('the signals abort', () => first.aborted && other.aborted);
    await apiKeys.close();
  });
});
