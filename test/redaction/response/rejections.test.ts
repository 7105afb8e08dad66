import { setImmediate as nextRound } from 'node:timers/promises';
import * as zlib from 'node:zlib';
import type { Request, Response } from 'express';
import { KeyscopeError } from '../../../src/errors';
import { expresses } from '../../support/express-versions';
import { ask, bytesOf, closeAll, EVERYTHING, page, redactedPage, SECRET, serve } from './harness';

const PAGE = page();

afterEach(closeAll);

type Handler = (req: Request, res: Response) => unknown;

describe.each(expresses)('%s: bodies that cannot be redacted', (_name, express) => {
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

  const UNKNOWN_TYPES = [
    'text/html',
    'text/plain',
    'text/csv',
    'application/xml',
    'application/octet-stream',
    'application/pdf',
    'audio/mpeg',
    'multipart/form-data; boundary=a',
    'application/jsonx',
    'application/json5',
    'json',
    'application/json/extra',
    '',
    'application/json; charset=utf-16',
    'application/json; charset=shift_jis',
    'application/json; charset=utf-8; charset=utf-16',
    'application/json; charset="utf-7"',
    'text/event-stream; charset=iso-8859-1',
    'application/json, text/html',
  ];

  test.each(UNKNOWN_TYPES)('a body of the type %j is refused in every way of writing', async (type) => {
    const ways: Handler[] = [
      (_req, res) => res.setHeader('Content-Type', type).end(PAGE),
      (_req, res) => {
        res.setHeader('Content-Type', type).write(PAGE);
        res.end();
      },
      (_req, res) => res.writeHead(200, { 'Content-Type': type }).end(PAGE),
    ];
    for (const way of ways) await expectRefused(way);
  });

  test.each(['text/html', 'text/csv'])('a text sent as %s by Express is refused', async (type) => {
    await expectRefused((_req, res) => res.type(type).send(PAGE));
    await expectRefused((_req, res) => res.type(type).json(JSON.parse(PAGE)));
    await expectRefused((_req, res) => res.send(`<p>${SECRET}</p>`));
    await expectRefused((_req, res) => res.send(Buffer.from(SECRET)));
  });

  test.each(['application/json', 'APPLICATION/JSON', 'text/json; charset="UTF-8"', 'application/a.b+json;v=1;q="a;b"'])(
    'a body of the type %j is read',
    async (type) => {
      const served = await answering((_req, res) => res.setHeader('Content-Type', type).end(PAGE));
      expect((await ask(served.url)).text).toBe(redactedPage());
    },
  );

  test.each(['compress', 'gzip, gzip', 'gzip, br', 'zstd-x', 'aes128gcm', 'identity, gzip', 'dcb'])(
    'a body in the coding %j is refused',
    async (coding) => {
      await expectRefused((_req, res) => res.type('json').set('Content-Encoding', coding).end(zlib.gzipSync(PAGE)));
      await expectRefused((_req, res) => res.type('json').set('Content-Encoding', coding).send(zlib.gzipSync(PAGE)));
    },
  );

  test('a body in the coding zstd is decoded where Node can, and refused where it cannot', async () => {
    const { zstdCompressSync } = zlib as unknown as { zstdCompressSync?: (text: string) => Buffer };
    const handler: Handler = (_req, res) =>
      res
        .type('json')
        .set('Content-Encoding', 'zstd')
        .end(zstdCompressSync?.(PAGE) ?? Buffer.from([0x28, 0xb5]));
    if (zstdCompressSync === undefined) {
      await expectRefused(handler);
      return;
    }
    const served = await answering(handler);
    expect((await ask(served.url)).text).toBe(redactedPage());
  });

  test('codings given as a list of headers are refused, and one given as a list of one is read', async () => {
    await expectRefused((_req, res) => res.type('json').set('Content-Encoding', ['gzip', 'gzip']).end('x'));
    const served = await answering((_req, res) =>
      res.type('json').set('Content-Encoding', ['x-gzip']).end(zlib.gzipSync(PAGE)),
    );
    expect((await ask(served.url)).text).toBe(redactedPage());
  });

  test.each([
    'X-Accel-Redirect',
    'X-Sendfile',
    'X-Sendfile2',
    'X-SENDFILE-TEMPORARY',
    'X-LIGHTTPD-send-file',
    'X-LIGHTTPD-send-tempfile',
    'X-LiteSpeed-Location',
    'X-Reproxy-File',
    'X-REPROXY-SERVICE',
    'X-Reproxy-URL',
  ])(
    'the header %s, which has a server in front send something else, is refused and does not leave',
    async (header) => {
      await expectRefused((_req, res) => res.set(header, '/protected/page.json').json({}));
      await expectRefused((_req, res) => res.set(header, '/protected/page.json').end());
    },
  );

  const NOT_JSON: Record<string, string> = {
    'a text': `hello ${SECRET}`,
    'a truncated body': PAGE.slice(0, -1),
    'a body and a text': `${PAGE} and more`,
    'a byte order mark': `\ufeff${PAGE}`,
    'a trailing comma': '{"turns":[1],}',
  };

  test.each(Object.keys(NOT_JSON))('%s that calls itself JSON is refused before its first byte', async (what) => {
    const text = NOT_JSON[what]!;
    await expectRefused((_req, res) => res.type('json').end(text));
    await expectRefused((_req, res) => res.type('json').send(text));
    await expectRefused((_req, res) => res.end(text));
    // A decoded body is a stream: the part before the error may have been sent.
    if (what === 'a truncated body' || what === 'a body and a text') return;
    await expectRefused((_req, res) => res.type('json').set('Content-Encoding', 'gzip').end(zlib.gzipSync(text)));
  });

  test.each(Object.keys(NOT_JSON))('%s that was begun is cut off, and looks it', async (what) => {
    const text = NOT_JSON[what]!;
    const served = await answering(async (_req, res) => {
      res.writeHead(200, { 'Content-Type': 'application/json' });
      res.flushHeaders();
      for (const character of text) {
        res.write(character);
        await nextRound();
      }
      res.end();
    });
    const answer = await ask(served.url).catch((error: NodeJS.ErrnoException) => ({ cut: true, text: error.code }));
    expect(answer.cut).toBe(true);
    expect(answer.text).not.toContain(SECRET);
    expect(served.failures.map(({ code }) => code)).toEqual(['unredactable_response']);
  });

  test('bytes that are not in the coding they claim are refused before the first byte and cut off after it', async () => {
    await expectRefused((_req, res) => res.type('json').set('Content-Encoding', 'gzip').end('no gzip'));
    await expectRefused((_req, res) => {
      const packed = zlib.gzipSync(PAGE);
      res.type('json').set('Content-Encoding', 'gzip').end(packed.subarray(0, 15));
    });
    const served = await answering((_req, res) => {
      const gzip = zlib.createGzip();
      res.type('json').set('Content-Encoding', 'gzip');
      gzip.on('data', (chunk) => res.write(chunk));
      gzip.write(PAGE.slice(0, 300));
      gzip.flush(() => res.end('damaged'));
    });
    const answer = await ask(served.url);
    expect(answer.cut).toBe(true);
    expect(answer.text).not.toContain(SECRET);
  });

  test('the head of the refused answer is gone, other headers stay', async () => {
    const served = await answering((_req, res) => {
      res.set({
        ETag: '"1"',
        'Content-Disposition': 'attachment; filename=a.csv',
        'X-Correlation-Id': 'c1',
        Location: '/x',
      });
      res.set({ 'Content-Length': '5', 'Content-Encoding': 'br', 'Access-Control-Allow-Origin': '*' });
      res.writeHead(200, 'All Fine', { 'Content-Type': 'text/csv' });
      res.end(SECRET);
    });
    const { headers } = await ask(served.url);
    expect(headers).toMatchObject({ 'x-correlation-id': 'c1', 'access-control-allow-origin': '*' });
    for (const name of ['etag', 'content-disposition', 'content-encoding', 'location']) {
      expect(headers).not.toHaveProperty(name);
    }
    const bytes = await bytesOf(served.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect(bytes).toMatch(/^HTTP\/1\.1 500 Internal Server Error\r\n/);
  });

  test('later writes of the handler are discarded, and their callbacks receive the error', async () => {
    const called: unknown[] = [];
    const served = await answering((_req, res) => {
      res.type('csv');
      res.write(SECRET, (error) => called.push(['write', error]));
      res.write(SECRET, 'utf8', (error) => called.push(['write', error]));
      res.end(SECRET, () => called.push(['end']));
      res.end(() => called.push(['end']));
    });
    const bytes = await bytesOf(served.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect(bytes).not.toContain(SECRET);
    expect(bytes.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(called.sort()).toEqual([
      ['end'],
      ['end'],
      ['write', expect.any(KeyscopeError)],
      ['write', expect.any(KeyscopeError)],
    ]);
  });

  test('HEAD of a type that cannot be redacted is refused like GET', async () => {
    const served = await answering((_req, res) => res.type('csv').end());
    const head = await ask(served.url, { method: 'HEAD' });
    expect([head.status, head.text]).toEqual([500, '']);
  });

  test('a body of any type passes through when the project has everything enabled', async () => {
    const served = await answering((_req, res) => res.type('csv').end('a,b'), { features: () => EVERYTHING });
    const answer = await ask(served.url);
    expect([answer.status, answer.text]).toEqual([200, 'a,b']);
  });

  describe('an empty body', () => {
    test.each(['text/csv', 'text/html', 'application/json', undefined])(
      'an empty body of the type %s is sent',
      async (type) => {
        const served = await answering((_req, res) => {
          if (type) res.type(type);
          res.end();
        });
        const answer = await ask(served.url);
        expect([answer.status, answer.headers['content-length']]).toEqual([200, '0']);
      },
    );
  });

  describe('the error response', () => {
    const envelope = (error: KeyscopeError, res: Response): unknown =>
      res.status(error.status).type('json').json({ success: false, error_code: error.code.toUpperCase() });

    test('an error response is sent as JSON; of any other body, only the status is kept', async () => {
      const page = (_error: unknown, res: Response): unknown => res.status(503).send('<h1>Sorry</h1>');
      for (const answer of [envelope, page]) {
        const served = await answering((_req, res) => res.type('csv').send(SECRET), {
          deps: { fail: (error, _req, res) => void answer(error, res) },
        });
        const { status, text } = await ask(served.url);
        if (answer === envelope) expect(text).toBe('{"success":false,"error_code":"UNREDACTABLE_RESPONSE"}');
        else expect(JSON.parse(text)).toMatchObject({ status: 503, code: 'unredactable_response' });
        expect(status).toBe(answer === page ? 503 : 500);
      }
    });

    test('an error response is redacted', async () => {
      const served = await serve(
        express,
        (app, redact) => {
          app.get('/', redact(), (_req, res) => void res.type('csv').send(SECRET));
          app.get('/begun', redact(), (_req, res) => {
            res.type('csv').flushHeaders();
          });
          app.use(((error: KeyscopeError, _req, res, _next) => {
            res.status(500).json({ code: error.code, turns: [SECRET], metrics: { A: SECRET } });
          }) as import('express').ErrorRequestHandler);
        },
        { deps: { fail: (error, _req, _res, next) => next(error) } },
      );
      const expected = '{"code":"unredactable_response","turns":[],"metrics":{}}';
      expect((await ask(served.url)).text).toBe(expected);
      expect((await ask(`${served.url}/begun`)).text).toBe(expected);
    });

    test('next() runs the next handler, whose response is redacted', async () => {
      const served = await serve(
        express,
        (app, redact) => {
          app.get('/', redact(), (_req, res) => void res.type('csv').send(SECRET));
          app.get('/', (_req, res) => void res.json({ turns: [SECRET] }));
        },
        { deps: { fail: (_error, _req, _res, next) => next() } },
      );
      expect((await ask(served.url)).text).toBe('{"turns":[]}');
    });

    test('next(error) runs the error handlers of the application', async () => {
      const served = await serve(
        express,
        (app, redact) => {
          app.get('/', redact(), (_req, res) => void res.type('csv').send(SECRET));
          app.use(((error: KeyscopeError, _req, res, _next) => {
            envelope(error, res);
          }) as import('express').ErrorRequestHandler);
        },
        { deps: { fail: (error, _req, _res, next) => next(error) } },
      );
      expect((await ask(served.url)).text).toBe('{"success":false,"error_code":"UNREDACTABLE_RESPONSE"}');
    });

    test('an error response with JSON may be sent later', async () => {
      const served = await answering((_req, res) => res.type('csv').send(SECRET), {
        deps: { fail: (error, _req, res) => void setImmediate(() => envelope(error, res)) },
      });
      expect((await ask(served.url)).text).toBe('{"success":false,"error_code":"UNREDACTABLE_RESPONSE"}');
    });
  });

  test('a wrapper of end that was mounted after redactResponse changes nothing', async () => {
    const served = await serve(express, (app, redact) => {
      app.get(
        '/',
        redact(),
        (_req, res, next) => {
          const { end } = res;
          res.end = function logged(this: Response, ...args: unknown[]) {
            return Reflect.apply(end, this, args);
          } as Response['end'];
          next();
        },
        (req, res) => {
          if (req.query.way === 'json') res.json(JSON.parse(PAGE));
          else res.type('csv').send(SECRET);
        },
      );
    });
    expect((await ask(`${served.url}/?way=json`)).text).toBe(JSON.stringify(JSON.parse(redactedPage())));
    expect((await ask(served.url)).status).toBe(500);
  });
});
