import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Application, NextFunction, Request, Response } from 'express';
import { expresses } from '../../support/express-versions';
import { type Answer, type Ask, ask, closeAll, SECRET, serve } from './harness';

const folder = mkdtempSync(join(tmpdir(), 'keyscope-'));
mkdirSync(join(folder, 'a b'));

afterEach(closeAll);
afterAll(() => rmSync(folder, { recursive: true }));

type Handler = (req: Request, res: Response, next: NextFunction) => unknown;

/** Sends a status with `Retry-After` and a body that is no JSON. */
const ways: Record<string, (res: Response, status: number, text: string) => unknown> = {
  send: (res, status, text) => res.status(status).set('Retry-After', '7').send(text),
  'send of a type': (res, status, text) => res.status(status).set('Retry-After', '7').type('text').send(text),
  'send of bytes': (res, status, text) => res.status(status).set('Retry-After', '7').send(Buffer.from(text)),
  'end without a type': (res, status, text) => res.status(status).set('Retry-After', '7').end(text),
  'writeHead and end': (res, status, text) =>
    res.writeHead(status, { 'Content-Type': 'text/html', 'Retry-After': '7', 'Content-Length': text.length }).end(text),
  'writeHead without a type and end': (res, status, text) => res.writeHead(status, { 'Retry-After': '7' }).end(text),
  'writeHead, write and end': (res, status, text) => {
    res.writeHead(status, { 'Content-Type': 'text/plain', 'Retry-After': '7' }).write(text.slice(0, 3));
    res.end(text.slice(3));
  },
  'flushHeaders and writes': (res, status, text) => {
    res.status(status).set({ 'Content-Type': 'text/plain', 'Retry-After': '7' }).flushHeaders();
    setImmediate(() => res.write(text.slice(0, 3)) && res.end(text.slice(3)));
  },
};

