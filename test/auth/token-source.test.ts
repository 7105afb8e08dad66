import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ErrorRequestHandler, Request, RequestHandler } from 'express';
import { type ApiKeysOptions, createApiKeys, type TokenSource } from 'keyscope';
import request from 'supertest';
import { expresses } from '../support/express-versions';

const permissions = { conversations: { label: 'Conversations data' } };

describe.each(expresses)('%s', (_name, express) => {
  async function setUp(
    tokenSource: ApiKeysOptions['tokenSource'],
    options: Parameters<ReturnType<typeof createApiKeys>['requireApiKey']>[1] = {},
    ...further: ((apiKeys: ReturnType<typeof createApiKeys>) => RequestHandler)[]
  ) {
    const apiKeys = createApiKeys({ permissions, ...(tokenSource !== undefined && { tokenSource }) });
    const app = express();
    const denied: string[] = [];
    apiKeys.on('denied', ({ code, reason, hint }) => denied.push(`${code} ${reason} ${hint}`));
    app.use(apiKeys.requireApiKey('conversations', options), ...further.map((create) => create(apiKeys)));
    app.use((req: Request, res) => {
      const { headers, rawHeaders, url, originalUrl, query } = req;
      res.json({ id: req.apiKey?.id ?? null, headers, rawHeaders, url, originalUrl, query: { ...query } });
    });
    const { key, token } = await apiKeys.keys.create({ name: 'partner', permissions: ['conversations'] });
    const other = (await apiKeys.keys.create({ name: 'other', permissions: ['conversations'] })).token;
    return { app, apiKeys, denied, key, token, other };
  }

  describe('a bearer token', () => {
    test.each(['Bearer {}', 'bearer {}', 'BEARER   {}', 'Bearer {}  '])('%j is read', async (form) => {
      const { app, key, token } = await setUp('bearer');
      const res = await request(app).get('/').set('Authorization', form.replace('{}', token)).expect(200);
      expect(res.body.id).toBe(key.id);
    });

    test.each([
      ['no header', undefined, 'missing_key', 'Bearer realm="api"'],
      ['another scheme', 'Basic dXNlcjpwYXNz', 'missing_key', 'Bearer realm="api"'],
      ['the scheme alone', 'Bearer', 'missing_key', 'Bearer realm="api"'],
      ['an empty token', 'Bearer ', 'missing_key', 'Bearer realm="api"'],
      ['a scheme that only begins like it', 'BearerX ks_1', 'missing_key', 'Bearer realm="api"'],
      ['no token of this app', 'Bearer abc', 'invalid_key', 'Bearer realm="api", error="invalid_token"'],
    ])('%s is denied', async (_what, value, code, challenge) => {
      const { app } = await setUp('bearer');
      const get = request(app).get('/');
      const res = await (value === undefined ? get : get.set('Authorization', value)).expect(401);
      expect(res.body.code).toBe(code);
      expect(res.headers['www-authenticate']).toBe(challenge);
    });

    test('two authorization headers are denied, although Node shows only one', async () => {
      const { app, token, other } = await setUp('bearer');
      const server = app.listen(0);
      const { port } = server.address() as AddressInfo;
      const status = await new Promise((resolve) => {
        const req = http.request({ port, headers: { Authorization: [`Bearer ${token}`, `Bearer ${other}`] } }, resolve);
        req.end();
      }).then((res) => {
        const message = res as http.IncomingMessage;
        message.resume();
        return [message.statusCode, message.headers['www-authenticate']];
      });
      server.close();
      expect(status).toEqual([401, 'Bearer realm="api", error="invalid_request"']);
    });

    test('an optional route allows another scheme, and denies an empty token', async () => {
      const { app } = await setUp('bearer', { optional: true });
      await request(app).get('/').set('Authorization', 'Basic dXNlcjpwYXNz').expect(200);
      await request(app).get('/').set('Authorization', 'Bearer').expect(401);
    });
  });

  describe('several sources', () => {
    const sources: TokenSource[] = ['bearer', { header: 'x-api-key' }, (req) => req.get('x-legacy')];

    test.each([
      ['the first', (token: string) => ({ authorization: `Bearer ${token}` })],
      ['the second', (token: string) => ({ 'x-api-key': token })],
      ['a function', (token: string) => ({ 'x-legacy': token })],
      [
        'all of them, with the same token',
        (token: string) => ({ 'x-api-key': token, authorization: `Bearer ${token}` }),
      ],
    ])('a token is read from %s', async (_what, headers) => {
      const { app, key, token } = await setUp(sources);
      const res = await request(app).get('/').set(headers(token)).expect(200);
      expect(res.body.id).toBe(key.id);
    });

    test('two different tokens are denied, also if one is no token of this app', async () => {
      const { app, token, other } = await setUp(sources);
      for (const second of [other, 'abc', `${token} `, token.toUpperCase()]) {
        const res = await request(app)
          .get('/')
          .set({ 'x-api-key': token, 'x-legacy': `${second}x` });
        expect([res.status, res.body.code]).toEqual([401, 'duplicate_key']);
      }
    });

    test('an empty header is denied, also beside a token', async () => {
      const { app, token } = await setUp(sources);
      const res = await request(app)
        .get('/')
        .set({ 'x-api-key': '', authorization: `Bearer ${token}` });
      expect([res.status, res.body.code]).toEqual([401, 'missing_key']);
    });

    test('the response to a request without a token names all sources', async () => {
      const { app, denied } = await setUp(sources);
      const res = await request(app).get('/').expect(401);
      expect(res.body.detail).toBe(
        'Send an API key as a bearer token in the authorization header or in the x-api-key header or with the request.',
      );
      expect(res.headers['www-authenticate']).toBe('Bearer realm="api", ApiKey realm="api", error="missing_key"');
      expect(denied).toEqual([expect.stringContaining('authorization header (scheme Bearer) or the x-api-key header')]);
    });
  });

  describe('a query parameter', () => {
    test('a token in a query parameter is read if the URL states it once, and causes a warning', async () => {
      const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
      const { app, key, token, other } = await setUp({ query: 'api_key' });
      expect(warn).toHaveBeenCalledWith(expect.stringContaining('access logs'), 'KeyscopeWarning');
      warn.mockRestore();
      expect((await request(app).get(`/?a=1&api_key=${token}`).expect(200)).body.id).toBe(key.id);
      for (const search of [
        `api_key=${token}&api_key=${other}`,
        `api_key=${token}&API_KEY=${token}`,
        `api_key[]=${token}`,
      ]) {
        const res = await request(app).get(`/?${search}`);
        expect([search, res.status, res.body.code]).toEqual([search, 401, 'duplicate_key']);
      }
      expect((await request(app).get('/')).body.detail).toBe('Send an API key in the query parameter api_key.');
    });

    test('the default and a header do not read it', async () => {
      const { app, token } = await setUp(undefined);
      await request(app).get(`/?api_key=${token}&x-api-key=${token}`).expect(401);
    });
  });

  describe('a function', () => {
    test('a thrown error goes to the error handler, and the request is not allowed', async () => {
      for (const thrown of [new Error('broken'), undefined, 'route']) {
        const { app } = await setUp(() => {
          throw thrown;
        });
        app.use(((_error, _req, res, _next) => res.status(500).end('caught')) as ErrorRequestHandler);
        await request(app).get('/').expect(500, 'caught');
      }
    });

    test.each([
      ['an array', () => ['token']],
      ['a number', () => 1],
    ])('%s is denied, with a hint for the developer', async (_what, source) => {
      const { app, denied } = await setUp(source as unknown as TokenSource);
      await request(app).get('/').expect(401);
      expect(denied).toEqual([expect.stringContaining('returned neither a string nor undefined')]);
    });
  });

  describe('hideCredentials', () => {
    test.each([
      ['bearer' as const, (token: string) => ({ headers: { Authorization: `Bearer ${token}` }, path: '/' })],
      [{ header: 'x-api-key' }, (token: string) => ({ headers: { 'X-Api-Key': token }, path: '/' })],
      [{ query: 'api_key' }, (token: string) => ({ headers: {}, path: `/p?a=1&api_key=${token}&b=%20+` })],
      [
        ['bearer', { header: 'x-api-key' }] as const,
        (token: string) => ({ headers: { Authorization: `Bearer ${token}`, 'x-api-key': token }, path: '/' }),
      ],
    ])('the handler does not see the token of %j', async (source, send) => {
      const { app, key, token } = await setUp(source, { hideCredentials: true });
      const { headers, path } = send(token);
      const res = await request(app).get(path).set(headers).set('x-other', 'kept').expect(200);
      expect(res.body.id).toBe(key.id);
      expect(res.text).not.toContain(token);
      expect(res.body.headers['x-other']).toBe('kept');
      if (path !== '/') {
        expect(res.body).toMatchObject({
          url: '/p?a=1&b=%20+',
          originalUrl: '/p?a=1&b=%20+',
          query: { a: '1', b: '  ' },
        });
      }
    });

    test('a further requireApiKey authenticates the hidden token again', async () => {
      const { app, apiKeys, key, token } = await setUp(
        undefined,
        { hideCredentials: true },
        (keys) => keys.requireApiKey() as RequestHandler,
        (keys) => keys.requireApiKey('conversations', { optional: true }) as RequestHandler,
      );
      expect((await request(app).get('/').set('x-api-key', token).expect(200)).body.id).toBe(key.id);
      await apiKeys.keys.update(key.id, { disabled: true });
      await request(app).get('/').set('x-api-key', token).expect(401);
    });

    test('a token that a function reads cannot be hidden', async () => {
      await expect(setUp((req) => req.get('x-legacy'), { hideCredentials: true })).rejects.toThrow(/hideCredentials/);
    });
  });

  describe('identityHeaders', () => {
    const identityHeaders = {
      id: 'x-key-id',
      workspaceId: 'x-workspace',
      permissions: 'x-permissions',
      agents: 'x-agents',
    };

    test('an upstream reads the identity of the key, and never what the client sent', async () => {
      const { app, key, token } = await setUp(undefined, { identityHeaders });
      const res = await request(app)
        .get('/')
        .set({ 'x-api-key': token, 'X-Key-Id': 'forged', x_key_id: 'forged', X_Key_ID: 'forged', 'x-agents': 'forged' })
        .expect(200);
      expect(res.text).not.toContain('forged');
      expect(res.body.headers).toMatchObject({
        'x-key-id': key.id,
        'x-workspace': 'default',
        'x-permissions': 'conversations',
        'x-agents': '*',
      });
      const raw: string[] = res.body.rawHeaders;
      expect(raw[raw.indexOf('x-key-id') + 1]).toBe(key.id);
    });

    test('Object.prototype cannot name identity headers', async () => {
      const apiKeys = createApiKeys({ permissions });
      const { token } = await apiKeys.keys.create({ name: 'partner', permissions: ['conversations'] });
      const app = express();
      for (const [name, value] of Object.entries({ identityHeaders: { id: 'x-inherited' }, hideCredentials: true })) {
        Object.defineProperty(Object.prototype, name, { value, configurable: true });
      }
      try {
        app.use(apiKeys.requireApiKey('conversations'));
      } finally {
        Reflect.deleteProperty(Object.prototype, 'identityHeaders');
        Reflect.deleteProperty(Object.prototype, 'hideCredentials');
      }
      app.use((req: Request, res) => res.json(req.headers));
      const res = await request(app).get('/').set('x-api-key', token).expect(200);
      expect(res.body['x-inherited']).toBeUndefined();
      expect(res.body['x-api-key']).toBe(token);
    });

    test('agents are percent-encoded, so that a name cannot be another value', async () => {
      const { app, apiKeys } = await setUp(undefined, { identityHeaders, agent: false });
      const { token } = await apiKeys.keys.create({
        name: 'p',
        permissions: ['conversations'],
        agents: ['*', 'a,b', 'größe'],
      });
      const res = await request(app).get('/').set('x-api-key', token).expect(200);
      expect(res.body.headers['x-agents'].split(',')).toEqual(
        expect.arrayContaining(['%2A', 'a%2Cb', 'gr%C3%B6%C3%9Fe']),
      );
    });

    test('a header that only the raw headers still have is removed', async () => {
      const apiKeys = createApiKeys({ permissions });
      const app = express();
      app.use((req, _res, next) => {
        delete req.headers['x-key-id'];
        next();
      });
      app.use(apiKeys.requireApiKey('conversations', { identityHeaders, optional: true }));
      app.use((req: Request, res) => res.json(req.rawHeaders));
      const res = await request(app).get('/').set('X-Key-Id', 'forged').expect(200);
      expect(res.text).not.toContain('forged');
    });

    test('an anonymous request has none', async () => {
      const { app } = await setUp(undefined, { identityHeaders, optional: true });
      const res = await request(app).get('/').set({ 'x-key-id': 'forged', X_KEY_ID: 'forged' }).expect(200);
      expect(res.text).not.toContain('forged');
    });

    test.each([
      [{ id: 'x-api-key' }, /identityHeaders\.id.*x-api-key/],
      [{ id: 'x-a', agents: 'x-a' }, /identityHeaders\.agents/],
      [{ id: 'X-Key' }, /lower case/],
      [{ id: 'host' }, /another header/],
      [{ name: 'x-name' }, /name/],
    ])('%j is rejected', async (given, message) => {
      await expect(setUp(undefined, { identityHeaders: given as object })).rejects.toThrow(message);
    });
  });

  describe('allowPreflight', () => {
    const preflight = { Origin: 'https://app.example.com', 'Access-Control-Request-Method': 'GET' };

    test('a preflight passes without a key if the route allows it', async () => {
      const { app } = await setUp(undefined, { allowPreflight: true });
      expect((await request(app).options('/').set(preflight).expect(200)).body.id).toBeNull();
      await request(app).get('/').set(preflight).expect(401);
      await request(app).options('/').expect(401);
      await request(app).options('/').set('Origin', preflight.Origin).expect(401);
      await request(app).options('/').set(preflight).set('x-api-key', 'abc').expect(401);
    });

    test('a preflight is denied by default, and the hint says what to do', async () => {
      const { app, denied } = await setUp(undefined);
      await request(app).options('/').set(preflight).expect(401);
      expect(denied).toEqual([expect.stringContaining('cors()')]);
    });
  });
});

