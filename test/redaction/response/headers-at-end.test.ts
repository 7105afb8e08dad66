import type { NextFunction, Request, Response } from 'express';
import { expresses } from '../../support/express-versions';
import { ask, closeAll, EVERYTHING, SECRET, serve } from './harness';

afterEach(closeAll);

const BODY = `{"id":1,"turns":["${SECRET}"]}`;
const REDACTED = '{"id":1,"turns":[]}';

/** Sets a header when `write` or `end` is called, as loggers and timers do that are mounted before everything else. */
function setsHeaderLate(_req: Request, res: Response, next: NextFunction): void {
  const { write, end } = res;
  res.write = function timedWrite(this: Response, ...args: unknown[]) {
    if (!res.hasHeader('X-Response-Time')) res.setHeader('X-Response-Time', '1ms');
    return Reflect.apply(write, this, args);
  } as Response['write'];
  res.end = function timedEnd(this: Response, ...args: unknown[]) {
    if (!res.hasHeader('X-Response-Time')) res.setHeader('X-Response-Time', '1ms');
    return Reflect.apply(end, this, args);
  } as Response['end'];
  next();
}

/** Keeps all chunks until the end, and sets a header that is computed from the whole body. */
function buffers(_req: Request, res: Response, next: NextFunction): void {
  const { end } = res;
  const chunks: Buffer[] = [];
  const keep = (chunk: unknown) => void (chunk && chunks.push(Buffer.from(chunk as string)));
  res.write = ((chunk: unknown, ...rest: unknown[]) => {
    keep(chunk);
    const callback = rest.at(-1);
    if (typeof callback === 'function') process.nextTick(callback);
    return true;
  }) as Response['write'];
  res.end = function endWhole(this: Response, chunk: unknown) {
    if (typeof chunk !== 'function') keep(chunk);
    const body = Buffer.concat(chunks);
    res.setHeader('X-Response-Time', '1ms');
    res.setHeader('Content-Length', body.length);
    return Reflect.apply(end, this, [body]);
  } as Response['end'];
  next();
}

const ways: Record<string, (res: Response) => unknown> = {
  json: (res) => res.json(JSON.parse(BODY)),
  send: (res) => res.type('json').send(BODY),
  end: (res) => res.type('json').end(BODY),
  'write and end': (res) => {
    res.type('json').write(BODY.slice(0, 5));
    res.end(BODY.slice(5));
  },
  'a chunk of which nothing is sent, and more': (res) => {
    res.type('json').write('{"id":1,"turns":["', () => res.write(`${SECRET}"`, () => res.end(']}')));
  },
  events: (res) => {
    res.type('text/event-stream').write(`data: ${BODY}`);
    res.end('\n\n');
  },
  'a known text': (res) => res.sendStatus(404),
  'an empty body': (res) => res.status(204).end(),
  'a redirect': (res) => res.redirect('/elsewhere'),
  'a body that is rejected': (res) => res.type('csv').end(SECRET),
  'an error that is no JSON': (res) => res.status(500).type('text').send(SECRET),
};

describe.each(expresses)(
  '%s: middleware before redactResponse that sets a header when the body is written',
  (_name, express) => {
    describe.each([
      ['at once', setsHeaderLate],
      ['at the end', buffers],
    ])('%s', (_when, middleware) => {
      test.each(Object.entries(ways))(
        'redactResponse sends the header when the handler sends %s',
        async (_way, send) => {
          for (const features of [undefined, EVERYTHING]) {
            const errors: unknown[] = [];
            const served = await serve(
              express,
              (app, redact) => {
                app.use(middleware);
                app.get('/', redact(), (_req, res) => {
                  res.on('error', (error) => errors.push(error));
                  send(res);
                });
                app.use(((error: Error, _req: Request, res: Response, _next: NextFunction) => {
                  errors.push(error);
                  res.destroy();
                }) as never);
              },
              features && { features: () => features },
            );
            for (const method of ['GET', 'HEAD']) {
              const response = await ask(served.url, { method });
              expect(response.headers['x-response-time']).toBe('1ms');
              expect(response.cut).toBe(false);
              if (features === undefined) expect(response.text).not.toContain(SECRET);
            }
            expect(errors).toEqual([]);
          }
        },
      );
    });

    test('redactResponse corrects the headers that the handler set when middleware sets another', async () => {
      const served = await serve(express, (app, redact) => {
        app.use(setsHeaderLate);
        app.get('/', redact(), (_req, res) => void res.type('json').set('ETag', '"of the body"').end(BODY));
      });
      const { headers, text } = await ask(served.url);
      expect(text).toBe(REDACTED);
      expect(headers).toMatchObject({
        'content-length': String(REDACTED.length),
        'cache-control': 'private',
        redacted: 'transcript, metrics',
      });
      expect(headers).not.toHaveProperty('etag');
    });

    test.each(['json', 'write'] as const)(
      'an error handler responds when the head could not be written after %s',
      async (way) => {
        const served = await serve(express, (app, redact) => {
          app.use(setsHeaderLate);
          app.get('/', redact(), (_req, res) => {
            res.statusMessage = 'not\nvalid';
            if (way === 'json') res.json({ turns: [SECRET] });
            else res.type('json').write(BODY);
          });
          app.use(((_error: Error, _req: Request, res: Response, _next: NextFunction) => {
            res.statusMessage = '';
            res.status(500).json({ turns: [SECRET], other: 1 });
          }) as never);
        });
        const { status, text } = await ask(served.url);
        expect([status, text]).toEqual([500, '{"turns":[],"other":1}']);
      },
    );

    test('redactResponse cuts the connection when a body is rejected whose first part is kept back', async () => {
      const served = await serve(express, (app, redact) => {
        app.use(buffers);
        app.get('/', redact(), (_req, res) => {
          res.type('json').write('{"id":1,');
          res.write(`"turns":oops ${SECRET}`);
          res.end();
        });
      });
      await expect(ask(served.url)).rejects.toMatchObject({ code: 'ECONNRESET' });
    });
  },
);
