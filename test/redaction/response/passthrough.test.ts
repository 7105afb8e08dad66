import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Application, Request, Response } from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { expresses } from '../../support/express-versions';
import { ask, closeAll, page, redactedPage, SECRET, serve } from './harness';

const PAGE = page();
const folder = mkdtempSync(join(tmpdir(), 'keyscope-'));
const FILE = join(folder, 'file.wav');
writeFileSync(FILE, `RIFF ${SECRET}`);

afterEach(closeAll);
afterAll(() => rmSync(folder, { recursive: true }));

type Handler = (req: Request, res: Response) => unknown;

describe.each(expresses)('%s: bodies that pass through', (_name, express) => {
  async function answering(handler: Handler, options: Parameters<typeof serve>[2] = {}) {
    return serve(
      express,
      (app, redact) =>
        app.get('/', redact({ passthrough: ['audio/wav', 'image/*'] }), (req, res) => void handler(req, res)),
      options,
    );
  }

  async function expectRefused(handler: Handler): Promise<void> {
    const served = await answering(handler);
    const answer = await ask(served.url);
    expect(answer.status).toBe(500);
    expect(answer.cut).toBe(false);
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(JSON.parse(answer.text)).toMatchObject({ code: 'unredactable_response', status: 500 });
    expect(answer.text).not.toContain(SECRET);
    expect(served.failures).toHaveLength(1);
  }

  describe('known texts', () => {
    const texts: Record<string, [Handler, number, string | RegExp]> = {
      'of sendStatus': [(_req, res) => res.sendStatus(404), 404, 'Not Found'],
      'of a redirect': [(_req, res) => res.redirect('/login?a=1&b=<x>'), 302, /^Found\. Redirecting to \/login/],
      'of a redirect with a status': [
        (_req, res) => res.redirect(301, '/a'),
        301,
        'Moved Permanently. Redirecting to /a',
      ],
      'of a page that is missing': [(req, _res) => req.next!(), 404, /<pre>Cannot GET \/<\/pre>/],
    };

    test.each(Object.keys(texts))('%s', async (name) => {
      const [handler, status, text] = texts[name]!;
      const served = await answering(handler);
      const answer = await ask(served.url, { headers: { accept: 'text/plain' } });
      expect(answer.status).toBe(status);
      expect(answer.text).toMatch(text);
    });

    test('the text of a redirect passes through as HTML', async () => {
      const served = await answering((_req, res) => res.redirect('/login?a=1&b=2'));
      const answer = await ask(served.url, { headers: { accept: 'text/html' } });
      expect([answer.status, answer.headers.location]).toEqual([302, '/login?a=1&b=2']);
      expect(answer.text).toContain('Redirecting to /login?a=1&amp;b=2');
    });

    test('the text of a proxy without an upstream keeps its status', async () => {
      const served = await serve(express, (app, redact) => {
        app.use(redact(), createProxyMiddleware({ target: 'http://127.0.0.1:9' }));
      });
      const answer = await ask(`${served.url}/v3/x?a=1`);
      expect(answer.status).toBe(504);
      expect(answer.text).toMatch(/^Error occurred while trying to proxy: 127\.0\.0\.1:\d+\/v3\/x\?a=1$/);
    });

    test('another text of an error is replaced by a problem document with the same status', async () => {
      const handlers: [Handler, number][] = [
        [(_req, res) => res.status(404).send(`Not Found ${SECRET}`), 404],
        [(_req, res) => res.status(404).send('OK'), 404],
        [(req, _res) => req.next!(new Error(SECRET)), 500],
        [(req, _res) => req.next!(Object.assign(new Error(SECRET), { status: 403 })), 403],
        [
          (_req, res) => {
            res.status(404).type('text').write('Not ');
            res.end('Found');
          },
          404,
        ],
      ];
      for (const [handler, status] of handlers) {
        const served = await answering(handler);
        const answer = await ask(served.url);
        expect(answer.text).not.toContain(SECRET);
        expect([answer.status, JSON.parse(answer.text)]).toMatchObject([
          status,
          { status, code: 'unredactable_response' },
        ]);
        expect(served.failures).toEqual([]);
      }
    });

    test('another text of a success is rejected', async () => {
      await expectRefused((_req, res) => res.send(`OK ${SECRET}`));
      await expectRefused((_req, res) => res.status(302).set('Location', '/a').send('Found. Redirecting to /b'));
    });
  });

  describe('passthrough', () => {
    const WAV = Buffer.from(`RIFF ${SECRET}`);

    test.each(['audio/wav', 'AUDIO/WAV; codec=1', 'image/png'])('%s leaves as it is', async (type) => {
      const served = await answering((req, res) => {
        res.set({ 'Content-Type': type, ETag: '"a"', 'Last-Modified': 'x', 'Content-Length': String(WAV.length) });
        if (req.query.way === 'write') {
          res.write(WAV.subarray(0, 4));
          res.end(WAV.subarray(4));
        } else res.end(WAV);
      });
      for (const path of ['/', '/?way=write']) {
        const { body, headers } = await ask(served.url + path);
        expect(body).toEqual(WAV);
        expect(headers).toMatchObject({ etag: '"a"', 'last-modified': 'x', 'content-length': String(WAV.length) });
        expect(headers).toMatchObject({ 'cache-control': 'private', vary: 'x-api-key' });
        expect(headers).not.toHaveProperty('redacted');
      }
    });

    test.each([
      {},
      { range: 'bytes=0-3' },
      { range: 'bytes=5-' },
      { range: 'bytes=0-1,3-4' },
      { range: 'bytes=99-' },
      { range: 'items=0-1' },
      { 'if-none-match': 'TAG' },
      { 'if-none-match': '*' },
      { 'if-none-match': '"other"' },
      { 'if-modified-since': 'DATE' },
      { 'if-unmodified-since': 'Thu, 01 Jan 1970 00:00:01 GMT' },
      { 'if-match': '"other"' },
      { range: 'bytes=0-3', 'if-range': 'TAG' },
      { range: 'bytes=0-3', 'if-range': '"other"' },
    ])('a file is sent as without redaction when the request has %j', async (conditions) => {
      const build = (app: Application): void => {
        app.get('/file.wav', (_req, res) => res.sendFile(FILE));
        app.use('/files', express.static(folder));
      };
      const served = await serve(express, (app, redact) => {
        // Its error pages have no stack traces.
        app.set('env', 'production');
        app.use('/plain', ((inner) => build(inner) ?? inner)(express().set('env', 'production')));
        app.use(redact({ passthrough: ['audio/*'] }));
        build(app);
      });
      for (const path of ['/file.wav', '/files/file.wav']) {
        const { headers } = await ask(`${served.url}/plain${path}`);
        const given = Object.fromEntries(
          Object.entries(conditions).map(([name, value]) => [
            name,
            value === 'TAG' ? headers.etag : value === 'DATE' ? headers['last-modified'] : value,
          ]),
        );
        for (const method of ['GET', 'HEAD']) {
          const seen = async (url: string) => {
            const { status, headers, text, cut } = await ask(url, { method, headers: given });
            const { date: _date, vary: _vary, 'cache-control': _caching, redacted, ...others } = headers;
            // An error is no file.
            if (status < 400) expect(redacted).toBeUndefined();
            const boundary = /<?[0-9a-f]{8,}|boundary=\S+/g;
            return [status, cut, JSON.stringify(others).replace(boundary, ''), text.replace(boundary, '')];
          };
          const expected = await seen(`${served.url}/plain${path}`);
          // The head of an error page is not that of the file.
          if (method === 'GET' || Number(expected[0]) < 400) expect(await seen(served.url + path)).toEqual(expected);
        }
      }
    });

    test('passthrough keeps trailers that identify the body', async () => {
      for (const pieces of [1, 2]) {
        const served = await answering((_req, res) => {
          res.set({ 'Content-Type': 'audio/wav', Trailer: 'Content-MD5' });
          res.addTrailers({ 'Content-MD5': 'abc' });
          if (pieces === 2) res.write(WAV.subarray(0, 4));
          res.end(WAV.subarray(pieces === 2 ? 4 : 0));
        });
        const { body, trailers } = await ask(served.url);
        expect(body).toEqual(WAV);
        expect(trailers).toEqual({ 'content-md5': 'abc' });
      }
    });

    test('passthrough keeps any content coding', async () => {
      const served = await answering((_req, res) => {
        res.setHeader('Content-Type', 'audio/wav').setHeader('Content-Encoding', 'compress').end(WAV);
      });
      const answer = await ask(served.url);
      expect(answer.headers).toMatchObject({ 'content-encoding': 'compress', 'content-length': String(WAV.length) });
    });

    test('passthrough does not apply to types like those listed', async () => {
      for (const type of ['audio/wave', 'audio/wav2', 'xaudio/wav', 'imagex/png']) {
        await expectRefused((_req, res) => res.setHeader('Content-Type', type).end(WAV));
      }
    });

    test('passthrough never applies to JSON: a wildcard does not include it, and naming it throws at start', async () => {
      const served = await serve(express, (app, redact) => {
        app.get('/', redact({ passthrough: ['application/*', 'text/*'] }), (req, res) => {
          res.setHeader('Content-Type', String(req.query.type)).end(PAGE);
        });
        for (const type of ['application/json', 'application/x-ndjson', 'text/event-stream', 'application/hal+json']) {
          expect(() => redact({ passthrough: [type] })).toThrow(`passthrough names ${type}`);
        }
      });
      expect((await ask(`${served.url}/?type=application/json`)).text).toBe(redactedPage());
      expect((await ask(`${served.url}/?type=application/pdf`)).text).toBe(PAGE);
      expect((await ask(`${served.url}/?type=text/html`)).text).toBe(PAGE);
    });
  });
});
