import type { Request } from 'express';
import { createApiKeys, type DeniedEvent } from 'keyscope';
import request from 'supertest';
import { createAuthenticator } from '../../src/auth/authenticator';
import { checksumOf } from '../../src/token/checksum';
import { createTokenHasher } from '../../src/token/digest';
import { fakeClock } from '../support/clock';
import { expresses } from '../support/express-versions';

const permissions = { conversations: { label: 'Conversations' }, handoff: { label: 'Handoff' } };

describe.each(expresses)('%s', (_name, express) => {
  function setUp(options: Partial<Parameters<typeof createApiKeys>[0]> = {}) {
    const clock = fakeClock();
    const apiKeys = createApiKeys({ permissions, clock, ...options });
    const denied: DeniedEvent[] = [];
    apiKeys.on('denied', (event) => denied.push(event));
    const app = express();
    app.get('/c/:project_id', apiKeys.requireApiKey('conversations', { agent: 'project_id' }), (_req, res) => {
      res.json({ ok: true });
    });
    const create = (input: object = {}) =>
      apiKeys.keys.create({ name: 'k', agents: 'all', permissions: ['conversations'], ...input });
    const reasonFor = async (token: string | undefined) => {
      denied.length = 0;
      const call = request(app).get('/c/p1');
      const { status } = await (token === undefined ? call : call.set('x-api-key', token));
      return [status, denied[0]?.code, denied[0]?.reason];
    };
    return { apiKeys, app, clock, create, denied, reasonFor };
  }

  const recheck = (token: string, change: (body: string) => string) => {
    const body = change(token.slice(0, -6));
    return body + checksumOf(body);
  };

  test('requireApiKey emits the reason of a denial when the token has no key', async () => {
    const { create, denied, reasonFor } = setUp();
    const { token } = await create();
    const flip = (text: string) => text.slice(0, -1) + (text.endsWith('a') ? 'b' : 'a');
    expect(await reasonFor(undefined)).toEqual([401, 'missing_key', 'missing']);
    expect(denied[0]).toMatchObject({ method: 'GET', route: '/c/:project_id', keyId: null });
    expect(denied[0]?.hint).toContain('x-api-key');
    expect(await reasonFor('garbage')).toEqual([401, 'invalid_key', 'malformed']);
    expect(await reasonFor(token.slice(0, -1))).toEqual([401, 'invalid_key', 'malformed']);
    expect(await reasonFor(`live_${token.slice(3)}`)).toEqual([401, 'invalid_key', 'other_prefix']);
    expect(await reasonFor(flip(token))).toEqual([401, 'invalid_key', 'checksum']);
    const unknown = recheck(token, (body) => body.replace(/_.{16}_/, `_${'0'.repeat(16)}_`));
    for (let cached = 0; cached < 2; cached++) {
      expect(await reasonFor(unknown)).toEqual([401, 'invalid_key', 'unknown']);
      expect(await reasonFor(recheck(token, flip))).toEqual([401, 'invalid_key', 'wrong_secret']);
    }
    expect(await reasonFor(token)).toEqual([200, undefined, undefined]);
  });

  test('requireApiKey emits the reason of a denial when the key may not do this', async () => {
    const { apiKeys, clock, create, denied, reasonFor } = setUp();
    const limited = await create({ agents: ['p2'] });
    expect(await reasonFor(limited.token)).toEqual([403, 'agent_not_in_scope', 'agent']);
    expect(denied[0]).toMatchObject({ keyId: limited.key.id, workspaceId: 'default' });
    const other = await create({ permissions: ['handoff'] });
    expect(await reasonFor(other.token)).toEqual([403, 'permission_denied', 'permission']);
    const { key, token } = await create({ expiresIn: '1h' });
    await apiKeys.keys.update(key.id, { disabled: true });
    expect(await reasonFor(token)).toEqual([401, 'disabled_key', 'disabled']);
    await apiKeys.keys.update(key.id, { disabled: false });
    clock.advance(3_600_000);
    expect(await reasonFor(token)).toEqual([401, 'expired_key', 'expired']);
  });

  test('requireApiKey names cors() in the hint when it denies a CORS preflight', async () => {
    const { apiKeys, app, denied } = setUp();
    app.use('/all', apiKeys.requireApiKey('conversations'));
    await request(app).options('/all/x').set('access-control-request-method', 'GET').expect(401);
    expect(denied).toMatchObject([{ reason: 'missing', method: 'OPTIONS', hint: expect.stringContaining('cors()') }]);
  });

  test('requireApiKey never emits the token when it denies a request', async () => {
    const { apiKeys, app, create, denied } = setUp();
    const { token } = await create({ agents: ['p2'], permissions: ['handoff'] });
    app.get('/w/:workspace', apiKeys.requireApiKey('handoff', { workspace: 'workspace' }), (_req, res) => res.json({}));
    for (const path of [`/c/${token}`, `/w/${token}`]) {
      await request(app).get(path).set('x-api-key', token).expect(403);
      await request(app).get(path).set('x-api-key', `${token} `).set('authorization', `Bearer ${token}`);
      await request(app).get(path).set('x-api-key', `x${token}`).expect(401);
    }
    expect(denied.length).toBeGreaterThanOrEqual(4);
    expect(JSON.stringify(denied)).not.toContain(token.slice(-38));
  });
});

