import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express, RequestHandler } from 'express';
import { createApiKeys, type DeniedEvent, type RequireApiKeyOptions } from 'keyscope';
import request from 'supertest';
import { expresses } from '../support/express-versions';

const permissions = { conversations: { label: 'Conversations data' } };
const QUERY: RequireApiKeyOptions = { agent: { query: 'project_id' } };

/** A layer of Express' router, as monitoring agents find it. */
interface Layer {
  handle: (...args: unknown[]) => unknown;
  readonly stack?: Layer[];
  readonly route?: Layer;
}

/** Replaces handlers by functions that call them, as monitoring agents do. */
function wrapHandlers(layers: readonly Layer[]): void {
  for (const layer of layers) {
    if (layer.route) wrapHandlers(layer.route.stack!);
    const { handle } = layer;
    if (handle.length === 3) layer.handle = (req, res, next) => handle(req, res, next);
  }
}

describe.each(expresses)('%s', (name, express) => {
  const optional = (parameter: string) => (name === 'Express 5' ? `{/:${parameter}}` : `/:${parameter}?`);

  async function setUp() {
    const apiKeys = createApiKeys({ permissions });
    const { token } = await apiKeys.keys.create({ name: 'k', agents: ['mine'], permissions: ['conversations'] });
    const { token: all } = await apiKeys.keys.create({ name: 'a', agents: 'all', permissions: ['conversations'] });
    const app = express();
    const denied: DeniedEvent[] = [];
    apiKeys.on('denied', (event) => denied.push(event));
    const guard = (options: RequireApiKeyOptions = { agent: 'project_id' }) =>
      apiKeys.requireApiKey('conversations', options);
    const respond: RequestHandler = (_req, res) => void res.json({ ok: true });
    return { apiKeys, app, denied, guard, respond, token, all, Router: express.Router };
  }

  const ask = (app: Express, path: string, token: string) => request(app).get(path).set('x-api-key', token);

  describe('a route parameter', () => {
    test('requireApiKey ignores the query when a string names the parameter, wherever it is mounted', async () => {
      const { app, guard, respond, token, Router } = await setUp();
      app.get('/list', guard(), respond);
      app.get(`/optional${optional('project_id')}`, guard(), respond);
      app.use('/routed/:project_id', Router().get('/list', guard(), respond));
      app.use('/merged/:project_id', Router({ mergeParams: true }).get('/list', guard(), respond));
      app.use('/used', guard(), respond);
      for (const path of ['/list', '/optional', '/routed/mine/list', '/used']) {
        const { body } = await ask(app, `${path}?project_id=mine`, token).expect(403);
        expect(body.code).toBe('agent_not_in_scope');
      }
      await ask(app, '/optional/mine', token).expect(200);
      await ask(app, '/optional/other?project_id=mine', token).expect(403);
      await ask(app, '/merged/mine/list', token).expect(200);
      await ask(app, '/merged/other/list?project_id=mine', token).expect(403);
    });

    test("requireApiKey denies every key when the workspace's parameter is not in the route", async () => {
      const { app, guard, respond, all } = await setUp();
      app.get('/list', guard({ workspace: 'account_id' }), respond);
      const { body } = await ask(app, '/list?account_id=default', all).expect(403);
      expect(body.code).toBe('workspace_not_in_scope');
    });

    test("requireApiKey reports the route's parameters in the denied event when the named one is none of them", async () => {
      const { app, denied, guard, respond, token } = await setUp();
      app.get('/v3/:account_id/:projectId', guard(), respond);
      app.use('/used', guard(), respond);
      const { body } = await ask(app, '/v3/a/mine', token).expect(403);
      expect(body.detail).toBe(
        'This API key is limited to certain agents, and the request does not state which agent it is about.',
      );
      await ask(app, '/used/mine', token).expect(403);
      expect(denied).toEqual([
        expect.objectContaining({ reason: 'agent_not_stated', method: 'GET', route: '/v3/:account_id/:projectId' }),
        expect.objectContaining({ reason: 'agent_not_stated', method: 'GET', route: null }),
      ]);
      expect(denied[0]?.hint).toContain('The route has `account_id`, `projectId`.');
      expect(denied[0]?.hint).toContain("{ query: 'project_id' }");
      expect(denied[1]?.hint).toContain('`req.params` is empty in `app.use`');
    });

    test('redactResponse and requireFeature enable nothing when their project is stated in the query only', async () => {
      const { apiKeys, app, all } = await setUp();
      await apiKeys.projects.set('mine', { transcript: true, metrics: 'all' });
      const say: RequestHandler = (_req, res) => void res.json({ turns: ['said'] });
      const key = apiKeys.requireApiKey('conversations');
      const named = { project: 'project_id' };
      const query = { project: { query: 'project_id' } };
      app.get('/named', key, apiKeys.redactResponse(named), say);
      app.get('/query', key, apiKeys.redactResponse(query), say);
      app.get('/named-feature', key, apiKeys.requireFeature('transcript', named), say);
      app.get('/query-feature', key, apiKeys.requireFeature('transcript', query), say);
      const get = (path: string) => ask(app, `${path}?project_id=mine`, all);
      expect((await get('/named').expect(200)).body).toEqual({ turns: [] });
      expect((await get('/query').expect(200)).body).toEqual({ turns: ['said'] });
      await get('/named-feature').expect(403);
      await get('/query-feature').expect(200);
      await ask(app, '/query?project_id=mine&Project_ID=other', all).expect(200, { turns: [] });
    });
  });

  describe('a query parameter', () => {
    test('requireApiKey reads the query parameter when it is stated once, on a route and in app.use', async () => {
      const { app, guard, respond, token } = await setUp();
      app.get('/list', guard(QUERY), respond);
      app.use('/used', guard(QUERY), respond);
      for (const path of ['/list', '/used/anything']) {
        for (const query of ['project_id=mine', 'q=a;b&project%5Fid=mine&x=1', 'my_project_id=x&project_id=m%69ne']) {
          await ask(app, `${path}?${query}`, token).expect(200);
        }
        for (const query of ['project_id=other', 'project_id=', 'project_id', '', 'my_project_id=mine']) {
          await ask(app, `${path}?${query}`, token).expect(403);
        }
      }
    });

    const FILLER = '&a'.repeat(1000);
    test.each([
      ['is repeated', 'project_id=mine&project_id=mine'],
      ['is repeated behind 1,000 parameters', `project_id=mine${FILLER}&project_id=other`],
      ['is stated first, and 1,000 parameters follow', `project_id=mine${FILLER}`],
      ['is repeated in an encoding', 'project_id=mine&proj%65ct_id=other'],
      ['is repeated with brackets', 'project_id=mine&project_id[]=other'],
      ['is repeated with encoded brackets', 'project_id=mine&project_id%5B0%5D=other'],
      ['is repeated within brackets', 'project_id=mine&[project_id]=other'],
      ['is repeated in capitals', 'project_id=mine&PROJECT_ID=other'],
      ['is repeated behind a semicolon', 'project_id=mine&x=1;project_id=other'],
      ['is repeated behind its own semicolon', 'project_id=mine;project_id=other'],
      ['is repeated as an entity', 'project_id=mine&amp;project_id=other'],
      ['is repeated behind a blank', 'project_id=mine&+project_id=other'],
      ['is repeated with a dot, which PHP reads as an underscore', 'project_id=mine&project.id=other'],
      ['is repeated before a NUL', 'project_id=mine&project_id%00x=other'],
      ['has brackets', 'project_id[]=mine'],
      ['has another case', 'Project_Id=mine'],
      ['is stated behind a semicolon only', 'x=1;project_id=mine'],
    ])('requireApiKey responds 403 to every key when the query parameter %s', async (_, query) => {
      const { app, guard, respond, token, all } = await setUp();
      app.get('/list', guard(QUERY), respond);
      for (const key of [token, all]) {
        const { body } = await ask(app, `/list?${query}`, key).expect(403);
        expect(body.code).toBe('agent_not_in_scope');
      }
    });

    test('requireApiKey compares the raw query with the parsed one when a parser or a middleware changes it', async () => {
      const { app, guard, respond, token } = await setUp();
      app.use((req, _res, next) => {
        if (req.query.swap === '1') Object.defineProperty(req, 'query', { value: { project_id: 'other' } });
        if (req.query.drop === '1') Object.defineProperty(req, 'query', { value: { drop: '1' } });
        if (req.query.rewrite === '1') req.url = '/list?project_id=other';
        next();
      });
      app.get('/list', guard(QUERY), respond);
      await ask(app, '/list?project_id=mine&swap=0', token).expect(200);
      for (const query of ['swap=1', 'drop=1', 'rewrite=1']) {
        await ask(app, `/list?project_id=mine&${query}`, token).expect(403);
      }
    });

    test('requireApiKey reads the query parameter when monitoring has replaced the handlers of all layers', async () => {
      const { apiKeys, app, guard, token, all } = await setUp();
      await apiKeys.projects.set('mine', { transcript: true, metrics: 'all' });
      const redact = apiKeys.redactResponse({ project: { query: 'project_id' } });
      app.get('/list', guard(QUERY), redact, (_req, res) => void res.json({ turns: ['said'] }));
      app.use('/used', guard(QUERY), redact, (_req, res) => void res.json({ turns: ['said'] }));
      const { stack } = (app as never as { router: Layer; _router: Layer })[
        name === 'Express 5' ? 'router' : '_router'
      ];
      wrapHandlers(stack!);
      for (const path of ['/list', '/used']) {
        await ask(app, `${path}?project_id=mine`, token).expect(200, { turns: ['said'] });
        await ask(app, `${path}?project_id=other`, all).expect(200, { turns: [] });
        await ask(app, `${path}?project_id=other`, token).expect(403);
        await ask(app, path, token).expect(403);
      }
    });

    test('requireApiKey reads the URL when the query parser is disabled', async () => {
      const { app, guard, respond, token } = await setUp();
      app.set('query parser', false);
      app.get('/list', guard(QUERY), respond);
      await ask(app, '/list?project_id=mine', token).expect(200);
      await ask(app, '/list?project_id=mine&project_id=other', token).expect(403);
    });
  });

  test('requireApiKey uses what a function returns, and denies when that is no string', async () => {
    const { app, guard, respond, token } = await setUp();
    app.use(guard({ agent: (req) => req.query.project_id as string }), respond);
    await ask(app, '/?project_id=mine', token).expect(200);
    await ask(app, '/?project_id=other', token).expect(403);
    await ask(app, '/?project_id=mine&project_id=mine', token).expect(403);
  });

  describe('the header limit', () => {
    /** Newer versions of Node respond to too many headers themselves, without a body. */
    const byNode = { status: 431, code: undefined };

    /** Sends headers as they are, in order. */
    async function send(
      app: Express,
      headers: readonly string[],
    ): Promise<{ status: number; code: string | undefined }> {
      const server = http.createServer({ maxHeaderSize: 200_000 }, app);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      try {
        const { port } = server.address() as AddressInfo;
        const res = await new Promise<http.IncomingMessage>((resolve, reject) => {
          const options = { port, path: '/list', headers: ['Host', 'localhost', ...headers] as never };
          http.get(options, resolve).on('error', reject);
        });
        let text = '';
        for await (const chunk of res) text += chunk;
        return { status: res.statusCode as number, code: text === '' ? undefined : JSON.parse(text).code };
      } finally {
        await new Promise((resolve) => server.close(resolve));
      }
    }
    const filler = (count: number) => Array.from({ length: count }, (_, index) => [`a${index}`, '1']).flat();

    test.each([10, 100, 1200])(
      'requireApiKey responds 401 duplicate_key when %d headers lie between two tokens',
      async (count) => {
        const { app, guard, respond, all } = await setUp();
        app.get('/list', guard(), respond);
        const headers = ['x-api-key', all, ...filler(count), 'X-Api-Key', all];
        const denials = [{ status: 401, code: 'duplicate_key' }, ...(count > 1000 ? [byNode] : [])];
        expect(denials).toContainEqual(await send(app, headers));
      },
    );

    test('requireApiKey denies a request when it has as many headers as Node reads, with a token, without and optional', async () => {
      const { app, guard, respond, all } = await setUp();
      app.get('/list', guard({ optional: true }), respond);
      expect(await send(app, ['x-api-key', all, ...filler(900)])).toEqual({ status: 200, code: undefined });
      const denials = [byNode, { status: 401, code: expect.any(String) }];
      expect([byNode, { status: 401, code: 'duplicate_key' }]).toContainEqual(
        await send(app, ['x-api-key', all, ...filler(1200)]),
      );
      for (const headers of [filler(1200), [...filler(1200), 'x-api-key', all]]) {
        const response = await send(app, headers);
        expect(response).toEqual(denials[response.status === 431 ? 0 : 1]);
      }
    });
  });
});
