import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as nextRound } from 'node:timers/promises';
import compression from 'compression';
import type { ErrorRequestHandler, Response } from 'express';
import type { RedactDeps } from '../../../src/redaction/response';
import { deferred } from '../../support/deferred';
import { expresses } from '../../support/express-versions';
import { ask, bytesOf, closeAll, SECRET, type Served, serve } from './harness';

type Fail = RedactDeps['fail'];

const envelope: Fail = (error, _req, res) => void res.status(error.status).json({ ok: false, error: error.code });

/** Who sends the error response: `onError` or the error handlers of the application, at once or later. */
const RESPONDERS: Record<string, Fail | undefined> = {
  'no onError': undefined,
  'an onError that responds at once': envelope,
  'an onError that responds after a look-up': async (...args) => {
    for (let i = 0; i < 5; i++) await nextRound();
    envelope(...args);
  },
  'an onError that writes in pieces later': async (_error, _req, res) => {
    for (let i = 0; i < 5; i++) await nextRound();
    res.status(500).type('json').write('{"ok":');
    await nextRound();
    res.end('false}');
  },
  'next(error)': (error, _req, _res, next) => next(error),
  'next(error) after a look-up': async (error, _req, _res, next) => {
    for (let i = 0; i < 5; i++) await nextRound();
    next(error);
  },
};

const turn = `{"role":"user","text":"${SECRET}"}`;

/** Bodies in pieces, whose first piece cannot be redacted. Pieces that follow are JSON without a configured name. */
const BODIES: Record<string, readonly [type: string, pieces: readonly (string | Buffer)[]]> = {
  'a CSV body': ['text/csv', ['id,text\n', `[${turn}]`, turn]],
  'bytes of no type': ['application/octet-stream', [turn, turn]],
  'an object that is nested too deeply': ['application/json', ['{"a":'.repeat(1100), `[${turn}]`, '}'.repeat(1100)]],
  'a byte order mark': ['application/json', ['\ufeff', `{"turns":[${turn}]}`]],
  'invalid UTF-8': ['application/json', [Buffer.from([0x22, 0xff]), `[${turn}]`, turn]],
  'a string with JSON': ['application/json', ['{"conversations":["{\\"turns\\":1}"', `,${turn}`, ']}']],
  'two values without a separator': ['application/json', ['{}x', turn, turn]],
};

/** Ways of writing in pieces. */
const WRITERS: Record<string, (res: Response, pieces: readonly (string | Buffer)[]) => unknown> = {
  'write in a loop': (res, pieces) => {
    for (const piece of pieces) res.write(piece);
    res.end();
  },
  'write with pauses': async (res, pieces) => {
    for (const piece of pieces) {
      res.write(piece);
      await nextRound();
    }
    res.end(pieces.at(-1));
  },
  'write that waits for its callback': async (res, pieces) => {
    for (const piece of pieces) await new Promise<void>((resolve) => res.write(piece, () => resolve()));
    await new Promise<void>((resolve) => res.end(() => resolve()));
  },
  pipe: (res, pieces) => Readable.from(pieces).pipe(res),
  pipeline: (res, pieces) => pipeline(Readable.from(pieces), res).catch(() => {}),
  'write, then json, send and end': async (res, pieces) => {
    res.write(pieces[0]);
    await nextRound();
    res.json([SECRET]);
    res.send(SECRET);
    res.end(SECRET);
    res.end(SECRET);
  },
};

/** Outcome of one request: what its handler was given and threw. */
interface Outcome {
  readonly errors: unknown[];
  readonly thrown: unknown[];
}

describe.each(expresses)('%s', (_version, express) => {
  describe.each(Object.entries(RESPONDERS))('%s', (_responder, fail) => {
    let outcome: Outcome;
    let served: Served;

    beforeAll(async () => {
      served = await serve(
        express,
        (app, redact) => {
          app.get('/:writer/:body', redact(), (req, res) => {
            const { errors, thrown } = outcome;
            const [type, pieces] = BODIES[String(req.params.body)]!;
            res.emit = function emit(this: Response, event: string, ...args: unknown[]) {
              if (event === 'error') errors.push(args[0]);
              return Reflect.apply(Object.getPrototypeOf(this).emit, this, [event, ...args]);
            } as Response['emit'];
            res.type(type);
            Promise.resolve()
              .then(() => WRITERS[String(req.params.writer)]!(res, pieces))
              .catch((error) => thrown.push(error));
          });
          app.use(((error, _req, res, _next) => {
            res.status(error.status).json({ ok: false, error: error.code });
          }) satisfies ErrorRequestHandler);
        },
        fail && { deps: { fail } },
      );
    });
    afterAll(closeAll);

    describe.each(Object.keys(WRITERS))('%s', (writer) => {
      test.each(Object.keys(BODIES))('a rejection is final: %s', async (body) => {
        outcome = { errors: [], thrown: [] };
        const response = await ask(`${served.url}/${encodeURIComponent(writer)}/${encodeURIComponent(body)}`);
        expect(response).toMatchObject({ status: 500, cut: false });
        expect(response.text).not.toContain(SECRET);
        expect(JSON.parse(response.text)).toEqual(expect.any(Object));
        expect(outcome).toEqual({ errors: [], thrown: [] });
      });
    });
  });
});

