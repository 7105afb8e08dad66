import http from 'node:http';
import net from 'node:net';
import type { Response } from 'express';
import { expresses } from '../../support/expresses';
import { ask, bytesOf, closeAll, EVERYTHING, page, redactedPage, SECRET, serve } from './harness';

const PAGE = page();
const REDACTED = redactedPage();

afterEach(closeAll);

describe.each(expresses)('%s: the head', (_name, express) => {
  async function answering(answer: (res: Response) => void, options: Parameters<typeof serve>[2] = {}) {
    return serve(express, (app, redact) => app.get('/', redact(), (_req, res) => answer(res)), options);
  }

  describe('writeHead', () => {
    const JSON_TYPE = 'application/json';
    const shapes: Record<string, (res: Response) => void> = {
      '(status, headers)': (res) => res.writeHead(201, { 'Content-Type': JSON_TYPE, 'X-Own': 'a' }),
      '(status, reason, headers)': (res) => res.writeHead(201, 'Made', { 'Content-Type': JSON_TYPE, 'X-Own': 'a' }),
      '(status, undefined, headers)': (res) =>
        res.writeHead(201, undefined as never, { 'Content-Type': JSON_TYPE, 'X-Own': 'a' }),
      '(status, flat list)': (res) => res.writeHead(201, ['Content-Type', JSON_TYPE, 'X-Own', 'a']),
      '(status, reason, flat list)': (res) => res.writeHead(201, 'Made', ['Content-Type', JSON_TYPE, 'X-Own', 'a']),
      '(status, list of pairs)': (res) =>
        res.writeHead(201, [
          ['Content-Type', JSON_TYPE],
          ['X-Own', 'a'],
        ] as never),
      '(status) after setHeader': (res) => {
        res.setHeader('Content-Type', JSON_TYPE);
        res.setHeader('X-Own', 'a');
        res.writeHead(201);
      },
      'of Node, through flushHeaders': (res) => {
        res.status(201).setHeader('Content-Type', JSON_TYPE);
        res.setHeader('X-Own', 'a');
        res.flushHeaders();
      },
    };

    test.each(Object.keys(shapes))('%s is read, judged and corrected', async (shape) => {
      for (const bare of [false, true]) {
        const served = await answering((res) => {
          // Node treats a response on which nothing has been set before differently.
          if (bare) for (const name of res.getHeaderNames()) res.removeHeader(name);
          shapes[shape]!(res);
          res.write(PAGE.slice(0, 77));
          res.end(PAGE.slice(77));
        });
        const answer = await ask(served.url);
        expect(answer.status).toBe(201);
        expect(answer.text).toBe(REDACTED);
        expect(answer.headers).toMatchObject({ 'x-own': 'a', 'cache-control': 'private', vary: 'x-api-key' });
        expect(served.failures).toEqual([]);
      }
    });

    test.each(Object.keys(shapes))('%s is refused where its type is one that cannot be redacted', async (shape) => {
      const served = await answering((res) => {
        const setHeader = res.setHeader.bind(res);
        res.setHeader = (name, value) => setHeader(name, value === JSON_TYPE ? 'text/csv' : value);
        const writeHead = res.writeHead.bind(res) as (...args: unknown[]) => Response;
        const spoil = (value: unknown): unknown =>
          JSON.parse(JSON.stringify(value ?? null).replaceAll(JSON_TYPE, 'text/csv')) ?? undefined;
        res.writeHead = (...args: unknown[]) => writeHead(...args.map(spoil));
        shapes[shape]!(res);
        res.write(SECRET);
        res.end(SECRET);
      });
      const answer = await ask(served.url);
      expect(answer.status).toBe(500);
      expect(JSON.parse(answer.text).code).toBe('unredactable_response');
      expect(answer.text).not.toContain(SECRET);
    });

    test('keeps headers that a list gives twice', async () => {
      const served = await answering((res) => {
        res.setHeader('Set-Cookie', 'gone=1');
        res.writeHead(200, ['Content-Type', 'application/json', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']);
        res.end('{}');
      });
      expect((await ask(served.url)).headers['set-cookie']).toEqual(['a=1', 'b=2']);
    });

    test('throws what Node throws for a status that is none, an odd list, and a second call', async () => {
      const thrown: string[] = [];
      const attempt = (name: string, step: () => void): void => {
        try {
          step();
        } catch (error) {
          thrown.push(`${name} ${(error as Error).name}`);
        }
      };
      const served = await answering((res) => {
        attempt('status', () => res.writeHead(99));
        attempt('list', () => res.writeHead(200, ['Content-Type']));
        res.writeHead(200, { 'Content-Type': 'application/json' });
        attempt('again', () => res.writeHead(200));
        attempt('late', () => res.setHeader('X', 'y'));
        res.end('{}');
      });
      expect((await ask(served.url)).text).toBe('{}');
      expect(thrown).toEqual(['status RangeError', 'list TypeError', 'again Error', 'late Error']);
    });

    test('has the reason that the handler gave', async () => {
      const served = await answering((res) => {
        res.writeHead(200, 'Quite Fine', { 'Content-Type': 'application/json' });
        res.end('{}');
      });
      const bytes = await bytesOf(served.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      expect(bytes).toMatch(/^HTTP\/1\.1 200 Quite Fine\r\n/);
    });

    test('is written once, before which listeners of the head above and below have their say', async () => {
      const calls: string[] = [];
      const listen = (name: string) => (_req: unknown, res: Response, next: () => void) => {
        const writeHead = res.writeHead;
        res.writeHead = function patched(this: Response, ...args: unknown[]) {
          calls.push(name);
          this.setHeader(`X-${name}`, '1');
          return Reflect.apply(writeHead, this, args);
        } as Response['writeHead'];
        next();
      };
      for (const send of [(res: Response) => res.json({ turns: [1] }), (res: Response) => res.type('json').end('{}')]) {
        calls.length = 0;
        const served = await serve(express, (app, redact) => {
          app.get('/', listen('below') as never, redact(), listen('above') as never, (_req, res) => void send(res));
        });
        const answer = await ask(served.url);
        expect(answer.headers).toMatchObject({ 'x-below': '1', 'x-above': '1' });
        expect(calls).toEqual(['above', 'below']);
      }
    });

    test('is refused where a listener of the head changes the type after the body has been judged', async () => {
      const served = await serve(express, (app, redact) => {
        app.get(
          '/',
          redact(),
          (_req, res, next) => {
            const writeHead = res.writeHead;
            res.writeHead = function patched(this: Response, ...args: unknown[]) {
              this.setHeader('Content-Type', 'text/csv');
              return Reflect.apply(writeHead, this, args);
            } as Response['writeHead'];
            next();
          },
          (req, res) => {
            if (req.query.way === 'json') res.json(JSON.parse(PAGE));
            else if (req.query.way === 'end') res.type('json').end(PAGE);
            else {
              res.type('json').write(PAGE);
              res.end();
            }
          },
        );
      });
      for (const way of ['json', 'end', 'write']) {
        const answer = await ask(`${served.url}/?way=${way}`);
        expect([way, answer.status]).toEqual([way, 500]);
        expect(answer.text).not.toContain(SECRET);
      }
    });
  });

  describe('what says which body it was', () => {
    const ABOUT_THE_BODY = {
      ETag: '"v1"',
      'Last-Modified': 'Sun, 22 Nov 2026 00:00:00 GMT',
      'Accept-Ranges': 'bytes',
      'Content-MD5': 'Q2hlY2sgSW50ZWdyaXR5IQ==',
      Digest: 'sha-256=abc',
      'Content-Digest': 'sha-256=:abc:',
      'Repr-Digest': 'sha-256=:abc:',
    };
    const sends: Record<string, (res: Response) => unknown> = {
      json: (res) => res.json(JSON.parse(PAGE)),
      send: (res) => res.type('json').send(PAGE),
      end: (res) => res.type('json').end(PAGE),
      write: (res) => {
        res.type('json').write(PAGE);
        res.end();
      },
    };

    test.each(Object.keys(sends))('is gone after %s', async (name) => {
      const served = await answering((res) => {
        res.set(ABOUT_THE_BODY).set('Content-Length', String(Buffer.byteLength(PAGE)));
        sends[name]!(res);
      });
      for (const method of ['GET', 'HEAD']) {
        const { headers, body } = await ask(served.url, { method });
        const { etag, ...others } = headers;
        // Express makes a tag of its own, of what has been cut down.
        expect(etag).not.toBe('"v1"');
        for (const header of Object.keys(ABOUT_THE_BODY)) expect(others).not.toHaveProperty(header.toLowerCase());
        expect(headers['content-length']).not.toBe(String(Buffer.byteLength(PAGE)));
        if (method === 'GET' && headers['content-length']) expect(headers['content-length']).toBe(String(body.length));
      }
    });

    test.each([
      [undefined, 'private'],
      ['public, max-age=60', 'private, max-age=60'],
      ['max-age=60, s-maxage=600, proxy-revalidate', 'private, max-age=60'],
      ['no-store', 'no-store'],
      ['public, no-store', 'no-store'],
      ['private="set-cookie, etag", max-age=5', 'private, max-age=5'],
      ['no-cache="set-cookie, x", must-revalidate, public', 'private, no-cache="set-cookie, x", must-revalidate'],
      ['PUBLIC', 'private'],
    ])('Cache-Control %s becomes %s', async (given, expected) => {
      const served = await answering((res) => {
        if (given) res.set('Cache-Control', given);
        res.set({ 'Surrogate-Control': 'max-age=9', 'CDN-Cache-Control': 'max-age=9', 'X-Accel-Expires': '9' });
        res.json({});
      });
      const { headers } = await ask(served.url);
      expect(headers['cache-control']).toBe(expected);
      for (const name of ['surrogate-control', 'cdn-cache-control', 'x-accel-expires']) {
        expect(headers).not.toHaveProperty(name);
      }
    });

    test.each([
      [undefined, 'x-api-key'],
      ['Accept', 'Accept, x-api-key'],
      ['X-Api-Key', 'X-Api-Key'],
      ['*', '*'],
    ])('Vary %s becomes %s', async (given, expected) => {
      const served = await answering((res) => {
        if (given) res.set('Vary', given);
        res.json({});
      });
      expect((await ask(served.url)).headers.vary).toBe(expected);
    });
  });

  describe('Redacted', () => {
    const bodies = (res: Response): void => void res.json(JSON.parse(PAGE));

    test.each([
      [{ transcript: false, metrics: [] }, 'transcript, metrics'],
      [{ transcript: false, metrics: 'all' as const }, 'transcript'],
      [{ transcript: true, metrics: ['A'] }, 'metrics'],
      [EVERYTHING, undefined],
    ])('of a project with %j is %s', async (features, expected) => {
      const served = await answering(bodies, { features: () => features });
      for (const method of ['GET', 'HEAD']) {
        expect((await ask(served.url, { method })).headers.redacted).toBe(expected);
      }
      const names = expected?.split(', ');
      expect(served.withheld).toEqual(names ? [names, names] : []);
    });

    test('of a body that mixes projects names what was withheld, where the body is in hand', async () => {
      const features = (id: string | undefined) => ({ transcript: id === 'A' || id === 'B', metrics: 'all' as const });
      const text = (ids: string[]) =>
        JSON.stringify({ conversations: ids.map((project_id) => ({ project_id, turns: [1], metrics: { M: 1 } })) });
      const served = await serve(
        express,
        (app, redact) => {
          app.get('/json', redact(), (req, res) => void res.json(JSON.parse(text(req.query.ids as string[]))));
          app.get('/end', redact(), (req, res) => void res.type('json').end(text(req.query.ids as string[])));
          app.get('/write', redact(), (req, res) => {
            res.type('json').write(text(req.query.ids as string[]));
            res.end();
          });
        },
        { routeProject: null, features },
      );
      const redacted = async (path: string) => (await ask(served.url + path)).headers.redacted;
      for (const path of ['/json', '/end']) {
        expect(await redacted(`${path}?ids=A&ids=B`)).toBeUndefined();
        expect(await redacted(`${path}?ids=A&ids=C`)).toBe('transcript');
      }
      // The head of a stream leaves before anybody knows whose conversations will follow.
      expect(await redacted('/write?ids=A&ids=B')).toBe('transcript, metrics');
    });

    test('adds to what an upstream says of its own redaction', async () => {
      const served = await answering(
        (res) => {
          res.set('Redacted', 'metrics');
          res.type('json').end('{}');
        },
        { features: () => ({ transcript: false, metrics: 'all' }) },
      );
      expect((await ask(served.url)).headers.redacted).toBe('transcript, metrics');
    });
  });

  describe('HEAD', () => {
    test('has the head that GET has, tag and length included', async () => {
      const served = await serve(express, (app, redact) => {
        app.get('/json', redact(), (_req, res) => void res.json(JSON.parse(PAGE)));
        app.get('/send', redact(), (_req, res) => void res.type('json').send(PAGE));
        app.get('/buffer', redact(), (_req, res) => void res.type('json').send(Buffer.from(PAGE)));
      });
      for (const path of ['/json', '/send', '/buffer']) {
        const get = await ask(served.url + path);
        const head = await ask(served.url + path, { method: 'HEAD' });
        expect({ ...head.headers, date: '' }).toEqual({ ...get.headers, date: '' });
        expect(head.headers['content-length']).toBe(String(get.body.length));
        expect(head.text).toBe('');
      }
    });

    test('says no length where only the unredacted one is known', async () => {
      const served = await serve(express, (app, redact) => {
        app.get('/', redact(), (_req, res) => {
          res.type('json').set('Content-Length', String(Buffer.byteLength(PAGE)));
          res.write(PAGE);
          res.end(PAGE);
        });
        app.get('/coded', redact(), (_req, res) => {
          res.type('json').set({ 'Content-Encoding': 'gzip', 'Content-Length': '99' }).end();
        });
      });
      for (const path of ['/', '/coded']) {
        const { headers, text, status } = await ask(served.url + path, { method: 'HEAD' });
        expect([status, text]).toEqual([200, '']);
        expect(headers).not.toHaveProperty('content-length');
        expect(headers).not.toHaveProperty('content-encoding');
      }
    });
  });

  describe('statuses', () => {
    test.each([204, 304])('%i has no body, whatever is written', async (status) => {
      const served = await serve(express, (app, redact) => {
        app.get('/end', redact(), (_req, res) => void res.status(status).end());
        app.get('/coded', redact(), (_req, res) => {
          res.status(status).type('json').set({ 'Content-Encoding': 'gzip' }).end();
        });
        app.get('/json', redact(), (_req, res) => void res.status(status).json(JSON.parse(PAGE)));
        app.get('/write', redact(), (_req, res) => {
          res.status(status).type('json').write(PAGE);
          res.end(PAGE);
        });
      });
      for (const path of ['/end', '/coded', '/json', '/write']) {
        const bytes = await bytesOf(served.port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
        expect(bytes).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*\r\n\r\n$`));
        expect(bytes).not.toMatch(/content-(length|encoding)/i);
      }
    });

    test.each([400, 404, 410, 500, 503])('%i has a body that is cut down like any other', async (status) => {
      const served = await serve(express, (app, redact) => {
        app.get('/', redact(), (_req, res) => void res.status(status).json(JSON.parse(PAGE)));
        app.get('/end', redact(), (_req, res) => void res.status(status).type('application/problem+json').end(PAGE));
      });
      for (const path of ['/', '/end']) {
        const answer = await ask(served.url + path);
        expect(answer.status).toBe(status);
        expect(JSON.parse(answer.text)).toEqual(JSON.parse(REDACTED));
      }
    });

    test('205 through Express has a length of zero', async () => {
      const served = await answering((res) => void res.status(205).json({ turns: [1] }));
      const answer = await ask(served.url);
      expect([answer.status, answer.headers['content-length'], answer.text]).toEqual([205, '0', '']);
    });

    test('early hints, 102 and 100 pass', async () => {
      const served = await serve(express, (app, redact) => {
        app.post('/', redact(), (_req, res) => {
          res.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
          res.writeProcessing();
          res.json({ turns: [SECRET] });
        });
      });
      const bytes = await bytesOf(
        served.port,
        'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n',
      );
      expect(bytes.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 100', 'HTTP/1.1 103', 'HTTP/1.1 102', 'HTTP/1.1 200']);
      expect(bytes).not.toContain(SECRET);
    });
  });

  describe('trailers', () => {
    test('leave, but for digests of the body that did not', async () => {
      const served = await answering((res) => {
        res.set({ Trailer: 'X-Count, Content-MD5', 'Content-Length': '7' }).type('json');
        res.write(PAGE);
        res.addTrailers({ 'X-Count': '3', 'Content-MD5': 'abc' });
        res.end();
      });
      const answer = await ask(served.url);
      expect(answer.text).toBe(REDACTED);
      expect(answer.trailers).toEqual({ 'x-count': '3' });
    });

    test('leave after a body that is sent whole', async () => {
      const served = await answering((res) => {
        res.set({ Trailer: 'X-Count' }).type('json');
        res.addTrailers([['X-Count', '3']] as never);
        res.end(PAGE);
      });
      const answer = await ask(served.url);
      expect(answer.text).toBe(REDACTED);
      expect(answer.trailers).toEqual({ 'x-count': '3' });
      expect(answer.headers['content-length']).toBeUndefined();
    });
  });

  test('HTTP/1.0 gets the body without chunks', async () => {
    const served = await answering((res) => {
      res.type('json');
      res.write(PAGE.slice(0, 200));
      res.end(PAGE.slice(200));
    });
    const bytes = await bytesOf(served.port, 'GET / HTTP/1.0\r\n\r\n');
    expect(Buffer.from(bytes.slice(bytes.indexOf('\r\n\r\n') + 4), 'latin1').toString()).toBe(REDACTED);
  });

  test('pipelined requests are answered in their order', async () => {
    const served = await serve(express, (app, redact) => {
      app.get('/slow', redact(), (_req, res) => {
        res.type('json').write(PAGE.slice(0, 200));
        setImmediate(() => res.end(PAGE.slice(200)));
      });
      app.get('/fast', redact(), (_req, res) => void res.json({ turns: [SECRET], fast: true }));
    });
    const bytes = await new Promise<string>((resolve) => {
      const socket = net.connect(served.port, '127.0.0.1');
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
        if (text.includes('"fast":true}')) socket.destroy();
      });
      socket.on('close', () => resolve(text));
      socket.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\nGET /fast HTTP/1.1\r\nHost: a\r\n\r\n');
    });
    expect(bytes.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    expect(bytes.indexOf('"cursor"')).toBeLessThan(bytes.indexOf('"fast"'));
    expect(bytes).not.toContain(SECRET);
  });

  test('connections are kept alive', async () => {
    const served = await answering((res) => void res.json({ turns: [1] }));
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<number | undefined>();
    for (let i = 0; i < 3; i++) {
      await new Promise<void>((resolve, reject) => {
        const request = http.get(served.url, { agent }, (response) => {
          ports.add(request.socket?.localPort);
          response.resume().on('end', resolve);
        });
        request.on('error', reject);
      });
    }
    agent.destroy();
    expect(ports.size).toBe(1);
  });
});
