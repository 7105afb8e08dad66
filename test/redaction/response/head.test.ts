import http from 'node:http';
import net from 'node:net';
import type { Response } from 'express';
import { expresses } from '../../support/express-versions';
import { ask, bytesOf, closeAll, page, redactedPage, SECRET, serve } from './harness';

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

    test('writeHead keeps headers that a list contains twice', async () => {
      const served = await answering((res) => {
        res.setHeader('Set-Cookie', 'gone=1');
        res.writeHead(200, ['Content-Type', 'application/json', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']);
        res.end('{}');
      });
      expect((await ask(served.url)).headers['set-cookie']).toEqual(['a=1', 'b=2']);
    });

    test('writeHead throws as in Node for an invalid status, an odd list, and a second call', async () => {
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

    test('the status line has the reason of the handler', async () => {
      const served = await answering((res) => {
        res.writeHead(200, 'Quite Fine', { 'Content-Type': 'application/json' });
        res.end('{}');
      });
      const bytes = await bytesOf(served.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      expect(bytes).toMatch(/^HTTP\/1\.1 200 Quite Fine\r\n/);
    });

    test('the head is written once, after middleware mounted before and after could change it', async () => {
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

    test('a response is rejected when middleware changes its type after the decision', async () => {
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

    test.each([400, 404, 410, 500, 503])('a JSON body with the status %i is redacted', async (status) => {
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
    test('trailers are sent, except digests of the unredacted body', async () => {
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

    test('trailers are sent after a body that is sent at once', async () => {
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