describe.each(expresses)('%s', (_version, express) => {
  afterEach(closeAll);

  describe.each(Object.entries(RESPONDERS))('compression() behind, %s', (_responder, fail) => {
    /** First calls, each of which rejects the response or begins one that is rejected. */
    const BEGINNINGS: Record<string, (res: Response) => unknown> = {
      'a write': (res) => res.write(SECRET),
      'an empty write': (res) => res.write(''),
      'a head': (res) => res.writeHead(200),
      'a head and a write': (res) => res.writeHead(200).write(SECRET),
      'a flush': (res) => res.flushHeaders(),
      'a body': (res) => res.end(SECRET),
      'a text': (res) => res.send(SECRET),
    };

    test.each(Object.entries(BEGINNINGS))(
      'an end with a callback calls back after a rejection: %s',
      async (_b, begin) => {
        const called = deferred<unknown>();
        const seen: unknown[] = [];
        const served = await serve(
          express,
          (app, redact) => {
            app.use(redact(), compression({ threshold: 0 }));
            app.get('/', (_req, res) => {
              begin(res.type('audio/mpeg'));
              seen.push(res.headersSent);
              res.end(called.resolve);
            });
            app.use(((error, _req, res, next) => {
              if (res.headersSent) next(error);
              else res.status(error.status).json({ ok: false, error: error.code });
            }) satisfies ErrorRequestHandler);
          },
          fail && { deps: { fail } },
        );
        const response = await ask(served.url, { headers: { 'accept-encoding': 'gzip' } });
        expect(response).toMatchObject({ status: 500, cut: false });
        expect(response.text).not.toContain(SECRET);
        await called.promise;
        expect(seen).toEqual([true]);
      },
    );
  });

  test.each([503, 404, 500])(
    'the error response is whole when an error handler sends a page with a length later: %i',
    async (status) => {
      const served = await serve(
        express,
        (app, redact) => {
          app.use(redact());
          app.get('/', (_req, res) => void res.type('csv').end(SECRET));
          app.use(((_error, _req, res, _next) => {
            setImmediate(() =>
              res.status(status).type('html').set({ 'Content-Length': '5', ETag: '"v1"' }).end('Sorry'),
            );
          }) satisfies ErrorRequestHandler);
        },
        { deps: { fail: (error, _req, _res, next) => next(error) } },
      );
      const response = await ask(served.url);
      expect(response).toMatchObject({ status, cut: false });
      expect(JSON.parse(response.text)).toMatchObject({ status, code: 'unredactable_response' });
      expect(response.headers.etag).toBeUndefined();
    },
  );

  test.each(Object.entries(RESPONDERS))(
    'trailers that are added after a rejection are not sent: %s',
    async (_r, fail) => {
      const served = await serve(
        express,
        (app, redact) => {
          app.get('/', compression({ threshold: 0 }), redact(), (_req, res) => {
            res.type('csv').write(SECRET);
            res.addTrailers({ 'Content-MD5': 'YWJj' });
            res.end();
          });
          app.use(((error, _req, res, _next) => {
            res.status(error.status).json({ ok: false, error: error.code });
          }) satisfies ErrorRequestHandler);
        },
        fail && { deps: { fail } },
      );
      expect(await ask(served.url, { headers: { 'accept-encoding': 'gzip' } })).toHaveProperty('trailers', {});
    },
  );

  test.each(['write', 'end', 'flushHeaders'] as const)(
    'one error response is sent when only the first of two redactions rejects: %s',
    async (first) => {
      // The first hides the condition, so the second takes the 304 for harmless, and has written its head.
      const served = await serve(express, (app, redact) => {
        app.get('/', redact(), redact(), (_req, res) => {
          res.status(304).type('ndjson');
          if (first === 'write') res.write(SECRET);
          else if (first === 'flushHeaders') res.flushHeaders();
          res.end(SECRET);
        });
      });
      const headers = 'Host: a\r\nConnection: close\r\nIf-None-Match: "v1"\r\n';
      const text = await bytesOf(served.port, `GET / HTTP/1.1\r\n${headers}\r\n`);
      expect(text).toMatch(/^HTTP\/1\.1 500 /);
      expect(text.match(/"code":"unredactable_response"/g)).toHaveLength(1);
      expect(text).not.toContain(SECRET);
    },
  );

  test.each(['alone', 'behind a wrapper of write', 'behind compression()'])(
    'every chunk of a corked response calls back when its body is rejected in the middle: %s',
    async (stack) => {
      const { promise: closed, resolve } = deferred<void>();
      const pieces = ['{"id":1', ',"a":2', ',"b":3}', 'x', '{}'];
      let called = 0;
      const served = await serve(express, (app, redact) => {
        if (stack === 'behind compression()') app.use(compression());
        app.use((_req, res, next) => {
          res.on('close', () => resolve());
          const { write } = res;
          if (stack === 'behind a wrapper of write')
            res.write = (...args: unknown[]) => Reflect.apply(write, res, args);
          next();
        });
        app.get('/', redact(), (_req, res) => {
          res.type('json').cork();
          for (const piece of pieces) res.write(piece, () => void called++);
          process.nextTick(() => res.uncork());
        });
      });
      const text = await bytesOf(served.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      expect(text).not.toContain('}x');
      await closed;
      for (let i = 0; i < 10 && called < pieces.length; i++) await nextRound();
      expect(called).toBe(pieces.length);
    },
  );

  test.each(['a second redaction', 'a json bound to the response'])(
    'an onError that responds later is sent when middleware before has replaced json: %s',
    async (before) => {
      const served = await serve(
        express,
        (app, redact) => {
          if (before === 'a second redaction') app.use(redact());
          app.use((_req, res, next) => {
            if (before !== 'a second redaction') res.json = res.json.bind(res);
            next();
          });
          app.get('/', redact(), (_req, res) => void res.type('csv').end(SECRET));
        },
        { deps: { fail: (...args) => void setImmediate(() => envelope(...args)) } },
      );
      expect(JSON.parse((await ask(served.url)).text)).toEqual({ ok: false, error: 'unredactable_response' });
    },
  );
});
