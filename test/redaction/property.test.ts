import type { Express, Response } from 'express';
import request from 'supertest';

const permissions = { conversations: { label: 'Conversations' } };

/** The package as it is where the Express beside it sends JSON on a way of its own. */
async function besideBypassingExpress(): Promise<{ keyscope: typeof import('keyscope'); express: () => Express }> {
  const express = jest.requireActual<() => Express>('express');
  function bypassing(): Express {
    const app = express();
    app.response.json = function detour(this: Response, body: unknown) {
      this.socket?.end(`HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${JSON.stringify(body)}`);
      return this;
    } as Response['json'];
    return app;
  }
  jest.resetModules();
  jest.doMock('express', () => bypassing);
  return { keyscope: await import('keyscope'), express };
}

afterEach(() => {
  jest.dontMock('express');
  jest.resetModules();
});

test('an application does not start where Express lets responses past the redaction', async () => {
  const { keyscope } = await besideBypassingExpress();
  const apiKeys = keyscope.createApiKeys({ permissions });
  for (let time = 0; time < 2; time++) {
    await expect(apiKeys.ready()).rejects.toMatchObject({
      code: 'invalid_options',
      message: expect.stringContaining('res.json(object)'),
    });
  }
});

test('one that does not wait for ready() lets no handler of such a route run, and answers 500', async () => {
  const { keyscope, express } = await besideBypassingExpress();
  const apiKeys = keyscope.createApiKeys({ permissions });
  const { token } = await apiKeys.keys.create({ name: 'k', agents: 'all', permissions: ['conversations'] });
  const app = express();
  const handled: string[] = [];
  app.get('/redacted', apiKeys.requireApiKey(), apiKeys.redactResponse(), (req, res) => {
    handled.push(req.path);
    res.json({});
  });
  app.get('/other', apiKeys.requireApiKey(), (_req, res) => void res.json({}));
  for (let time = 0; time < 2; time++) {
    await request(app).get('/redacted').set('x-api-key', token).expect(500);
  }
  expect(handled).toEqual([]);
  await request(app).get('/other').set('x-api-key', token).expect(200);
});

test('one beside an Express that can be trusted starts, and answers its first request also without', async () => {
  const { createApiKeys } = await import('keyscope');
  const express = jest.requireActual<() => Express>('express');
  await createApiKeys({ permissions }).ready();
  const apiKeys = createApiKeys({ permissions });
  const { token } = await apiKeys.keys.create({ name: 'k', agents: 'all', permissions: ['conversations'] });
  const app = express();
  app.get('/', apiKeys.requireApiKey(), apiKeys.redactResponse(), (_req, res) => void res.json({ turns: ['said'] }));
  expect((await request(app).get('/').set('x-api-key', token).expect(200)).body).toEqual({ turns: [] });
});
