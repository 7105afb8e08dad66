import type { Application, Request, RequestHandler, Response } from 'express';
import { MISREADS_NAMES } from '../../../src/redaction/member-name-table';
import { expresses } from '../../support/express-versions';
import { ask, closeAll, EVERYTHING, page, type Redact, redactedPage, SECRET, serve } from './harness';

const PAGE = page();

/** The prototype of an application's responses. */
function responseOf(app: Application): Response {
  return (app as unknown as { response: Response }).response;
}

afterEach(closeAll);

describe.each(expresses)('%s: objects', (_name, express) => {
  type Handler = (req: Request, res: Response) => unknown;
  async function answering(handler: Handler, set: (app: Application) => void = () => {}, ...around: Handler[]) {
    return serve(express, (app, redact) => {
      set(app);
      app.get('/', redact(), (req, res) => void handler(req, res), ...(around as RequestHandler[]));
    });
  }

  const SENDERS: Record<string, (res: Response, body: unknown) => unknown> = {
    json: (res, body) => res.json(body),
    jsonp: (res, body) => res.jsonp(body),
    send: (res, body) => res.send(body),
  };

  describe.each(Object.keys(SENDERS))('res.%s', (sender) => {
    const send = SENDERS[sender]!;

    test('the value of the handler is never changed', async () => {
      const body = JSON.parse(PAGE);
      const frozen = (value: unknown): unknown => {
        if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(frozen);
        return value;
      };
      frozen(body);
      const before = JSON.stringify(body);
      const served = await answering((_req, res) => send(res, body));
      for (let i = 0; i < 3; i++) {
        expect((await ask(served.url)).text).toBe(JSON.stringify(JSON.parse(redactedPage())));
      }
      expect(JSON.stringify(body)).toBe(before);
    });

    test('settings of the application are used: spaces, escapes, replacer', async () => {
      const body = { id: '<b>&', turns: [{ a: SECRET }], metrics: { CALL_COMPLETED: 'x', 'A&B': SECRET }, n: 1 };
      const redacted = { id: '<b>&', turns: [], metrics: { CALL_COMPLETED: 'x' }, n: 1 };
      const settings: [Record<string, unknown>, (text: string) => string][] = [
        [{ 'json spaces': 2 }, () => JSON.stringify(redacted, null, 2)],
        [{ 'json spaces': '\t' }, () => JSON.stringify(redacted, null, '\t')],
        [{ 'json escape': true }, (text) => text.replace(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`)],
        [
          { 'json replacer': (key: string, value: unknown) => (key === 'n' ? 2 : value) },
          () => JSON.stringify({ ...redacted, n: 2 }),
        ],
        [{ 'json replacer': ['id', 'n', 'turns'] }, () => '{"id":"<b>&","n":1,"turns":[]}'],
      ];
      for (const [setting, expected] of settings) {
        const served = await answering(
          (_req, res) => send(res, body),
          (app) => {
            for (const [name, value] of Object.entries(setting)) app.set(name, value);
          },
        );
        const { text, headers, body: bytes } = await ask(served.url);
        // A cleared array keeps the indentation of its items if the text was redacted.
        expect(text.replace(/\[\s+\]/, '[]')).toBe(expected(JSON.stringify(redacted)));
        expect(headers['content-length']).toBe(String(bytes.length));
      }
    });

    test('fields that a replacer adds are redacted', async () => {
      const served = await answering(
        (_req, res) => send(res, { id: 1, turns: [], 'me&trics': {} }),
        (app) => {
          app.set('json escape', true);
          app.set('json replacer', (key: string, value: unknown) => {
            if (key === '') return { ...(value as object), metrics: { 'HANDOFF&': SECRET } };
            return key === 'turns' ? [SECRET] : value;
          });
        },
      );
      expect((await ask(served.url)).text).toBe('{"id":1,"turns":[],"me\\u0026trics":{},"metrics":{}}');
    });

    test('a replacer that is set later is used', async () => {
      const served = await serve(express, (app, redact) => {
        app.get('/', redact(), (_req, res) => void send(res, { id: 1, turns: [] }));
        app.get('/set', (_req, res) => {
          app.set('json replacer', (key: string, value: unknown) =>
            key === 'id' ? 2 : key === 'turns' ? [SECRET] : value,
          );
          res.end();
        });
      });
      expect((await ask(served.url)).text).toBe('{"id":1,"turns":[]}');
      await ask(`${served.url}/set`);
      expect((await ask(served.url)).text).toBe('{"id":2,"turns":[]}');
    });

    test('the result of toJSON is redacted, and private fields are not sent', async () => {
      class Conversation {
        readonly #turns = [SECRET];
        readonly id = 'a';
        hidden = 'private field';
        toJSON() {
          return { id: this.id, turns: this.#turns };
        }
      }
      const served = await answering((_req, res) => send(res, { conversations: [new Conversation()] }));
      expect((await ask(served.url)).text).toBe('{"conversations":[{"id":"a","turns":[]}]}');
    });

    test('values that JSON.stringify cannot print get the error of Express', async () => {
      const loop: Record<string, unknown> = {};
      loop.conversations = [loop];
      const served = await answering((_req, res) => {
        expect(() => send(res, loop)).toThrow(/circular/i);
        expect(() => send(res, { n: 1n })).toThrow(/BigInt/);
        send(res, { turns: [SECRET] });
      });
      expect((await ask(served.url)).text).toBe('{"turns":[]}');
    });

    test.each([null, true, 0, '', [], {}, [null, 1]])('prints %j as it is', async (body) => {
      const served = await answering((_req, res) =>
        sender === 'send' && typeof body !== 'object' ? res.json(body) : send(res, body),
      );
      const { text } = await ask(served.url);
      expect(text).toBe(sender === 'send' && body === null ? '' : JSON.stringify(body));
    });
  });

  describe('names that V8 misreads', () => {
    /** Parses a body of an upstream whose name of a field is escaped. Some versions of V8 read another name once they have met it. */
    function upstreamBody(): Record<string, unknown> {
      JSON.parse('{"id":1,"t\\\\u00":1}');
      return JSON.parse(`{"id":1,"t\\u0075rns":["${SECRET}"]}`) as Record<string, unknown>;
    }

    const SETTINGS: Record<string, Record<string, unknown>> = {
      none: {},
      'json spaces': { 'json spaces': 2 },
      'json escape': { 'json escape': true },
      'json replacer': { 'json replacer': (_key: string, value: unknown) => value },
    };
    class Conversation {
      constructor(body: object) {
        Object.assign(this, body);
      }
    }
    const BODIES: Record<string, (body: Record<string, unknown>) => unknown> = {
      'a body': (body) => body,
      'a conversation in a page': (body) => ({ conversations: [body] }),
      'the result of toJSON': (body) => ({ toJSON: () => body }),
      'a class instance': (body) => new Conversation(body),
    };
    const WAYS = {
      ...SENDERS,
      'send of a text': (res: Response, body: unknown) => res.type('json').send(JSON.stringify(body)),
      end: (res: Response, body: unknown) => res.type('json').end(JSON.stringify(body)),
      'jsonp with a callback': (res: Response, body: unknown) => {
        Object.defineProperty(res.req, 'query', { value: { callback: 'cb' } });
        return res.jsonp(body);
      },
    };

    describe.each(Object.entries(WAYS))('%s', (_way, send) => {
      describe.each(Object.entries(BODIES))('%s', (_body, make) => {
        test.each(Object.entries(SETTINGS))(
          'a field is not sent when its name was misread: %s',
          async (_n, settings) => {
            const served = await answering(
              (_req, res) => send(res, make(upstreamBody())),
              (app) => {
                for (const [name, value] of Object.entries(settings)) app.set(name, value);
              },
            );
            const { text } = await ask(served.url);
            expect(text).not.toContain(SECRET);
            expect(text).toMatch(MISREADS_NAMES ? /unredactable_response/ : /"turns": *\[/);
          },
        );
      });
    });
  });

  test('an old call with a status and a body', async () => {
    if (_name !== 'Express 4') return;
    const served = await answering((req, res) => {
      const json = res.json as unknown as (...args: unknown[]) => void;
      const send = res.send as unknown as (...args: unknown[]) => void;
      if (req.query.way === '0') json.call(res, 404, { turns: [SECRET] });
      else if (req.query.way === '1') json.call(res, { turns: [SECRET] }, 404);
      else send.call(res, 404, { turns: [SECRET] });
    });
    for (const way of [0, 1, 2]) {
      const answer = await ask(`${served.url}/?way=${way}`);
      expect([answer.status, answer.text]).toEqual([404, '{"turns":[]}']);
    }
  });

  describe('an application that wraps every body', () => {
    const ENVELOPED = { data: { turns: ['kept: no conversation'], conversations: [{ turns: [SECRET] }] } };
    const enveloping: RequestHandler = (_req, res, next) => {
      const json = res.json;
      res.json = function enveloped(body: unknown) {
        return Reflect.apply(json, this, [{ data: body }]);
      };
      next();
    };

    function routes(app: Application, redact: Redact, before: RequestHandler[], after: RequestHandler[]): void {
      app.get('/', ...before, redact({ conversations: 'data.conversations[*]' }), ...after, (_req, res) => {
        res.json(ENVELOPED.data);
      });
    }

    test.each(['before', 'after'])(
      'a wrapped body is redacted with the wrapping middleware mounted %s',
      async (where) => {
        const served = await serve(express, (app, redact) =>
          where === 'before' ? routes(app, redact, [enveloping], []) : routes(app, redact, [], [enveloping]),
        );
        expect((await ask(served.url)).text).toBe(
          '{"data":{"turns":["kept: no conversation"],"conversations":[{"turns":[]}]}}',
        );
      },
    );

    test('a body that the application wraps is redacted', async () => {
      const served = await serve(express, (app, redact) => {
        const { json } = responseOf(app);
        responseOf(app).json = function enveloped(body: unknown) {
          return Reflect.apply(json, this, [{ data: body }]);
        };
        routes(app, redact, [], []);
      });
      for (let i = 0; i < 2; i++) {
        expect((await ask(served.url)).text).toBe(
          '{"data":{"turns":["kept: no conversation"],"conversations":[{"turns":[]}]}}',
        );
      }
    });

    test('a body that is wrapped by a later change of the application is redacted', async () => {
      const served = await serve(express, (app, redact) => {
        routes(app, redact, [], []);
        app.get('/wrap', (_req, res) => {
          const { send } = responseOf(app);
          responseOf(app).send = function enveloped(body: unknown) {
            const wrapped = typeof body === 'string' && body.includes('"conversations"') ? `{"data":${body}}` : body;
            return Reflect.apply(send, this, [wrapped]);
          };
          res.end();
        });
      });
      await ask(served.url);
      await ask(`${served.url}/wrap`);
      expect((await ask(served.url)).text).not.toContain(SECRET);
    });
  });

  test('a mounted application with senders of its own', async () => {
    const served = await serve(express, (app, redact) => {
      const mounted = express();
      const { json } = responseOf(mounted);
      responseOf(mounted).json = function wrapped(body: unknown) {
        return Reflect.apply(json, this, [{ conversations: [body] }]);
      };
      mounted.get('/page', (_req, res) => void res.json({ turns: [SECRET] }));
      app.use('/mounted', redact({ conversations: 'conversations[*]' }), mounted);
    });
    expect((await ask(`${served.url}/mounted/page`)).text).toBe('{"conversations":[{"turns":[]}]}');
  });

  test('bytes that differ from the redacted ones are filtered', async () => {
    const served = await serve(express, (app, redact) => {
      // The prototype of Express, which some monitoring tools patch.
      const shared = Object.getPrototypeOf(responseOf(app)) as Response;
      const { send } = shared;
      shared.send = function detour(this: Response, body: unknown) {
        const other = Buffer.from(JSON.stringify({ other: true, turns: [SECRET] }));
        return Reflect.apply(send, this, [this.req.query.other ? other : body]);
      };
      app.get('/', redact(), (_req, res) => void res.json({ turns: [1] }));
      app.get('/text', redact(), (_req, res) => void res.type('json').send('{"turns":[1]}'));
      app.get('/restore', (_req, res) => {
        shared.send = send;
        res.end();
      });
    });
    for (const path of ['/', '/text']) {
      expect((await ask(served.url + path)).text).toBe('{"turns":[]}');
      expect((await ask(`${served.url}${path}?other=1`)).text).toBe('{"other":true,"turns":[]}');
    }
    await ask(`${served.url}/restore`);
  });

  test('ETag and Content-Length describe the sent body for every project', async () => {
    for (const features of [EVERYTHING, { transcript: false, metrics: 'all' as const }]) {
      const served = await serve(
        express,
        (app, redact) => app.get('/', redact(), (_req, res) => void res.json({ id: 1, turns: [1] })),
        { features: () => features },
      );
      const plain = await serve(express, (app) =>
        app.get('/', (_req, res) => void res.json({ id: 1, turns: features.transcript ? [1] : [] })),
      );
      const { headers, text } = await ask(served.url);
      const expected = await ask(plain.url);
      expect(text).toBe(expected.text);
      expect(headers.etag).toBe(expected.headers.etag);
      expect(headers['content-length']).toBe(expected.headers['content-length']);
      expect(headers['content-type']).toBe(expected.headers['content-type']);
    }
  });

  test('values that only the application can print are printed by it, and redacted', async () => {
    const big = { id: 12n, turns: [SECRET] };
    const served = await serve(express, (app, redact) => {
      const shared = Object.getPrototypeOf(responseOf(app)) as Response;
      const { json } = shared;
      const printable = (_name: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);
      app.get('/', redact(), (_req, res) => void res.json(big));
      app.get('/patch', (_req, res) => {
        shared.json = function patched(this: Response, body: unknown) {
          return Reflect.apply(json, this, [JSON.parse(JSON.stringify(body, printable))]);
        };
        res.end();
      });
      app.get('/restore', (_req, res) => {
        shared.json = json;
        res.end();
      });
      app.use(((error: Error, _req, res, _next) => {
        res.status(500).json({ message: error.message, turns: [SECRET] });
      }) as import('express').ErrorRequestHandler);
    });
    const refused = await ask(served.url);
    expect([refused.status, refused.text]).toEqual([
      500,
      '{"message":"Do not know how to serialize a BigInt","turns":[]}',
    ]);
    await ask(`${served.url}/patch`);
    expect((await ask(served.url)).text).toBe('{"id":"12","turns":[]}');
    await ask(`${served.url}/restore`);
  });

  test('no tag where the application has turned tags off', async () => {
    const served = await answering(
      (_req, res) => res.json({ turns: [1] }),
      (app) => app.disable('etag'),
    );
    expect((await ask(served.url)).headers).not.toHaveProperty('etag');
  });

  test('a text of Express keeps the parameters of its type', async () => {
    for (const [type, expected] of [
      ['application/json', 'application/json; charset=utf-8'],
      ['application/json; charset=UTF-8', /^application\/json; charset=utf-8$/i],
      ['application/ld+json; profile="a b"', 'application/ld+json; profile="a b"; charset=utf-8'],
    ] as const) {
      const served = await answering((_req, res) => {
        res.setHeader('Content-Type', type);
        res.send(PAGE);
      });
      const { headers, text } = await ask(served.url);
      expect(text).toBe(redactedPage());
      expect(headers['content-type']).toEqual(
        typeof expected === 'string' ? expected : expect.stringMatching(expected),
      );
    }
  });
});
