import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import { ask, CONVERSATION, type GuardedApp, REDACTED, SECRET, startApp } from './guarded-app';

const hono = new Hono();
for (const mode of ['plain', 'on', 'off']) {
  const routes = hono.basePath(`/${mode}`);
  routes.get('/json', (c) => c.json(CONVERSATION));
  routes.get('/later', async (c) => {
    await new Promise((resolve) => setImmediate(resolve));
    return c.json(CONVERSATION);
  });
  routes.get('/text', (c) => c.text('plain text', 404));
  routes.get('/body', (c) => c.body(JSON.stringify(CONVERSATION), 200, { 'Content-Type': 'application/json' }));
  routes.get('/events', (c) =>
    streamSSE(c, async (stream) => {
      for (let id = 0; id < 3; id++) await stream.writeSSE({ data: JSON.stringify(CONVERSATION), id: String(id) });
    }),
  );
  routes.get('/empty', (c) => c.body(null, 204));
  routes.get('/redirect', (c) => c.redirect('/elsewhere'));
  routes.get('/throws', () => {
    throw new Error('broken');
  });
}
hono.onError((_error, c) => c.text('Internal Server Error', 500));

const PATHS = ['/json', '/later', '/text', '/body', '/events', '/empty', '/redirect', '/throws', '/missing'];

describe.each([
  ['with its defaults', {}],
  ['without its global objects', { overrideGlobalObjects: false }],
])('Hono mounted on Express %s', (_name, options) => {
  let app: GuardedApp;

  beforeAll(async () => {
    const listener = getRequestListener(hono.fetch, options);
    app = await startApp(({ app, path, guards }) => {
      app.use(path, ...guards, (req, res) => {
        req.url = req.originalUrl;
        return listener(req, res);
      });
    });
  });
  afterAll(() => app.close());

  const get = (mode: 'plain' | 'on' | 'off', path: string) => ask(`${app.url(mode)}${path}`, { headers: app.headers });

  test.each(PATHS)('%s is answered as without keyscope when everything is enabled', async (path) => {
    expect(await get('on', path)).toEqual(await get('plain', path));
  });

  test.each(['/json', '/later', '/body'])('%s is redacted when nothing is enabled', async (path) => {
    const { status, body } = await get('off', path);
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual(REDACTED);
  });

  test('an event stream is redacted when nothing is enabled', async () => {
    const { body } = await get('off', '/events');
    expect(body).not.toContain(SECRET);
    expect(body.match(/"turns":\[\]/g)).toHaveLength(3);
  });

  test.each(['/text', '/empty', '/redirect', '/throws', '/missing'])(
    '%s keeps its status when nothing is enabled',
    async (path) => {
      expect((await get('off', path)).status).toBe((await get('plain', path)).status);
    },
  );
});
