import http from 'node:http';
import { gzipSync } from 'node:zlib';
import type { RequestHandler } from 'express';
import expressHttpProxy from 'express-http-proxy';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { listen } from '../redaction/response/harness';
import { ask, CONVERSATION, type GuardedApp, type Mode, REDACTED, startApp } from './guarded-app';

const TEXT = JSON.stringify(CONVERSATION);

const upstreamServer = http.createServer((req, res) => {
  const path = req.url!.slice(req.url!.lastIndexOf('/'));
  const answers: Record<string, () => void> = {
    '/json': () => void res.writeHead(200, { 'Content-Type': 'application/json', ETag: '"v1"' }).end(TEXT),
    '/gzip': () =>
      void res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' }).end(gzipSync(TEXT)),
    '/sized': () =>
      void res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': TEXT.length }).end(TEXT),
    '/busy': () =>
      void res.writeHead(503, { 'Content-Type': 'text/html', 'Retry-After': '5' }).end('<h1>503 nginx</h1>'),
    '/limited': () => void res.writeHead(429, { 'Content-Type': 'text/plain' }).end('Slow down.'),
    '/empty': () => void res.writeHead(204).end(),
    '/away': () => void res.writeHead(302, { Location: '/elsewhere' }).end(),
    '/missing': () => void res.writeHead(404).end(),
    '/silent': () => {},
    '/cut': () => void res.destroy(),
  };
  (answers[path] ?? answers['/missing']!)();
});
let target: string;

beforeAll(async () => {
  target = `http://127.0.0.1:${await listen(upstreamServer)}`;
});
afterAll(async () => {
  upstreamServer.closeAllConnections();
  await new Promise((resolve) => upstreamServer.close(resolve));
});

const PROXIES: Record<string, (timeout: number) => RequestHandler> = {
  'express-http-proxy': (timeout) => expressHttpProxy(target, { timeout }),
  'http-proxy-middleware': (proxyTimeout) => createProxyMiddleware({ target, changeOrigin: true, proxyTimeout }),
};
/** Of the one path that never answers, and of all others: these must not time out on a busy machine. */
const TIMEOUTS = { silent: 100, other: 30_000 };

const PATHS = ['/json', '/gzip', '/sized', '/busy', '/limited', '/empty', '/away', '/missing', '/silent', '/cut'];

describe.each(Object.entries(PROXIES))('%s', (_name, createProxy) => {
  let app: GuardedApp;

  beforeAll(async () => {
    const [impatient, patient] = [createProxy(TIMEOUTS.silent), createProxy(TIMEOUTS.other)];
    const proxy: RequestHandler = (req, res, next) => (req.path === '/silent' ? impatient : patient)(req, res, next);
    app = await startApp(({ app, path, guards }) => app.use(path, ...guards, proxy));
  });
  afterAll(() => app.close());

  const get = (mode: Mode, path: string) => ask(`${app.url(mode)}${path}`, { headers: app.headers });

  test.each(PATHS)('%s is answered as without keyscope when everything is enabled', async (path) => {
    const result = (mode: Mode) => get(mode, path).catch((error: Error) => error.message);
    expect(await result('on')).toEqual(await result('plain'));
  });

  test.each(['/json', '/gzip', '/sized'])('%s is redacted when nothing is enabled', async (path) => {
    const { status, body } = await get('off', path);
    expect({ status, body: JSON.parse(body) }).toEqual({ status: 200, body: REDACTED });
  });

  test.each(['/busy', '/limited', '/empty', '/away', '/missing', '/silent'])(
    '%s keeps its status when nothing is enabled',
    async (path) => {
      expect((await get('off', path)).status).toBe((await get('plain', path)).status);
    },
  );
});
