import http from 'node:http';
import net from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as nextRound } from 'node:timers/promises';
import * as zlib from 'node:zlib';
import compression from 'compression';
import type { Request, RequestHandler, Response } from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { deferred } from '../../support/deferred';
import { expresses } from '../../support/expresses';
import { waitUntil } from '../../support/wait-until';
import { ask, closeAll, conversation, page, redactedPage, SECRET, serve, upstream } from './harness';

const PAGE = page();
const MEGABYTE = 1024 * 1024;

function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  return waitUntil(`this holds: ${condition}`, condition);
}

afterEach(closeAll);

/** A client that reads nothing until it is told to. */
async function slowReader(
  port: number,
  path = '/',
  headers = '',
): Promise<{ socket: net.Socket; read(): Promise<Buffer> }> {
  const socket = net.connect(port, '127.0.0.1');
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${headers}\r\n`);
  return {
    socket,
    read: () =>
      new Promise((resolve) => {
        const chunks: Buffer[] = [];
        socket.on('data', (chunk) => chunks.push(chunk));
        socket.on('close', () => resolve(Buffer.concat(chunks)));
        socket.resume();
      }),
  };
}

/** Waits until a number has stopped growing, and returns it. */
async function settled(value: () => number): Promise<number> {
  let last = -1;
  await until(async () => {
    const now = value();
    for (let i = 0; i < 50; i++) await nextRound();
    const stable = now === last && value() === now && now > 0;
    last = value();
    return stable;
  });
  return last;
}

function bodyOf(raw: Buffer): string {
  let at = raw.indexOf('\r\n\r\n') + 4;
  const parts: Buffer[] = [];
  for (;;) {
    const end = raw.indexOf('\r\n', at);
    const length = Number.parseInt(raw.toString('latin1', at, end), 16);
    if (!(length > 0)) return Buffer.concat(parts).toString();
    parts.push(raw.subarray(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
}

describe.each(expresses)('%s: streams', (_name, express) => {
  type Handler = (req: Request, res: Response) => unknown;
  async function answering(handler: Handler, ...before: RequestHandler[]) {
    return serve(express, (app, redact) => app.get('/', ...before, redact(), (req, res) => void handler(req, res)));
  }

  describe('callbacks', () => {
    const codings: Record<string, (text: string) => Buffer> = { identity: Buffer.from, gzip: zlib.gzipSync };

    test.each(Object.keys(codings))('of write and end are each called once (%s)', async (coding) => {
      const calls: string[] = [];
      const bytes = codings[coding]!(PAGE);
      const third = Math.floor(bytes.length / 3);
      const served = await answering((_req, res) => {
        res.type('json').set('Content-Encoding', coding);
        res.write(bytes.subarray(0, third), () => calls.push('write(chunk, cb)'));
        res.write(bytes.subarray(third, 2 * third).toString('latin1'), 'latin1', () =>
          calls.push('write(chunk, enc, cb)'),
        );
        res.write('', () => calls.push('write of nothing'));
        res.write(Buffer.alloc(0), () => calls.push('write of no bytes'));
        const end = res.end(bytes.subarray(2 * third).toString('base64'), 'base64', () =>
          calls.push('end(chunk, enc, cb)'),
        );
        expect(end).toBe(res);
        res.end(() => calls.push('end(cb), again'));
        res.on('finish', () => calls.push('finish'));
      });
      expect((await ask(served.url)).text).toBe(redactedPage());
      await until(() => calls.length >= 7);
      expect([...calls].sort()).toEqual(
        [
          'end(cb), again',
          'end(chunk, enc, cb)',
          'finish',
          'write of no bytes',
          'write of nothing',
          'write(chunk, cb)',
          'write(chunk, enc, cb)',
        ].sort(),
      );
      expect(calls.indexOf('write(chunk, cb)')).toBeLessThan(calls.indexOf('end(chunk, enc, cb)'));
    });

    test('are called where a chunk leaves nothing behind', async () => {
      const calls: number[] = [];
      const served = await answering(async (_req, res) => {
        res.type('json');
        res.write('{"turns":["', () => calls.push(0));
        for (let i = 1; i <= 5; i++) {
          await new Promise<void>((resolve) => {
            const room = res.write(SECRET, () => {
              calls.push(i);
              resolve();
            });
            expect(room).toBe(true);
          });
        }
        res.end('"]}', () => calls.push(6));
      });
      expect((await ask(served.url)).text).toBe('{"turns":[]}');
      await until(() => calls.length >= 7);
      expect(calls).toEqual([0, 1, 2, 3, 4, 5, 6]);
    });

    test.each(['end(cb)', 'end(null, cb)', 'end(undefined, undefined, cb)', 'end(text, cb)'])('%s', async (shape) => {
      const called = deferred<unknown>();
      const served = await answering((_req, res) => {
        res.type('json').write('{"turns":["x"]');
        const end = res.end as (...args: unknown[]) => void;
        const cb = (error: unknown): void => called.resolve(error);
        if (shape === 'end(text, cb)') end.call(res, '}', cb);
        else {
          res.write('}');
          if (shape === 'end(cb)') end.call(res, cb);
          else if (shape === 'end(null, cb)') end.call(res, null, cb);
          else end.call(res, undefined, undefined, cb);
        }
      });
      expect((await ask(served.url)).text).toBe('{"turns":[]}');
      expect(await called.promise).toBeUndefined();
    });

    test('of end is called with the reason where the body turned out not to be whole', async () => {
      const called = deferred<unknown>();
      const served = await answering((_req, res) => {
        res.type('json').write('{"a":1');
        res.end(called.resolve);
      });
      await ask(served.url).catch(() => undefined);
      expect(await called.promise).toMatchObject({ code: 'unredactable_response' });
    });

    test('what Node throws and emits for writing nothing, nonsense or too late, it still does', async () => {
      const errors: unknown[] = [];
      const served = await answering((_req, res) => {
        for (const nonsense of [null, undefined, 1, {}]) {
          try {
            (res.write as (chunk: unknown) => void)(nonsense);
          } catch (error) {
            errors.push((error as NodeJS.ErrnoException).code);
          }
        }
        res.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code));
        res.type('json').end('{}');
        res.write('late', (error) => errors.push((error as NodeJS.ErrnoException).code));
        res.end('late');
      });
      expect((await ask(served.url)).text).toBe('{}');
      await until(() => errors.length >= 6);
      expect(errors.slice(0, 4)).toEqual(['ERR_STREAM_NULL_VALUES', ...Array<string>(3).fill('ERR_INVALID_ARG_TYPE')]);
      expect(errors.slice(4)).toEqual(Array<string>(errors.length - 4).fill('ERR_STREAM_WRITE_AFTER_END'));
    });

    test('a response that is still being decoded has ended for the handler', async () => {
      const errors: unknown[] = [];
      const served = await answering((_req, res) => {
        res.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code));
        res.type('json').set('Content-Encoding', 'gzip').end(zlib.gzipSync(PAGE));
        expect(res.writableEnded).toBe(true);
        res.write('late');
        res.end();
      });
      expect((await ask(served.url)).text).toBe(redactedPage());
      expect(errors).toEqual(['ERR_STREAM_WRITE_AFTER_END']);
    });
  });

  describe('back-pressure', () => {
    const CONVERSATION = Buffer.from(`${conversation(1).replace(`"note":"`, `"note":"${'y'.repeat(20_000)}`)},`);
    const TIMES = 1200;

    function* bigPage(times = TIMES): Generator<Buffer> {
      yield Buffer.from('{"conversations":[');
      for (let i = 0; i < times; i++) yield CONVERSATION;
      yield Buffer.from('{}]}');
    }

    const ways: Record<string, { handler: Handler; before?: RequestHandler }> = {
      'write and drain': {
        handler: async (_req, res) => {
          res.type('json');
          for (const chunk of bigPage()) {
            if (!res.write(chunk)) await new Promise<void>((resolve) => res.once('drain', resolve));
          }
          res.end();
        },
      },
      pipe: { handler: (_req, res) => Readable.from(bigPage(), { objectMode: false }).pipe(res.type('json')) },
      pipeline: { handler: (_req, res) => pipeline(bigPage(), res.type('json')) },
      'gzip, piped': {
        handler: (_req, res) =>
          Readable.from(bigPage(), { objectMode: false })
            .pipe(zlib.createGzip({ level: 1 }))
            .pipe(res.type('json').set('Content-Encoding', 'gzip')),
      },
      'gzip, from a generator': {
        handler: (_req, res) =>
          pipeline(bigPage(), zlib.createGzip({ level: 1 }), res.type('json').set('Content-Encoding', 'gzip')),
      },
      'pipe into compression': {
        handler: (_req, res) => Readable.from(bigPage(), { objectMode: false }).pipe(res.type('json')),
        before: compression({ level: 0 }),
      },
      'gzip, piped into compression': {
        handler: (_req, res) =>
          Readable.from(bigPage(), { objectMode: false })
            .pipe(zlib.createGzip({ level: 1 }))
            .pipe(res.type('json').set('Content-Encoding', 'gzip')),
        before: compression({ level: 0 }),
      },
      'gzip, from a generator into compression': {
        handler: (_req, res) =>
          pipeline(bigPage(), zlib.createGzip({ level: 1 }), res.type('json').set('Content-Encoding', 'gzip')),
        before: compression({ level: 0 }),
      },
    };

    test.each(Object.keys(ways))(
      'holds the source while nobody reads, and then lets all of it come (%s)',
      async (name) => {
        const { handler, before } = ways[name]!;
        let response: Response | undefined;
        const served = await answering(
          (req, res) => {
            response = res;
            return handler(req, res);
          },
          ...(before ? [before] : []),
        );
        const { socket, read } = await slowReader(served.port, '/', before ? 'Accept-Encoding: gzip\r\n' : '');
        let sockets = 0;
        served.server.on('connection', () => sockets++);
        await settled(() => response?.writableLength ?? 0);
        // About 24 MB are to come; what waits here is a few buffers, and what left is in the kernel's.
        expect(response!.writableLength).toBeLessThan(2 * MEGABYTE);
        expect(response!.socket!.bytesWritten).toBeLessThan(12 * MEGABYTE);
        const raw = await read();
        expect(socket.bytesRead).toBe(raw.length);
        const body = before
          ? await new Promise<string>((resolve) => {
              const at = raw.indexOf('\r\n\r\n') + 4;
              resolve(zlib.gunzipSync(unchunked(raw.subarray(at))).toString());
            })
          : bodyOf(raw);
        const redacted = redactedPage(1)
          .slice('{"conversations":['.length)
          .split('],"cursor"')[0]!
          .replace('CA0', 'CA1')
          .replace(`"note":"`, `"note":"${'y'.repeat(20_000)}`);
        expect(body === `{"conversations":[${`${redacted},`.repeat(TIMES)}{}]}`).toBe(true);
      },
    );

    function unchunked(raw: Buffer): Buffer {
      const parts: Buffer[] = [];
      let at = 0;
      for (;;) {
        const end = raw.indexOf('\r\n', at);
        const length = Number.parseInt(raw.toString('latin1', at, end), 16);
        if (!(length > 0)) return Buffer.concat(parts);
        parts.push(raw.subarray(end + 2, end + 2 + length));
        at = end + 2 + length + 2;
      }
    }

    test('a small body that unpacks to a huge one takes time, not memory', async () => {
      const size = 120 * MEGABYTE;
      const bomb = await new Promise<Buffer>((resolve) => {
        const chunks: Buffer[] = [];
        const gzip = zlib.createGzip({ level: 1 }).on('data', (chunk) => chunks.push(chunk));
        gzip.on('end', () => resolve(Buffer.concat(chunks)));
        function* filler(): Generator<Buffer> {
          yield Buffer.from('{"turns":["x"],"kept":"');
          for (let i = 0; i < size; i += MEGABYTE) yield Buffer.alloc(MEGABYTE, 0x61);
          yield Buffer.from('"}');
        }
        Readable.from(filler(), { objectMode: false }).pipe(gzip);
      });
      expect(bomb.length).toBeLessThan(4 * MEGABYTE);
      let response: Response | undefined;
      const served = await answering((_req, res) => {
        response = res;
        res.type('json').set('Content-Encoding', 'gzip').end(bomb);
      });
      const { socket } = await slowReader(served.port);
      await settled(() => response?.socket?.bytesWritten ?? 0);
      const before = process.memoryUsage().rss;
      expect(response!.writableLength).toBeLessThan(MEGABYTE);
      let most = 0;
      let read = 0;
      socket.on('data', (chunk) => {
        read += chunk.length;
        most = Math.max(most, response!.writableLength);
      });
      await new Promise<void>((resolve) => {
        socket.on('close', () => resolve());
        socket.resume();
      });
      expect(read).toBeGreaterThan(size);
      expect(most).toBeLessThan(MEGABYTE);
      expect(process.memoryUsage().rss - before).toBeLessThan(60 * MEGABYTE);
    });
  });

  describe('time to first byte', () => {
    /** Collects what a client gets, so that a test can wait for it while the response is open. */
    function reading(url: string, headers: http.OutgoingHttpHeaders = {}) {
      const got = { text: '', ended: false, status: 0 };
      const request = http.get(url, { agent: false, headers }, (response) => {
        got.status = response.statusCode!;
        response.on('data', (chunk) => {
          got.text += chunk;
        });
        response.on('end', () => {
          got.ended = true;
        });
        response.on('error', () => {});
      });
      request.on('error', () => {});
      return got;
    }

    test('each chunk of a JSON stream leaves when it comes', async () => {
      let response!: Response;
      const served = await answering((_req, res) => {
        response = res.type('json');
        res.write('{"conversations":[');
      });
      const got = reading(served.url);
      await until(() => got.text === '{"conversations":[');
      response.write(`{"id":"1","turns":["${SECRET}"]}`);
      await until(() => got.text.endsWith('{"id":"1","turns":[]}'));
      response.write(`,{"id":"2","turns":["${SECRET}`);
      await until(() => got.text.includes(',{"id":"2","turns":'));
      response.end('"]}]}');
      await until(() => got.ended);
      expect(got.text).toBe('{"conversations":[{"id":"1","turns":[]},{"id":"2","turns":[]}]}');
    });

    test.each(['identity', 'gzip'])(
      'server-sent events and comments leave at once, also while their stream is slow (%s)',
      async (coding) => {
        const source = new PassThrough();
        const served = await answering((_req, res) => {
          res.set({ 'Content-Type': 'text/event-stream', 'Content-Encoding': coding });
          res.flushHeaders();
          if (coding === 'identity') source.pipe(res);
          else source.pipe(zlib.createGzip({ flush: zlib.constants.Z_SYNC_FLUSH })).pipe(res);
        });
        const got = reading(served.url, { accept: 'text/event-stream' });
        await until(() => got.status === 200);
        const steps: [string, string][] = [
          [': connected\n\n', ': connected\n\n'],
          [`data: {"turns":["${SECRET}"],"n":1}\n\n`, 'data: {"turns":[],"n":1}\n\n'],
          [': keep', ': keep'],
          ['-alive\n', '-alive\n'],
          [
            `id: 7\nevent: update\ndata: {"id":"a",\ndata: "turns":"${SECRET}"}\n\n`,
            'id: 7\nevent: update\ndata: {"id":"a",\ndata: "turns":""}\n\n',
          ],
          ['retry: 100\r\n\r\n', 'retry: 100\r\n\r\n'],
        ];
        let expected = '';
        for (const [sent, leaves] of steps) {
          source.write(sent);
          expected += leaves;
          await until(() => got.text === expected);
        }
        source.end();
        await until(() => got.ended);
      },
    );

    test('an SSE endpoint behind compression() can flush', async () => {
      let response!: Response & { flush(): void };
      const served = await answering(
        (_req, res) => {
          response = res as typeof response;
          res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
        },
        compression({ threshold: 0 }),
      );
      const text: string[] = [];
      http
        .get(served.url, { agent: false, headers: { 'accept-encoding': 'gzip' } }, (res) => {
          expect(res.headers['content-encoding']).toBe('gzip');
          res
            .pipe(zlib.createGunzip())
            .on('data', (chunk) => text.push(String(chunk)))
            .on('error', () => {});
        })
        .on('error', () => {});
      await until(() => response !== undefined);
      response.write(`data: {"turns":["${SECRET}"]}\n\n`);
      response.flush();
      await until(() => text.join('') === 'data: {"turns":[]}\n\n');
    });
  });

  describe('what goes wrong on the way', () => {
    test.each(['identity', 'gzip'])(
      'a client that goes away closes the response and ends the source (%s)',
      async (coding) => {
        const failed = deferred<unknown>();
        const closed = deferred<void>();
        let source!: Readable;
        const served = await answering((_req, res) => {
          function* endless(): Generator<Buffer> {
            yield Buffer.from('{"conversations":[');
            for (;;) yield Buffer.from(`${conversation(1)},`);
          }
          source = Readable.from(endless(), { objectMode: false });
          res.type('json').set('Content-Encoding', coding).on('close', closed.resolve);
          const chain = coding === 'gzip' ? pipeline(source, zlib.createGzip(), res) : pipeline(source, res);
          chain.catch(failed.resolve);
        });
        await new Promise<void>((resolve) => {
          const request = http.get(served.url, { agent: false }, (response) => {
            response.once('data', () => {
              request.destroy();
              resolve();
            });
            response.on('error', () => {});
          });
          request.on('error', () => {});
        });
        await closed.promise;
        expect(await failed.promise).toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' });
        expect(source.destroyed).toBe(true);
        expect(served.failures).toEqual([]);
      },
    );

    test('writes after the client has gone call back with an error and throw nothing', async () => {
      const called = deferred<unknown>();
      const served = await answering((_req, res) => {
        res.type('json').write('{"a":[');
        res.on('close', () => {
          res.write('1', called.resolve);
          res.end('2');
        });
      });
      const request = http.get(served.url, { agent: false }, (response) => {
        response.on('error', () => {});
        response.once('data', () => request.destroy());
      });
      request.on('error', () => {});
      expect(await called.promise).toMatchObject({ message: expect.any(String) });
    });

    test('a fault in a piped body cuts the connection and lets its source go', async () => {
      let source!: Readable;
      const served = await answering((_req, res) => {
        function* faulty(): Generator<string> {
          yield '{"conversations":[{"id":1},';
          yield '{"id":2,}';
          for (;;) yield ` ${SECRET}`;
        }
        source = Readable.from(faulty(), { objectMode: false });
        source.pipe(res.type('json'));
      });
      const answer = await ask(served.url).catch(() => ({ cut: true, text: '' }));
      expect(answer.cut).toBe(true);
      expect(answer.text).not.toContain(SECRET);
      await until(() => source.destroyed);
    });

    test('a refused upstream is not read any further', async () => {
      const gone = deferred<void>();
      const origin = await upstream((_req, res) => {
        res.writeHead(200, { 'Content-Type': 'text/csv' });
        const more = (): void => {
          while (res.write(SECRET.repeat(1000)));
        };
        res.on('drain', more).on('close', gone.resolve);
        more();
      });
      const served = await serve(express, (app, redact) => {
        app.use(redact(), createProxyMiddleware({ target: origin.url }));
      });
      const answer = await ask(served.url);
      expect([answer.status, answer.text.includes(SECRET)]).toEqual([500, false]);
      await gone.promise;
    });

    test('an upstream that breaks off does not look complete', async () => {
      const origin = await upstream((_req, res) => {
        res.writeHead(200, { 'Content-Type': 'application/json' });
        res.write('{"conversations":[{"id":1}', () => setImmediate(() => res.destroy()));
      });
      const served = await serve(express, (app, redact) => {
        app.get('/', redact(), async (_req, res) => {
          const { body } = await fetch(origin.url);
          await pipeline(Readable.fromWeb(body as import('node:stream/web').ReadableStream), res.type('json')).catch(
            () => {},
          );
        });
      });
      const answer = await ask(served.url).catch(() => ({ cut: true, text: '' }));
      expect(answer.cut).toBe(true);
    });

    test('a source that fails and is ended with an error text is cut off', async () => {
      const served = await answering(async (_req, res) => {
        res.type('json').write('{"conversations":[{"id":1}');
        await nextRound();
        res.end(`Error fetching: ${SECRET}`);
      });
      const answer = await ask(served.url).catch(() => ({ cut: true, text: '' }));
      expect(answer.cut).toBe(true);
      expect(answer.text).not.toContain(SECRET);
    });

    test('nothing is left behind by a thousand aborted, refused and cut responses', async () => {
      let open = 0;
      const served = await answering((req, res) => {
        open++;
        res.on('close', () => open--);
        if (req.query.way === 'refuse') res.type('csv').end(SECRET);
        else if (req.query.way === 'cut') {
          res.type('json').write('{"a":1,');
          res.end('}');
        } else {
          res.type('json').set('Content-Encoding', 'gzip').write(zlib.gzipSync(PAGE).subarray(0, 50));
        }
      });
      const handles = () => process.getActiveResourcesInfo().filter((name) => name === 'Zlib').length;
      const before = handles();
      const waiting: Promise<unknown>[] = [];
      for (let i = 0; i < 333; i++) {
        for (const way of ['refuse', 'cut', 'abort']) {
          waiting.push(
            new Promise((resolve) => {
              const request = http.get(`${served.url}/?way=${way}`, { agent: false }, (response) => {
                response
                  .on('error', () => {})
                  .on('close', resolve)
                  .resume();
              });
              request.on('error', () => {}).on('close', resolve);
              if (way === 'abort') request.setTimeout(50, () => request.destroy());
            }),
          );
        }
        if (i % 30 === 0) await Promise.all(waiting.splice(0));
      }
      await Promise.all(waiting);
      await until(() => open === 0);
      await until(() => handles() <= before);
    });
  });
});
