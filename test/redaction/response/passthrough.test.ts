import type { Request, Response } from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { expresses } from '../../support/express-versions';
import { ask, closeAll, page, redactedPage, SECRET, serve } from './harness';

const PAGE = page();

afterEach(closeAll);

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
