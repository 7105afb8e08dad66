import http from 'node:http';
import type { NextFunction, Request, Response } from 'express';
import { KeyscopeError } from '../../../src/errors';
import type { Features } from '../../../src/features';
import { selfTest } from '../../../src/redaction/interceptor';
import { deferred } from '../../support/deferred';
import { expresses } from '../../support/expresses';
import { ask, bytesOf, closeAll, EVERYTHING, page, redactedPage, SECRET, SOME_METRICS, serve } from './harness';

const PAGE = page();

afterEach(closeAll);

describe.each(expresses)('%s', (name, express) => {
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
      "through Node's own end": (res) => {
        res.type('json');
        Reflect.apply(http.ServerResponse.prototype.end, res, [SECRET]);
      },
      "through Node's own end, with a type that is refused": (res) => {
        res.type('csv');
        Reflect.apply(http.ServerResponse.prototype.end, res, [SECRET]);
      },
      'after the old name of writeHead': (res) => {
        const { writeHeader } = res as unknown as { writeHeader: Response['writeHead'] };
        Reflect.apply(writeHeader, res, [200, { 'Content-Type': 'text/csv' }]);
        res.end(SECRET);
      },
      "through Node's own writeHead": (res) => {
        Reflect.apply(http.ServerResponse.prototype.writeHead, res, [200, { 'Content-Type': 'text/csv' }]);
        res.write(SECRET);
        res.end(SECRET);
      },
    };

    test.each(Object.keys(ways))('do not leave: %s', async (way) => {
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

  test('two redactions on one response withhold what either withholds', async () => {
    const served = await serve(
      express,
      (app, redact) => {
        app.use(redact({ project: () => 'no transcript' }));
        app.get('/', redact({ project: () => 'no metrics' }), (req, res) => {
          if (req.query.way === 'json') res.json(JSON.parse(PAGE));
          else res.type('json').end(PAGE);
        });
      },
      {
        features: (id) =>
          id === 'no metrics'
            ? { transcript: true, metrics: ['CALL_COMPLETED'] }
            : { transcript: false, metrics: 'all' },
      },
    );
    const expected = JSON.parse(redactedPage());
    for (const way of ['json', 'end']) {
      const { text, headers } = await ask(`${served.url}/?way=${way}`);
      expect(JSON.parse(text)).toEqual(expected);
      expect(headers.redacted).toBe('transcript, metrics');
      expect(headers.vary).toBe('x-api-key');
    }
  });

  test('a thousand responses at once, each with its own project, do not mix', async () => {
    const served = await serve(
      express,
      (app, redact) => {
        app.get('/:project', redact({ project: 'project' }), async (req, res) => {
          const { project } = req.params;
          const body = { id: project, turns: [project], metrics: { [String(project)]: 1, other: 2 } };
          if (Number(project) % 3 === 0) {
            res.json(body);
            return;
          }
          res.type('json');
          for (const part of JSON.stringify(body).match(/.{1,15}/g) ?? []) {
            res.write(part);
            if (Number(project) % 3 === 1) await new Promise(setImmediate);
          }
          res.end();
        });
      },
      { features: (id) => ({ transcript: Number(id) % 2 === 0, metrics: [String(id)] }) },
    );
    const agent = new http.Agent({ maxSockets: 100, keepAlive: true });
    const answers = await Promise.all(
      Array.from({ length: 1000 }, async (_, i) => {
        const chunks: Buffer[] = [];
        await new Promise<void>((resolve, reject) => {
          http
            .get(`${served.url}/${i}`, { agent }, (response) => {
              response.on('data', (chunk) => chunks.push(chunk)).on('end', resolve);
            })
            .on('error', reject);
        });
        return Buffer.concat(chunks).toString();
      }),
    );
    agent.destroy();
    for (const [i, text] of answers.entries()) {
      const id = String(i);
      expect(JSON.parse(text)).toEqual({ id, turns: i % 2 === 0 ? [id] : [], metrics: { [id]: 1 } });
    }
  });

  test('routes without redaction are not touched', async () => {
    const served = await serve(express, (app, redact) => {
      app.get('/redacted', redact(), (_req, res) => void res.json({ turns: [1] }));
      app.get('/plain', (_req, res) => {
        for (const method of ['write', 'end', 'writeHead', 'json', '_send', 'on']) {
          expect(Object.hasOwn(res, method)).toBe(false);
        }
        res.set('Accept-Ranges', 'bytes').json({ turns: [SECRET] });
      });
    });
    await ask(`${served.url}/redacted`);
    const { headers, text } = await ask(`${served.url}/plain`);
    expect(text).toContain(SECRET);
    expect(headers).toMatchObject({ 'accept-ranges': 'bytes' });
    for (const added of ['redacted', 'vary', 'cache-control']) expect(headers).not.toHaveProperty(added);
  });

  describe('whose data it is', () => {
    const features = (id: string | undefined): Features => (id === 'open' ? EVERYTHING : SOME_METRICS);
    const mixed = JSON.stringify({
      conversations: ['open', 'closed', undefined, 5].map((project_id) => ({ project_id, turns: [1], agent: 'open' })),
    });
    const turns = (text: string): unknown =>
      JSON.parse(text).conversations.map((one: { turns: unknown[] }) => one.turns.length);

    async function turnsOf(
      project: Parameters<ReturnType<typeof import('../../../src/redaction/interceptor').createRedactResponse>>[0],
      path = '/',
      routeProject: string | null = null,
    ): Promise<unknown> {
      const served = await serve(
        express,
        (app, redact) => {
          for (const at of ['/', '/at/:id']) {
            app.get(at, redact(project), (req, res) => {
              if (req.query.way === 'write') res.type('json').end(mixed);
              else res.json(JSON.parse(mixed));
            });
          }
        },
        { features, routeProject },
      );
      const one = turns((await ask(served.url + path)).text);
      const two = turns((await ask(`${served.url}${path}${path.includes('?') ? '&' : '?'}way=write`)).text);
      expect(two).toEqual(one);
      return one;
    }

    test('the agent of the route, where it has one', async () => {
      expect(await turnsOf({}, '/', 'open')).toEqual([1, 1, 1, 1]);
      expect(await turnsOf({}, '/', 'closed')).toEqual([0, 0, 0, 0]);
    });

    test("each conversation's own project_id, where it has none", async () => {
      expect(await turnsOf({})).toEqual([1, 0, 0, 0]);
    });

    test('a member that the route names, whatever its agent', async () => {
      expect(await turnsOf({ project: { member: 'agent' } }, '/', 'closed')).toEqual([1, 1, 1, 1]);
      expect(await turnsOf({ project: { member: 'project_id' } }, '/', 'open')).toEqual([1, 0, 0, 0]);
    });

    test('a parameter or a function; a missing or repeated parameter is nobody', async () => {
      expect(await turnsOf({ project: 'id' }, '/at/open', 'closed')).toEqual([1, 1, 1, 1]);
      expect(await turnsOf({ project: 'id' }, '/?id=open', 'closed')).toEqual([1, 1, 1, 1]);
      expect(await turnsOf({ project: 'id' }, '/?id=open&id=open', 'open')).toEqual([0, 0, 0, 0]);
      expect(await turnsOf({ project: 'id' }, '/', 'open')).toEqual([0, 0, 0, 0]);
      expect(await turnsOf({ project: (req) => req.get('host') && 'open' })).toEqual([1, 1, 1, 1]);
    });

    test('nobody, as long as that is being found out', async () => {
      const waiting = deferred<{ routeProject: string; featuresFor: () => Features }>();
      const asked = deferred<Response>();
      const served = await serve(
        express,
        (app, redact) => {
          app.use((_req, res, next) => {
            asked.resolve(res);
            next();
          });
          app.get('/', redact(), (_req, res) => void res.json(JSON.parse(PAGE)));
        },
        { deps: { subjectFor: () => waiting.promise } },
      );
      const first = ask(served.url);
      const timedOut = await asked.promise;
      await new Promise(setImmediate);
      timedOut.status(503).json({ turns: [SECRET] });
      expect((await first).text).toBe('{"turns":[]}');
      const second = ask(served.url);
      waiting.resolve({ routeProject: 'open', featuresFor: () => EVERYTHING });
      expect((await second).text).toContain(SECRET);
    });

    test('a configuration that cannot be read is answered for, and the handler does not run', async () => {
      const error = new KeyscopeError('store_unavailable', 'Away.');
      for (const subjectFor of [
        () => Promise.reject(error),
        () => {
          throw error;
        },
        () => Promise.reject(new Error('unexpected')),
      ]) {
        let ran = false;
        const served = await serve(
          express,
          (app, redact) =>
            app.get('/', redact(), (_req, res) => {
              ran = true;
              res.json({});
            }),
          { deps: { subjectFor } },
        );
        const answer = await ask(served.url);
        expect(answer.status).toBe(served.failures[0]!.status);
        expect(['store_unavailable', 'unredactable_response']).toContain(served.failures[0]!.code);
        expect(ran).toBe(false);
      }
    });

    test('a function that throws is an error of the application', async () => {
      const served = await serve(express, (app, redact) => {
        app.get(
          '/',
          redact({
            project: () => {
              throw Object.assign(new Error('x'), { status: 418 });
            },
          }),
          (_req, res) => void res.json({}),
        );
        app.use(((error: { status: number }, _req: Request, res: Response, _next: NextFunction) => {
          res.status(error.status).json({ turns: [SECRET] });
        }) as never);
      });
      const answer = await ask(served.url);
      expect([answer.status, answer.text]).toEqual([418, '{"turns":[]}']);
    });
  });

  describe('the self-test', () => {
    test('passes with this Express', async () => {
      await expect(selfTest(express as never)).resolves.toBeUndefined();
      await expect(selfTest()).resolves.toBeUndefined();
    });

    test.each(['json', 'send', 'jsonp'] as const)('refuses an Express whose res.%s gets past', async (sender) => {
      const bypassing = (): ReturnType<typeof express> => {
        const app = express();
        (app as unknown as { response: Response }).response[sender] = function bypass(this: Response, body: unknown) {
          const text = typeof body === 'string' ? body : JSON.stringify(body);
          const raw = `HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${text}`;
          this.socket?.end(raw);
          return this;
        } as never;
        return app;
      };
      await expect(selfTest(bypassing as never)).rejects.toMatchObject({
        code: 'invalid_options',
        // Express' json and jsonp go through its send.
        message: expect.stringContaining(sender === 'send' ? 'with res.' : `with res.${sender}(`),
      });
    });

    test('refuses one whose way out has been patched to ours alone being skipped', async () => {
      const patched = (): ReturnType<typeof express> => {
        const app = express();
        (app as unknown as { response: Response }).response.json = function detour(this: Response, body: unknown) {
          this.setHeader('Content-Type', 'application/json');
          return Reflect.apply(http.ServerResponse.prototype.end, this, [JSON.stringify(body)]);
        } as never;
        return app;
      };
      await expect(selfTest(patched as never)).rejects.toMatchObject({ code: 'invalid_options' });
    });
  });

  test(`${name} is looked at once, not at every response`, async () => {
    let sent = 0;
    const served = await serve(express, (app, redact) => {
      // Express' own prototype: what some monitoring tools patch.
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
    for (let i = 0; i < 5; i++) expect((await ask(served.url)).text).toBe('{"turns":[]}');
    await ask(`${served.url}/restore`);
    expect((await ask(served.url)).text).toBe('{"turns":[]}');
    expect(sent).toBe(1);
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
