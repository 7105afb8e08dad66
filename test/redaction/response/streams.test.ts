import http from 'node:http';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as nextRound } from 'node:timers/promises';
import * as zlib from 'node:zlib';
import compression from 'compression';
import type { Request, RequestHandler, Response } from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { deferred } from '../../support/deferred';
import { expresses } from '../../support/express-versions';
import { waitUntil } from '../../support/wait-until';
import { ask, closeAll, conversation, page, SECRET, serve, upstream } from './harness';

// A thousand responses, or hundreds of megabytes, take longer on a busy machine.
jest.setTimeout(180_000);

const PAGE = page();

function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  return waitUntil(`this holds: ${condition}`, condition);
}

afterEach(closeAll);

describe.each(expresses)('%s: streams', (_name, express) => {
  type Handler = (req: Request, res: Response) => unknown;
  async function answering(handler: Handler, ...before: RequestHandler[]) {
    return serve(express, (app, redact) => app.get('/', ...before, redact(), (req, res) => void handler(req, res)));
  }

  describe('time to first byte', () => {
    /** Collects the bytes of a response, so that a test can wait for them while it is open. */
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
          [': connected\n\n', ':\n\n'],
          [`data: {"turns":["${SECRET}"],"n":1}\n\n`, 'data: {"turns":[],"n":1}\n\n'],
          [': keep', ''],
          ['-alive\n', ':\n'],
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

  describe('failures during a stream', () => {
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

    test('hundreds of aborted, rejected and destroyed responses leave no response and no decompressor open', async () => {
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
      for (let i = 0; i < 100; i++) {
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