test('createAuthenticator reports pepper when the key was created without the pepper of the app', () => {
  const record = { digest: createTokenHasher(undefined).hash('token') };
  const keys = { get: () => ({ record }) } as never;
  const authenticate = (peppers: (string | null)[], sent: string) =>
    createAuthenticator({ parse: () => 'id', hasher: createTokenHasher(peppers), keys }).getCached('id', sent, 0);
  expect(authenticate(['a long random pepper'], 'token')).toBe('pepper');
  expect(authenticate(['a long random pepper', null], 'token')).toEqual({ record });
  expect(authenticate(['a long random pepper'], 'other')).toBe('wrong_secret');
});

describe('an Express request', () => {
  test('requireApiKey removes an earlier req.apiKey when it allows an anonymous request', async () => {
    const apiKeys = createApiKeys({ permissions });
    const middleware = apiKeys.requireApiKey('handoff', { optional: true });
    const req = { headers: {}, rawHeaders: [], params: {}, apiKey: { id: 'forged' } } as unknown as Request;
    const next = jest.fn();
    middleware(req, {} as never, next);
    expect(next).toHaveBeenCalledWith();
    expect(req.apiKey).toBeUndefined();
  });

  test('requireApiKey reads the token when the request has no rawHeaders', async () => {
    const apiKeys = createApiKeys({ permissions, onError: (error, _req, res) => res.end(error.code) });
    const { token } = await apiKeys.keys.create({ name: 'k', agents: 'all', permissions: ['handoff'] });
    const call = (headers: object) =>
      new Promise((resolve) => {
        const res = { setHeader() {}, end: resolve };
        const req = { method: 'GET', headers, params: {} };
        apiKeys.requireApiKey('handoff')(req as never, res as never, () => resolve('allowed'));
      });
    expect(await call({ 'x-api-key': token })).toBe('allowed');
    expect(await call({})).toBe('missing_key');
    expect(await call({ 'x-api-key': '' })).toBe('missing_key');
    expect(await call({ 'x-api-key': `${token}, ${token}` })).toBe('duplicate_key');
    expect(await call({ 'x-api-key': [token, token] })).toBe('duplicate_key');
  });

  test.each([
    ['rejects', async () => Promise.reject(new Error('log service away'))],
    [
      'throws',
      () => {
        throw new Error('log service away');
      },
    ],
  ])('requireApiKey passes the error to next when onError %s', async (_, onError) => {
    const apiKeys = createApiKeys({ permissions, onError });
    const error = await new Promise((resolve) => {
      const res = { setHeader() {} };
      apiKeys.requireApiKey('handoff')({ headers: {}, rawHeaders: [] } as never, res as never, resolve);
    });
    expect(error).toEqual(new Error('log service away'));
  });
});