test.each([
  ['an upper case header', { header: 'X-Api-Key' }, /lower case.*"X-Api-Key"/],
  ['the authorization header', { header: 'authorization' }, /'bearer'/],
  ['a header that Node drops', { header: 'cookie' }, /another header/],
  ['an unknown word', 'basic', /Expected \{ header: 'x-api-key' \}, 'bearer'/],
  ['an empty array', [], /./],
  ['two sources in one object', { header: 'x-api-key', query: 'api_key' }, /./],
])('createApiKeys rejects %s as a token source', (_what, tokenSource, message) => {
  expect(() => createApiKeys({ permissions, tokenSource: tokenSource as TokenSource })).toThrow(message);
});

test('openapiSecurity describes each source, and any one is sufficient', () => {
  const { openapiSecurity } = createApiKeys({ permissions, tokenSource: ['bearer', { header: 'x-api-key' }] });
  const { components, security } = openapiSecurity();
  expect(components.securitySchemes).toMatchObject({
    apiKey: { type: 'http', scheme: 'bearer' },
    apiKey2: { type: 'apiKey', in: 'header', name: 'x-api-key' },
  });
  expect(security('conversations')).toEqual([{ apiKey: ['conversations'] }, { apiKey2: ['conversations'] }]);
});

test.each([
  [['bearer', { header: 'x-api-key' }], 'authorization, x-api-key'],
  [{ query: 'api_key' }, undefined],
  [[(req: Request) => req.get('x-legacy'), { header: 'x-api-key' }], '*'],
])('a redacted response varies on the headers of %j', async (tokenSource, expected) => {
  const apiKeys = createApiKeys({ permissions, tokenSource: tokenSource as TokenSource[] });
  const [[, express]] = expresses as [[string, typeof import('express')]];
  const app = express();
  app.get('/:project_id', apiKeys.requireApiKey('conversations', { agent: 'project_id', optional: true }));
  app.get('/:project_id', apiKeys.redactResponse(), (_req, res) => {
    res.set('CDN-Cache-Control', 'max-age=60').json({ turns: [1] });
  });
  const res = await request(app).get('/p').expect(200, { turns: [] });
  expect(res.headers.vary).toBe(expected);
  expect(res.headers['cdn-cache-control']).toBeUndefined();
});
