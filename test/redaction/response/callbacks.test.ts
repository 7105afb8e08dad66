import { pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';
import compression from 'compression';
import type { Request, RequestHandler, Response } from 'express';
import { deferred } from '../../support/deferred';
import { expresses } from '../../support/express-versions';
import { waitUntil } from '../../support/wait-until';
import { ask, closeAll, page, redactedPage, SECRET, serve } from './harness';

const PAGE = page();

function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  return waitUntil(`this holds: ${condition}`, condition);
}

afterEach(closeAll);

describe.each(expresses)('%s: callbacks', (_name, express) => {
  type Handler = (req: Request, res: Response) => unknown;
  async function answering(handler: Handler, ...before: RequestHandler[]) {
    return serve(express, (app, redact) => app.get('/', ...before, redact(), (req, res) => void handler(req, res)));
  }

  describe('callbacks', () => {
    const codings: Record<string, (text: string) => Buffer> = { identity: Buffer.from, gzip: zlib.gzipSync };

    test.each(Object.keys(codings))('callbacks of write and end are each called once (%s)', async (coding) => {
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

    test('callbacks are called when nothing of a chunk is sent', async () => {
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

    test('the callback of end receives the error when the body was truncated', async () => {
      const called = deferred<unknown>();
      const served = await answering((_req, res) => {
        res.type('json').write('{"a":1');
        res.end(called.resolve);
      });
      await ask(served.url).catch(() => undefined);
      expect(await called.promise).toMatchObject({ code: 'unredactable_response' });
    });

    test.each([200, 404])('every callback is called when the coding of a body is false: %i', async (status) => {
      const called = Array.from({ length: 20 }, () => deferred<unknown>());
      const served = await answering((_req, res) => {
        res.status(status).type('json').set('Content-Encoding', 'gzip');
        for (const { resolve } of called) res.write('no gzip', resolve);
        res.end();
      });
      await ask(served.url).catch(() => undefined);
      await Promise.all(called.map(({ promise }) => promise));
    });

    test.each([
      ['csv', undefined],
      ['json', undefined],
      ['json', 'gzip'],
    ])('a pipeline from a generator settles when its body is rejected: %s, %s', async (type, coding) => {
      const settled = deferred<unknown>();
      const served = await answering((_req, res) => {
        async function* generate() {
          for (let i = 0; i < 50; i++) {
            yield 'no json';
            await new Promise((resolve) => setImmediate(resolve));
          }
        }
        if (coding) res.set('Content-Encoding', coding);
        pipeline(generate, res.type(type)).then(settled.resolve, settled.resolve);
      });
      expect((await ask(served.url)).status).toBe(500);
      await settled.promise;
    });

    test('errors of Node for empty, invalid and late chunks are unchanged', async () => {
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
      const called: unknown[] = [];
      const served = await answering((_req, res) => {
        res.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code));
        res.type('json').set('Content-Encoding', 'gzip').end(zlib.gzipSync(PAGE));
        expect(res.writableEnded).toBe(true);
        res.write('late', (error) => called.push((error as NodeJS.ErrnoException).code));
        res.end('late', (error?: NodeJS.ErrnoException) => called.push(error?.code));
        res.end();
      });
      expect((await ask(served.url)).text).toBe(redactedPage());
      expect(called).toEqual(['ERR_STREAM_WRITE_AFTER_END', 'ERR_STREAM_WRITE_AFTER_END']);
      expect(errors).toEqual([]);
    });

    test('a late chunk gets no error event when compression() ignores it', async () => {
      const errors: unknown[] = [];
      const served = await serve(express, (app, redact) => {
        app.use(compression({ threshold: 0 }), redact());
        app.get('/', (_req, res) => {
          res.on('error', (error) => errors.push(error));
          res.json(JSON.parse(PAGE));
          res.write('late');
          setImmediate(() => res.end('late'));
        });
      });
      const { body } = await ask(served.url, { headers: { 'accept-encoding': 'gzip' } });
      expect(JSON.parse(zlib.gunzipSync(body).toString())).toEqual(JSON.parse(redactedPage()));
      expect(errors).toEqual([]);
    });
  });
});
