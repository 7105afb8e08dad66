import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express, Request } from 'express';
import { createApiKeys } from 'keyscope';
import request from 'supertest';
import { fakeClock } from '../support/clock';
import { expresses } from '../support/express-versions';

const permissions = {
  conversations: { label: 'Conversations data' },
  handoff: { label: 'Handoff' },
  external_events: { label: 'External events' },
};

describe.each(expresses)('%s', (_name, express) => {
  function setUp(options: Partial<Parameters<typeof createApiKeys>[0]> = {}) {
    const clock = fakeClock();
    const apiKeys = createApiKeys({ permissions, clock, ...options });
    const app = express();
    const seen: Request[] = [];
    const handler = (req: Request, res: { json(body: unknown): unknown }) => {
      seen.push(req);
      res.json({ ok: true });
    };
    const create = (input: Partial<Parameters<typeof apiKeys.keys.create>[0]> = {}) =>
      apiKeys.keys.create({ name: 'partner', agents: 'all', permissions: ['conversations'], ...input });
    return { apiKeys, app, clock, create, handler, seen };
  }

  const get = (app: Express, path: string, token?: string) =>
    token === undefined ? request(app).get(path) : request(app).get(path).set('x-api-key', token);

  test('a valid key is allowed and the handler reads it in req.apiKey', async () => {
    const { apiKeys, app, create, handler, seen } = setUp();
    app.get('/c', apiKeys.requireApiKey('conversations'), handler);
    const { key, token } = await create({ name: 'CRM' });
    await get(app, '/c', token).expect(200, { ok: true });
    const apiKey = seen[0]?.apiKey;
    expect(apiKey).toMatchObject({ id: key.id, name: 'CRM', workspaceId: 'default', permissions: ['conversations'] });
    expect(apiKey?.expiresAt).toEqual(key.expiresAt);
    expect(apiKey?.scope.agents).toBe('all');
    expect(apiKey?.scope.has('conversations')).toBe(true);
    expect(apiKey?.scope.has('handoff')).toBe(false);
    expect(apiKey?.scope.allowsAgent('anything')).toBe(true);
    expect(JSON.stringify(apiKey)).not.toContain(token.slice(-38));
  });

  test('requireApiKey sets the property that requestProperty names, and no other', async () => {
    const { apiKeys, app, create } = setUp({ requestProperty: 'callerKey' });
    app.use((req, _res, next) => {
      Object.assign(req, { apiKey: "the app's own" });
      next();
    });
    app.get('/c', apiKeys.requireApiKey('conversations', { optional: true }), (req, res) => {
      const { apiKey, callerKey } = req as Request & { callerKey?: { name: string } };
      res.json({ apiKey, name: callerKey?.name, same: callerKey && callerKey === apiKeys.apiKeyOf(req) });
    });
    const { token } = await create({ name: 'CRM' });
    await get(app, '/c', token).expect(200, { apiKey: "the app's own", name: 'CRM', same: true });
    await get(app, '/c').expect(200, { apiKey: "the app's own" });
  });

  test('req.apiKey cannot be changed by a handler, for this request or the next', async () => {
    const { apiKeys, app, create, handler, seen } = setUp();
    app.get('/c', apiKeys.requireApiKey('conversations', { agent: false }), handler);
    const { token } = await create({ agents: ['A'] });
    await get(app, '/c', token).expect(200);
    const apiKey = seen[0]?.apiKey;
    if (!apiKey) throw new Error('no key');
    const spoil = apiKey as unknown as { id: string; scope: { agents: string[] }; permissions: string[] };
    expect(() => {
      spoil.id = 'other';
    }).toThrow(TypeError);
    expect(() => spoil.scope.agents.push('B')).toThrow(TypeError);
    expect(() => spoil.permissions.push('handoff')).toThrow(TypeError);
    apiKey.expiresAt?.setFullYear(9999);
    expect(apiKey.expiresAt?.getUTCFullYear()).toBeLessThan(9999);
    expect(apiKey.scope.allowsAgent('B')).toBe(false);
  });

  describe('401', () => {
    test('missing_key: no header', async () => {
      const { apiKeys, app, handler } = setUp();
      app.get('/c', apiKeys.requireApiKey('conversations'), handler);
      const res = await get(app, '/c').expect(401);
      expect(res.headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(res.headers['www-authenticate']).toBe('ApiKey realm="api", error="missing_key"');
      expect(res.headers['cache-control']).toBe('no-store');
      expect(res.body).toEqual({
        type: 'urn:keyscope:problem:missing_key',
        title: 'API key required',
        status: 401,
        detail: 'Send an API key in the x-api-key header.',
        code: 'missing_key',
      });
    });

    test.each([
      ['empty', '', 'missing_key'],
      ['white space', '   ', 'missing_key'],
      ['garbage', 'garbage', 'invalid_key'],
      ['16 KB', 'x'.repeat(15_000), 'invalid_key'],
      ['non-ASCII', 'k\u00e9\u00ff', 'invalid_key'],
      ['a well-formed look-alike of the wrong prefix', `pk_${'a'.repeat(16)}_${'b'.repeat(38)}`, 'invalid_key'],
    ])('a header that is %s is refused', async (_what, value, code) => {
      const { apiKeys, app, handler, seen } = setUp();
      app.get('/c', apiKeys.requireApiKey('conversations'), handler);
      const server = app.listen(0, '127.0.0.1');
      try {
        await new Promise((resolve) => server.once('listening', resolve));
        const res = await new Promise<http.IncomingMessage>((resolve, reject) => {
          http
            .get(
              {
                port: (server.address() as AddressInfo).port,
                path: '/c',
                headers: { 'x-api-key': Buffer.from(value, 'utf8').toString('latin1') },
              },
              resolve,
            )
            .on('error', reject);
        });
        let text = '';
        for await (const chunk of res) text += chunk;
        expect(res.statusCode).toBe(401);
        expect(JSON.parse(text).code).toBe(code);
        expect(seen).toHaveLength(0);
      } finally {
        await new Promise((resolve) => server.close(resolve));
      }
    });

    test('duplicate_key: the header twice, even with the same good key, even with an empty one', async () => {
      const { apiKeys, app, create, handler, seen } = setUp();
      app.get('/c', apiKeys.requireApiKey('conversations', {}), handler);
      const { token } = await create();
      const server = app.listen(0, '127.0.0.1');
      try {
        await new Promise((resolve) => server.once('listening', resolve));
        const { port } = server.address() as AddressInfo;
        for (const values of [
          [token, token],
          [token, ''],
          ['', token],
          [token, 'garbage'],
        ]) {
          const res = await new Promise<http.IncomingMessage>((resolve, reject) => {
            http
              .get(
                {
                  port,
                  path: '/c',
                  headers: ['Host', 'localhost', ...values.flatMap((value) => ['X-Api-Key', value])] as never,
                },
                resolve,
              )
              .on('error', reject);
          });
          res.resume();
          expect([res.statusCode, res.headers['www-authenticate']]).toEqual([
            401,
            'ApiKey realm="api", error="duplicate_key"',
          ]);
        }
        expect(seen).toHaveLength(0);
      } finally {
        await new Promise((resolve) => server.close(resolve));
      }
    });

    test('unknown id, wrong secret and deleted key are answered alike', async () => {
      const { apiKeys, app, create, handler } = setUp();
      app.get('/c', apiKeys.requireApiKey('conversations'), handler);
      const { key, token } = await create();
      const { token: other } = await create();
      const { key: gone, token: deleted } = await create();
      await apiKeys.keys.delete(gone.id);
      const elsewhere = createApiKeys({ permissions });
      const { token: unknown } = await elsewhere.keys.create({ name: 'x', agents: 'all', permissions: ['handoff'] });
      // A well-formed token with one key's id and another's secret needs its own checksum, so it is forged in the other
      // direction: the store would have to hold the second key's record under the first one's id.
      expect(token.slice(0, 19)).not.toBe(other.slice(0, 19));
      const answers = [];
      for (const bad of [unknown, deleted, deleted, unknown]) {
        const res = await get(app, '/c', bad).expect(401);
        const { date: _date, ...headers } = res.headers;
        answers.push({ headers, body: res.body });
      }
      expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
      expect(answers[0]?.body.code).toBe('invalid_key');
      expect(key.id).not.toBe(gone.id);
    });

    test('expired_key: to the millisecond, cached or not', async () => {
      const { apiKeys, app, clock, create, handler } = setUp();
      app.get('/c', apiKeys.requireApiKey('conversations'), handler);
      const { token } = await create({ expiresIn: '1h' });
      await get(app, '/c', token).expect(200);
      clock.advance(3_600_000 - 1);
      await get(app, '/c', token).expect(200);
      clock.advance(1);
      const res = await get(app, '/c', token).expect(401);
      expect(res.body.code).toBe('expired_key');
      expect(res.headers['www-authenticate']).toBe('ApiKey realm="api", error="expired_key"');
    });

    test('a disabled key is denied disabled_key, and allowed when it is enabled again', async () => {
      const { apiKeys, app, create, handler } = setUp();
      app.get('/c', apiKeys.requireApiKey('conversations'), handler);
      const { key, token } = await create();
      await get(app, '/c', token).expect(200);
      await apiKeys.keys.update(key.id, { disabled: true });
      expect((await get(app, '/c', token).expect(401)).body.code).toBe('disabled_key');
      await apiKeys.keys.update(key.id, { disabled: false });
      await get(app, '/c', token).expect(200);
    });

    test('a deleted key is refused at the next request', async () => {
      const { apiKeys, app, create, handler } = setUp();
      app.get('/c', apiKeys.requireApiKey('conversations'), handler);
      const { key, token } = await create();
      await get(app, '/c', token).expect(200);
      await apiKeys.keys.delete(key.id);
      expect((await get(app, '/c', token).expect(401)).body.code).toBe('invalid_key');
    });

    test('a rotated key is refused at once without overlap, and after it with overlap', async () => {
      const { apiKeys, app, clock, create, handler } = setUp();
      app.get('/c', apiKeys.requireApiKey('conversations'), handler);
      const first = await create();
      const second = await apiKeys.keys.rotate(first.key.id, { overlap: '1h' });
      await get(app, '/c', first.token).expect(200);
      await get(app, '/c', second.token).expect(200);
      clock.advance(3_600_000);
      expect((await get(app, '/c', first.token).expect(401)).body.code).toBe('expired_key');
      const third = await apiKeys.keys.rotate(second.key.id, { overlap: 0 });
      expect((await get(app, '/c', second.token).expect(401)).body.code).toBe('expired_key');
      await get(app, '/c', third.token).expect(200);
    });
  });

  describe('403', () => {
    test('permission_denied names what is required and never what the key holds', async () => {
      const { apiKeys, app, create, handler } = setUp();
      app.get('/one', apiKeys.requireApiKey('handoff'), handler);
      app.get('/any', apiKeys.requireApiKey({ anyOf: ['handoff', 'external_events'] }), handler);
      app.get('/all', apiKeys.requireApiKey({ allOf: ['conversations', 'handoff'] }), handler);
      app.get('/none', apiKeys.requireApiKey(), handler);
      const { token } = await create();
      for (const path of ['/one', '/any', '/all']) {
        const res = await get(app, path, token).expect(403);
        expect(res.body.code).toBe('permission_denied');
        expect(res.body.detail).toContain('handoff');
        if (path !== '/all') expect(JSON.stringify(res.body)).not.toContain('conversations');
      }
      await get(app, '/none', token).expect(200);
      const { token: both } = await create({ permissions: ['handoff', 'conversations'] });
      for (const path of ['/one', '/any', '/all']) await get(app, path, both).expect(200);
    });

    test('agent_not_in_scope: the route names an agent that the key does not have', async () => {
      const { apiKeys, app, create, handler } = setUp();
      app.get('/p/:project_id', apiKeys.requireApiKey('conversations', { agent: 'project_id' }), handler);
      const { token } = await create({ agents: ['A', 'B'] });
      await get(app, '/p/A', token).expect(200);
      await get(app, '/p/B', token).expect(200);
      expect((await get(app, '/p/C', token).expect(403)).body.code).toBe('agent_not_in_scope');
    });

    test('requireApiKey responds 403 to every key when a query parameter for the agent is repeated or nested', async () => {
      const { apiKeys, app, create, handler } = setUp();
      app.set('query parser', 'extended');
      app.get('/q', apiKeys.requireApiKey('conversations', { agent: { query: 'project_id' } }), handler);
      const { token } = await create({ agents: ['A'] });
      const { token: all } = await create();
      await get(app, '/q?project_id=A', token).expect(200);
      await get(app, '/q?project_id=B', token).expect(403);
      for (const query of [
        'project_id=A&project_id=A',
        'project_id=A&project_id=B',
        'project_id[]=A',
        'project_id[a]=A',
      ]) {
        for (const key of [token, all]) {
          expect((await get(app, `/q?${query}`, key).expect(403)).body.code).toBe('agent_not_in_scope');
        }
      }
    });

    test('a path parameter wins over a query parameter of the same name', async () => {
      const { apiKeys, app, create, handler } = setUp();
      app.get('/p/:project_id', apiKeys.requireApiKey('conversations', { agent: 'project_id' }), handler);
      const { token } = await create({ agents: ['A'] });
      await get(app, '/p/B?project_id=A', token).expect(403);
    });

    test('a restricted key is refused where the agent cannot be determined, and the detail says how to declare it', async () => {
      const { apiKeys, app, create, handler } = setUp();
      app.use('/p/:project_id/undeclared', apiKeys.requireApiKey('conversations'), handler);
      app.use(apiKeys.requireApiKey('conversations', { agent: 'project_id' }));
      app.get('/p/:project_id', handler);
      const { token } = await create({ agents: ['A'] });
      for (const path of ['/p/A', '/p/A/undeclared']) {
        const res = await get(app, path, token).expect(403);
        expect(res.body.code).toBe('agent_not_in_scope');
        expect(res.body.detail).toMatch(/agent/);
      }
      const { token: all } = await create();
      await get(app, '/p/A', all).expect(200);
      await get(app, '/p/A/undeclared', all).expect(200);
    });

    test('agent: false leaves the filtering to the handler', async () => {
      const { apiKeys, app, create, handler, seen } = setUp();
      app.get('/agents', apiKeys.requireApiKey('conversations', { agent: false }), handler);
      const { token } = await create({ agents: ['A'] });
      await get(app, '/agents', token).expect(200);
      expect(['A', 'B'].filter((id) => seen[0]?.apiKey?.scope.allowsAgent(id))).toEqual(['A']);
    });

    test('workspace_not_in_scope: another workspace, or none where one is declared', async () => {
      const { apiKeys, app, create, handler } = setUp();
      app.get('/w/:account_id', apiKeys.requireApiKey('conversations', { workspace: 'account_id' }), handler);
      app.get('/f', apiKeys.requireApiKey('conversations', { workspace: () => undefined }), handler);
      const { token } = await create({ workspaceId: 'ws-1' });
      await get(app, '/w/ws-1', token).expect(200);
      expect((await get(app, '/w/ws-2', token).expect(403)).body.code).toBe('workspace_not_in_scope');
      expect((await get(app, '/f', token).expect(403)).body.code).toBe('workspace_not_in_scope');
    });

    test('names that every object inherits are no agent, workspace or permission', async () => {
      const { apiKeys, app, create, handler } = setUp();
      app.get('/p/:project_id', apiKeys.requireApiKey('conversations', { agent: 'project_id' }), handler);
      app.get('/w', apiKeys.requireApiKey('conversations', { workspace: 'constructor' }), handler);
      const { token } = await create({ agents: ['A'] });
      for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
        await get(app, `/p/${name}`, token).expect(403);
      }
      await get(app, '/w', token).expect(403);
    });
  });

  test('optional allows a request without a token, and denies one with an invalid token', async () => {
    const { apiKeys, app, create, handler, seen } = setUp();
    app.get('/c', apiKeys.requireApiKey('conversations', { optional: true }), handler);
    const { token } = await create();
    await get(app, '/c').expect(200);
    expect(seen[0]?.apiKey).toBeUndefined();
    await get(app, '/c', token).expect(200);
    expect(seen[1]?.apiKey).toBeDefined();
    await get(app, '/c', 'garbage').expect(401);
    await get(app, '/c', '').expect(401);
    const { token: handoff } = await create({ permissions: ['handoff'] });
    await get(app, '/c', handoff).expect(403);
  });

  test('requireApiKey calls next() synchronously when the key is cached', async () => {
    const { apiKeys, app, create, handler } = setUp();
    const middleware = apiKeys.requireApiKey('conversations');
    const order: string[] = [];
    app.get(
      '/c',
      (req, res, next) => {
        order.push('before');
        middleware(req, res, (error?: unknown) => {
          order.push('next');
          next(error);
        });
        order.push('after');
      },
      handler,
    );
    const { token } = await create();
    await get(app, '/c', token).expect(200);
    order.length = 0;
    await get(app, '/c', token).expect(200);
    expect(order).toEqual(['before', 'next', 'after']);
  });

  test("onError answers in the app's own envelope, with status and challenge set", async () => {
    const { apiKeys, app, handler } = setUp({
      onError: (error, _req, res) => {
        res.json({ success: false, error_code: error.code.toUpperCase() });
      },
    });
    app.get('/c', apiKeys.requireApiKey('conversations'), handler);
    const res = await get(app, '/c').expect(401, { success: false, error_code: 'MISSING_KEY' });
    expect(res.headers['www-authenticate']).toContain('missing_key');
  });

  test('a function option that throws passes its error to the app and allows nothing', async () => {
    const { apiKeys, app, create, handler, seen } = setUp();
    app.get(
      '/c',
      apiKeys.requireApiKey('conversations', {
        agent: () => {
          throw new Error('broken resolver');
        },
      }),
      handler,
    );
    app.use(
      (error: Error, _req: Request, res: { status(code: number): { json(body: unknown): void } }, _next: unknown) => {
        res.status(500).json({ message: error.message });
      },
    );
    const { token } = await create();
    await get(app, '/c', token).expect(500, { message: 'broken resolver' });
    await get(app, '/c', token).expect(500, { message: 'broken resolver' });
    expect(seen).toHaveLength(0);
  });
});

describe('configuration mistakes throw at once, with a sentence', () => {
  const apiKeys = createApiKeys({ permissions });
  const sloppy = apiKeys as unknown as { requireApiKey(...args: unknown[]): unknown };

  test.each([
    [
      'an undeclared permission',
      () => sloppy.requireApiKey('conversatoins'),
      /Did you mean "conversations".*conversatoins/s,
    ],
    ['an empty anyOf', () => sloppy.requireApiKey({ anyOf: [] }), /anyOf/],
    ['an unknown option', () => sloppy.requireApiKey('handoff', { agents: 'id' }), /agents.*agent/s],
    [
      'the middleware passed without being made',
      () => sloppy.requireApiKey({ headers: {} }, {}, () => {}),
      /requireApiKey\(/,
    ],
  ])('%s', (_what, mistake, sentence) => {
    expect(mistake).toThrow(expect.objectContaining({ name: 'KeyscopeError', code: 'invalid_options' }));
    expect(mistake).toThrow(sentence);
  });
});
