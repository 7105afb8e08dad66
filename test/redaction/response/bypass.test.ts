import http from 'node:http';
import type { NextFunction, Request, Response } from 'express';
import { expresses } from '../../support/express-versions';
import { ask, bytesOf, closeAll, page, redactedPage, SECRET, serve } from './harness';

const PAGE = page();

afterEach(closeAll);

describe.each(expresses)('%s', (name, express) => {
  test.each<[string, (buffer: Buffer) => Uint8Array]>([
    ['a buffer', (buffer) => buffer],
    ['a view', (buffer) => new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)],
  ])('changes to %s after it was written do not reach the response', async (_, viewOf) => {
    const served = await serve(express, (app, redact) => {
      app.get('/', redact(), (_req, res) => {
        const buffer = Buffer.alloc(64);
        res.type('json');
        for (const part of ['{"id":"a",', '"note":"n",', '"b":1}', `"turns":["${SECRET}"]`]) {
          buffer.fill(' ').write(part);
          if (!part.startsWith('"turns"')) res.write(viewOf(buffer));
        }
        res.end();
      });
    });
    const { body } = await ask(served.url);
    expect(JSON.parse(String(body))).toEqual({ id: 'a', note: 'n', b: 1 });
  });

  describe('bytes that do not come the usual way', () => {
    type Keep = (req: Request, res: Response, next: NextFunction) => void;
    const keeping: Keep = (_req, res, next) => {
      Object.assign(res.locals, { write: res.write, end: res.end });
      next();
    };
    const ways: Record<string, (res: Response) => void> = {
      'through a write kept from before': (res) => {
        res.type('json').writeHead(200);
        Reflect.apply(res.locals.write, res, [SECRET]);
        res.end();
      },
      'through an end kept from before': (res) => {
        res.type('json');
        Reflect.apply(res.locals.end, res, [SECRET]);
      },
      "through Node's own write": (res) => {
        res.type('json').writeHead(200);
        Reflect.apply(http.ServerResponse.prototype.write, res, [SECRET]);
        res.end();
      },
      "through Node's own write, between writes to us": (res) => {
        res.type('json').write('{"id":1,');
        Reflect.apply(http.ServerResponse.prototype.write, res, [SECRET]);
        res.end('"b":2}');
      },
      "through Node's own end": (res) => {
        res.type('json');
        Reflect.apply(http.ServerResponse.prototype.end, res, [SECRET]);
      },
      "through Node's own end, with a type that is refused": (res) => {
        res.type('csv');
        Reflect.apply(http.ServerResponse.prototype.end, res, [SECRET]);
      },
      'after the old name of writeHead': (res) => {
        // Removed in Node 26.
        const { writeHeader = res.writeHead } = res as unknown as { writeHeader?: Response['writeHead'] };
        Reflect.apply(writeHeader, res, [200, { 'Content-Type': 'text/csv' }]);
        res.end(SECRET);
      },
      "through Node's own writeHead": (res) => {
        Reflect.apply(http.ServerResponse.prototype.writeHead, res, [200, { 'Content-Type': 'text/csv' }]);
        res.write(SECRET);
        res.end(SECRET);
      },
    };

    test.each(Object.keys(ways))('bytes that bypass the redaction are not sent: %s', async (way) => {
      const served = await serve(express, (app, redact) => {
        app.get('/', keeping, redact(), (_req, res) => ways[way]!(res));
      });
      const bytes = await bytesOf(served.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      expect(bytes).not.toContain(SECRET);
      expect(served.failures.map(({ code }) => code)).toEqual(['unredactable_response']);
    });
  });

  test('a middleware that holds the end back, as sessions do, gets only what may leave', async () => {
    const served = await serve(express, (app, redact) => {
      app.use((_req, res, next) => {
        const { end } = res;
        res.end = function saved(this: Response, ...args: unknown[]) {
          setImmediate(() => Reflect.apply(end, this, args));
          return this;
        } as Response['end'];
        next();
      });
      app.use(redact());
      app.get('/json', (_req, res) => {
        res.json({ turns: [SECRET] });
        res.on('error', () => {});
        res.write(SECRET);
      });
      app.get('/write', (_req, res) => {
        res.type('json').write(PAGE);
        res.end();
      });
      app.get('/csv', (_req, res) => void res.type('csv').end(SECRET));
    });
    expect((await ask(`${served.url}/json`)).text).toBe('{"turns":[]}');
    expect((await ask(`${served.url}/write`)).text).toBe(redactedPage());
    const refused = await ask(`${served.url}/csv`);
    expect([refused.status, JSON.parse(refused.text).code]).toEqual([500, 'unredactable_response']);
  });

  test('a chunk that is neither a string nor bytes is rejected as in Node, also when other middleware would convert it', async () => {
    const bytes = Uint8Array.from(Buffer.from(PAGE));
    const chunks: Record<string, unknown> = {
      ArrayBuffer: bytes.buffer,
      DataView: new DataView(bytes.buffer),
      Uint16Array: Uint16Array.from(bytes),
      'list of numbers': [...bytes],
      'Buffer as JSON': { type: 'Buffer', data: [...bytes] },
      'boxed text': new String(PAGE),
    };
    const errors: unknown[] = [];
    const served = await serve(express, (app, redact) => {
      app.use((_req, res, next) => {
        const { write, end } = res;
        const converted = (chunk: unknown) => (chunk === undefined ? [] : [Buffer.from(chunk as string)]);
        res.write = ((chunk: unknown) => Reflect.apply(write, res, converted(chunk))) as Response['write'];
        res.end = ((chunk: unknown) => Reflect.apply(end, res, converted(chunk))) as Response['end'];
        next();
      });
      app.get('/:method/:chunk', redact(), (req, res) => {
        res.type('json');
        try {
          res[req.params.method as 'write'](chunks[String(req.params.chunk)] as string);
        } catch (error) {
          errors.push((error as NodeJS.ErrnoException).code);
        }
        res.end('{}');
      });
    });
    for (const method of ['write', 'end']) {
      for (const chunk of Object.keys(chunks)) {
        expect((await ask(`${served.url}/${method}/${encodeURIComponent(chunk)}`)).text).toBe('{}');
      }
    }
    expect(errors).toEqual(Array(2 * Object.keys(chunks).length).fill('ERR_INVALID_ARG_TYPE'));
  });

  test(`${name} is looked at once, not at every response`, async () => {
    let sent = 0;
    const served = await serve(express, (app, redact) => {
      // The prototype of Express, which some monitoring tools patch.
      const shared = Object.getPrototypeOf((app as unknown as { response: Response }).response) as Response;
      const { json } = shared;
      shared.json = function counted(this: Response, body: unknown) {
        sent++;
        return Reflect.apply(json, this, [body]);
      };
      app.get('/', redact(), (_req, res) => void res.json({ turns: [1] }));
      app.get('/restore', (_req, res) => {
        shared.json = json;
        res.end();
      });
    });
    expect((await ask(served.url)).text).toBe('{"turns":[]}');
    const atFirst = sent;
    for (let i = 0; i < 5; i++) expect((await ask(served.url)).text).toBe('{"turns":[]}');
    await ask(`${served.url}/restore`);
    expect((await ask(served.url)).text).toBe('{"turns":[]}');
    expect(sent).toBe(atFirst);
  });

  test('a head that cannot be written leaves nothing decided for the answer that follows', async () => {
    const served = await serve(express, (app, redact) => {
      app.use(redact());
      app.use((_req, res, next) => {
        const { writeHead } = res;
        let thrown = false;
        res.writeHead = function failing(this: Response, ...args: unknown[]) {
          if (thrown) return Reflect.apply(writeHead, this, args);
          thrown = true;
          throw new Error('no head');
        } as Response['writeHead'];
        next();
      });
      app.get('/json', (_req, res) => void res.json({ turns: [SECRET] }));
      app.get('/words', (_req, res) => void res.sendStatus(500));
      app.get('/write', (_req, res) => void res.type('json').write('{"turns":["x"]'));
      app.use(((_error: unknown, req: Request, res: Response, _next: NextFunction) => {
        if (req.path === '/words') res.status(500).type('text').send(SECRET);
        else res.status(500).json({ turns: [SECRET], other: 1 });
      }) as never);
    });
    for (const path of ['/json', '/write']) expect((await ask(served.url + path)).text).toBe('{"turns":[],"other":1}');
    expect((await ask(`${served.url}/words`)).text).not.toContain(SECRET);
  });
});