describe.each(expresses)('%s: errors of a project with something disabled', (_name, express) => {
  async function answer(build: Handler | ((app: Application) => void), path = '/', request: Ask = {}): Promise<Answer> {
    const served = await serve(express, (app, redact) => {
      app.use(redact());
      if (build.length === 1) (build as (app: Application) => void)(app);
      else app.get('/', (req, res, next) => void (build as Handler)(req, res, next));
    });
    const response = await ask(served.url + path, request);
    expect(served.failures).toEqual([]);
    return response;
  }

  describe.each(Object.entries(ways))('%s', (_way, send) => {
    test.each([400, 401, 403, 404, 405, 409, 429, 500, 502, 503, 504])(
      'the status %i and Retry-After are kept, and the body is replaced',
      async (status) => {
        const response = await answer((_req, res, _next) => send(res, status, `Not here: ${SECRET}`));
        expect(response).toMatchObject({ status, cut: false });
        expect(response.headers).toMatchObject({
          'retry-after': '7',
          'content-type': 'application/problem+json; charset=utf-8',
        });
        expect(JSON.parse(response.text)).toMatchObject({ status, code: 'unredactable_response' });
        expect(response.text).not.toContain(SECRET);
      },
    );
  });

  test.each([
    ['send', (res: Response) => res.send()],
    ['end', (res: Response) => res.end()],
    ['end with a type', (res: Response) => res.type('csv').end()],
    ['writeHead with a type', (res: Response) => res.writeHead(res.statusCode, { 'Content-Type': 'text/plain' }).end()],
    ['writeHead without a type', (res: Response) => res.writeHead(res.statusCode).end()],
    ['flushHeaders', (res: Response) => res.type('html').flushHeaders() ?? res.end()],
  ])('an empty error keeps its status and stays empty: %s', async (_way, send) => {
    for (const status of [400, 404, 429, 500, 504]) {
      const response = await answer((_req, res, _next) => void send(res.status(status).set('Retry-After', '7')));
      expect(response).toMatchObject({ status, text: '', cut: false });
      expect(response.headers['retry-after']).toBe('7');
    }
  });

  describe('texts of Express, Node and their packages', () => {
    const PATHS = ['/missing', '/a%20b', '/%C3%A9', "/it's", '/a&b', '/a;b=1,2', '/"<x>', '/a%2Fb', '/a|b', '/?a=<b>'];

    test.each(PATHS)('a 404 of the path %s keeps its text', async (path) => {
      for (const method of ['GET', 'POST', 'DELETE']) {
        const plain = express();
        const expected = await withoutRedaction(plain, path, { method });
        const response = await answer((_app: Application) => {}, path, { method });
        expect([response.status, response.text]).toEqual([404, expected.text]);
      }
    });

    test('a 404 of a path with a stray percent sign keeps its status', async () => {
      expect((await answer((_app: Application) => {}, '/%')).status).toBe(404);
    });

    async function withoutRedaction(app: Application, path: string, request: Ask): Promise<Answer> {
      const served = await serve((() => app) as never, () => {});
      return ask(served.url + path, request);
    }

    test('an automatic OPTIONS, and one of cors, are answered as without redaction', async () => {
      const build = (app: Application): void => {
        app.get('/a', (_req, res) => void res.json({}));
        app.post('/a', (_req, res) => void res.json({}));
        app.options('/cors', (_req, res) => {
          res.set({ 'Access-Control-Allow-Origin': '*', 'Content-Length': '0' }).status(204).end();
        });
      };
      for (const path of ['/a', '/cors']) {
        const plain = express();
        build(plain);
        const expected = await withoutRedaction(plain, path, { method: 'OPTIONS' });
        const response = await answer(build, path, { method: 'OPTIONS' });
        expect([response.status, response.text]).toEqual([expected.status, expected.text]);
        expect(response.headers).toMatchObject(
          Object.fromEntries(Object.entries(expected.headers).filter(([name]) => /^(?:allow|access)/.test(name))),
        );
      }
    });

    test.each(['test', 'production'])('errors of next(error) keep their status and headers in %s', async (env) => {
      for (const [status, headers] of [
        [400, {}],
        [404, {}],
        [413, {}],
        [429, { 'Retry-After': '9' }],
        [503, {}],
      ] as const) {
        const response = await answer((app: Application) => {
          app.set('env', env);
          app.get('/', (_req, _res, next) => {
            next(Object.assign(new Error(`${SECRET} is wrong`), { status, headers }));
          });
        });
        expect(response.status).toBe(status);
        expect(response.text).not.toContain(SECRET);
        if (status === 429) expect(response.headers['retry-after']).toBe('9');
      }
    });

    test('an invalid body and a missing file keep the status that their middleware gives them', async () => {
      const build = (app: Application): void => {
        app.set('env', 'test');
        app.post('/', express.json(), (_req, res) => void res.json({}));
        app.get('/file', (_req, res) => res.sendFile(join(folder, 'missing')));
      };
      const json = { 'content-type': 'application/json' };
      expect((await answer(build, '/', { method: 'POST', headers: json, body: '{"a":' })).status).toBe(400);
      expect((await answer(build, '/file')).status).toBe(404);
    });

    test.each(['/files/a%20b', '/files/a%20b?x=1'])('the redirect of serve-static is sent: %s', async (path) => {
      const response = await answer((app: Application) => app.use('/files', express.static(folder)), path);
      expect([response.status, response.headers.location]).toEqual([301, path.replace('b', 'b/')]);
      expect(response.text).toContain('Redirecting');
    });

    test.each([301, 302, 303, 307, 308])('a redirect with %i is sent in each form', async (status) => {
      for (const accept of ['text/html', 'text/plain', 'application/json', '*/*']) {
        const response = await answer((_req, res, _next) => res.redirect(status, '/b?c="<d>"&e=é'), '/', {
          headers: { accept },
        });
        expect([response.status, response.headers.location]).toEqual([status, '/b?c=%22%3Cd%3E%22&e=%C3%A9']);
      }
    });
  });
});
