import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express, RequestHandler } from 'express';
import { createApiKeys } from 'keyscope';
import request from 'supertest';
import { expresses } from '../support/express-versions';

const permissions = { conversations: { label: 'Conversations data' } };

describe.each(expresses)('%s: a query parameter', (name, express) => {
  const isFive = name === 'Express 5';
  const optional = (parameter: string) => (isFive ? `{/:${parameter}}` : `/:${parameter}?`);
  const wild = isFive ? '*rest' : '*';

  async function setUp() {
    const apiKeys = createApiKeys({ permissions });
    const { token } = await apiKeys.keys.create({ name: 'k', agents: ['mine'], permissions: ['conversations'] });
    const { token: all } = await apiKeys.keys.create({ name: 'a', agents: 'all', permissions: ['conversations'] });
    const app = express();
    const guard = () => apiKeys.requireApiKey('conversations', { agent: 'project_id' });
    const answer: RequestHandler = (_req, res) => void res.json({ ok: true });
    const pass: RequestHandler = (_req, _res, next) => next();
    return { apiKeys, app, guard, answer, pass, token, all, Router: express.Router };
  }

  const ask = (app: Express, path: string, token: string) => request(app).get(path).set('x-api-key', token);

  async function expectLetIn(app: Express, path: string, token: string): Promise<void> {
    await ask(app, `${path}?project_id=mine`, token).expect(200);
    await ask(app, `${path}?project_id=other`, token).expect(403);
  }

  async function expectRefused(app: Express, path: string, token: string): Promise<void> {
    for (const query of ['', '?project_id=mine']) {
      const { body } = await ask(app, `${path}${query}`, token).expect(403);
      expect(body.code).toBe('agent_not_in_scope');
      expect(body.detail).toContain("{ agent: 'project_id' }");
      expect(body.detail).toContain('app.use');
    }
  }

  describe('names the agent', () => {
    test('on a route whose path has other parameters, or several paths', async () => {
      const { app, guard, answer, token } = await setUp();
      app.get(['/a', '/b/:account_id'], guard(), answer);
      await expectLetIn(app, '/a', token);
      await expectLetIn(app, '/b/1', token);
    });

    test('in a chain of handlers, and for every method of a route', async () => {
      const { app, guard, answer, pass, token } = await setUp();
      app.get('/chain', pass, [guard(), pass], answer);
      app.route('/all').all(guard()).get(answer);
      await expectLetIn(app, '/chain', token);
      await expectLetIn(app, '/all', token);
      await request(app).head('/chain?project_id=mine').set('x-api-key', token).expect(200);
    });

    test('on a route of a router, mounted at nothing, at a text, under other parameters and inside another', async () => {
      const { app, guard, answer, token, Router } = await setUp();
      const inner = Router().get('/conversations', guard(), answer);
      app.use(inner);
      app.use('/v3', inner);
      app.use('/accounts/:account_id', inner);
      app.use('/outer', Router().use('/inner', inner));
      for (const place of ['', '/v3', '/V3', '/accounts/1', '/outer/inner']) {
        await expectLetIn(app, `${place}/conversations`, token);
      }
    });

    test('on a route of a mounted application', async () => {
      const { app, guard, answer, token } = await setUp();
      const inner = express();
      inner.get('/conversations', guard(), answer);
      app.use('/inner', inner);
      await expectLetIn(app, '/inner/conversations', token);
    });
  });

  describe('is not believed', () => {
    test('in app.use, before the route that names the agent in its path', async () => {
      const { app, guard, answer, token, all } = await setUp();
      app.use(guard());
      app.get('/v3/:project_id', answer);
      await expectRefused(app, '/v3/other', token);
      await ask(app, '/v3/other?project_id=mine', all).expect(200);
    });

    test('in app.use, also after a route that has passed the request on, with the same middleware in it', async () => {
      const { app, guard, answer, pass, token } = await setUp();
      const same = guard();
      app.get('/v3/other', (_req, _res, next) => next('route'), same, pass);
      app.use(same);
      app.get('/v3/:project_id', answer);
      await expectRefused(app, '/v3/other', token);
    });

    test('where a segment of the path names the agent, but need not be there', async () => {
      const { app, guard, answer, token } = await setUp();
      app.get(`/v3${optional('project_id')}`, guard(), answer);
      await expectRefused(app, '/v3', token);
      await ask(app, '/v3/mine', token).expect(200);
      await ask(app, '/v3/other?project_id=mine', token).expect(403);
    });

    test('where one of several paths names the agent', async () => {
      const { app, guard, answer, token } = await setUp();
      app.get(['/v3/list', '/v3/:project_id'], guard(), answer);
      await expectRefused(app, '/v3/list', token);
    });

    test('in a router without mergeParams, mounted where the path names the agent', async () => {
      const { app, guard, answer, token, Router } = await setUp();
      app.use('/used/:project_id', Router().use(guard()).get('/conversations', answer));
      app.use('/routed/:project_id', Router().get('/conversations', guard(), answer));
      app.use(`/optional${optional('project_id')}`, Router().get('/conversations', guard(), answer));
      app.use('/deep/:project_id', Router().use('/a', Router().get('/conversations', guard(), answer)));
      app.use('/merged/:project_id', Router({ mergeParams: true }).get('/conversations', guard(), answer));
      for (const place of ['/used/other', '/routed/other', '/optional/other', '/deep/other/a']) {
        await expectRefused(app, `${place}/conversations`, token);
      }
      await ask(app, '/merged/mine/conversations', token).expect(200);
      await ask(app, '/merged/other/conversations?project_id=mine', token).expect(403);
    });

    test('in a router that is mounted at several places, one of which names the agent', async () => {
      const { app, guard, answer, token, Router } = await setUp();
      const router = Router().get('/conversations', guard(), answer);
      app.use('/v3/text', router);
      app.use('/v3/:project_id', router);
      await expectRefused(app, '/v3/text/conversations', token);
    });

    test('in a router whose place cannot be seen', async () => {
      const { app, guard, answer, token, Router } = await setUp();
      const hidden = Router().get('/conversations', guard(), answer);
      app.use('/hidden/:project_id', (req, res, next) => hidden(req, res, next));
      const inner = express();
      inner.get('/conversations', guard(), answer);
      app.use('/inner/:project_id', inner);
      app.use('/router', Router().use('/:project_id', inner));
      app.get('/route/:project_id/conversations', Router().get('/route/:p/conversations', guard(), answer));
      for (const place of ['/hidden/other', '/inner/other', '/router/other', '/route/other']) {
        await expectRefused(app, `${place}/conversations`, token);
      }
    });

    test('on a route that is a gate before others', async () => {
      const { app, guard, answer, pass, token } = await setUp();
      app.all('/gate/:any', guard());
      app.get('/gate/:project_id', answer);
      app.get(`/wild/${wild}`, guard(), pass);
      app.get('/wild/:project_id', answer);
      app.get(/^\/pattern\/.*$/, guard(), pass);
      app.get('/pattern/:project_id', answer);
      app.route('/method/:any').all(guard()).post(answer);
      app.get('/method/:project_id', answer);
      for (const place of ['/gate', '/wild', '/pattern', '/method']) {
        await expectRefused(app, `${place}/other`, token);
      }
    });

    test('behind a function of the route, of which only the developer knows what it does', async () => {
      const { app, guard, answer, token } = await setUp();
      const inner = guard();
      app.get('/wrapped', (req, res, next) => inner(req, res, next), answer);
      await expectRefused(app, '/wrapped', token);
    });

    test('for the workspace either, by any key', async () => {
      const { apiKeys, app, answer, all } = await setUp();
      const guard = () => apiKeys.requireApiKey('conversations', { workspace: 'account_id' });
      app.get('/route', guard(), answer);
      app.use(guard());
      app.get('/v3/:account_id', answer);
      await ask(app, '/route?account_id=default', all).expect(200);
      const { body } = await ask(app, '/v3/other?account_id=default', all).expect(403);
      expect(body.code).toBe('workspace_not_in_scope');
    });

    test('by redactResponse and requireFeature, which then enable nothing', async () => {
      const { apiKeys, app, pass, all } = await setUp();
      await apiKeys.projects.set('mine', { transcript: true, metrics: 'all' });
      const say: RequestHandler = (_req, res) => void res.json({ turns: ['said'] });
      const key = apiKeys.requireApiKey('conversations');
      const redact = () => apiKeys.redactResponse({ project: 'project_id' });
      const feature = () => apiKeys.requireFeature('transcript', { project: 'project_id' });
      app.get('/redacted', key, redact(), say);
      app.get('/gated', key, feature(), say);
      app.use('/used', key, redact(), pass);
      app.get('/used/:project_id', say);
      app.use('/gate', key, feature(), pass);
      app.get('/gate/:project_id', say);
      for (const path of ['/redacted', '/gated']) {
        const { body } = await ask(app, `${path}?project_id=mine`, all).expect(200);
        expect(body).toEqual({ turns: ['said'] });
      }
      expect((await ask(app, '/used/other?project_id=mine', all).expect(200)).body).toEqual({ turns: [] });
      await ask(app, '/gate/other?project_id=mine', all).expect(403);
    });
  });

  test('by a function of the request is as the function says, wherever it stands', async () => {
    const { apiKeys, app, answer, token } = await setUp();
    app.use(apiKeys.requireApiKey('conversations', { agent: (req) => req.query.project_id as string }), answer);
    await expectLetIn(app, '/', token);
    await ask(app, '/?project_id=mine&project_id=mine', token).expect(403);
  });

  test('in a router without an application is not believed, and does no harm', async () => {
    const { guard, answer, token, Router } = await setUp();
    const router = Router().get('/conversations', guard(), answer);
    const server = http.createServer((req, res) => {
      Object.assign(req, { query: { project_id: 'mine' } });
      Object.assign(res, { json: (body: unknown) => res.end(JSON.stringify(body)) });
      router(req as never, res as never, () => res.end());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      await request(`http://127.0.0.1:${port}`).get('/conversations').set('x-api-key', token).expect(403);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
