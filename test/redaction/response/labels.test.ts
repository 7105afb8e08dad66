import type { Request, Response } from 'express';
import type { RedactOptions } from '../../../src/redaction/options';
import { expresses } from '../../support/express-versions';
import { ask, closeAll, EVERYTHING, SECRET, serve } from './harness';

afterEach(closeAll);

type Handler = (req: Request, res: Response) => unknown;

const BODY = `{"id":1.0,"turns":["${SECRET}"],"metrics":{"A":"${SECRET}"}}`;
const REDACTED = '{"id":1.0,"turns":[],"metrics":{}}';

/** Ways of sending a body of a type that is set already. */
const WAYS: Record<string, (res: Response, body: Buffer) => unknown> = {
  end: (res, body) => res.end(body),
  'send of bytes': (res, body) => res.send(body),
  'writes of single bytes': (res, body) => {
    for (const byte of body) res.write(Buffer.of(byte));
    res.end();
  },
  'writeHead and end': (res, body) => res.writeHead(200).end(body),
};

describe.each(expresses)('%s: labels of a body', (_name, express) => {
  async function answer(handler: Handler, options: RedactOptions = {}, headers: Record<string, string> = {}) {
    const served = await serve(express, (app, redact) => {
      app.get('/', redact(options), (req, res) => void handler(req, res));
    });
    return ask(served.url, { headers });
  }

  async function expectRedacted(head: Record<string, string>, options?: RedactOptions): Promise<void> {
    for (const [way, send] of Object.entries(WAYS)) {
      const { status, text } = await answer((_req, res) => {
        for (const [name, value] of Object.entries(head)) res.setHeader(name, value);
        send(res, Buffer.from(BODY));
      }, options);
      expect([way, status, text]).toEqual([way, 200, REDACTED]);
    }
  }

  describe('the charset of JSON', () => {
    test.each(['US-ASCII', 'us-ascii', 'ascii', 'ISO-8859-1', '"iso-8859-1"', 'latin1', 'windows-1252', 'cp1252'])(
      'JSON is redacted when its charset is %s',
      async (charset) => {
        await expectRedacted({ 'Content-Type': `application/json; charset=${charset}` });
        const { status, text } = await answer((_req, res) =>
          res.set('Content-Type', `application/json;charset=${charset}`).json(JSON.parse(BODY)),
        );
        expect([status, text]).toEqual([200, JSON.stringify(JSON.parse(REDACTED))]);
      },
    );

    test.each(['ISO-8859-1', 'windows-1252'])(
      'bytes that are not UTF-8 are kept when the charset is %s',
      async (charset) => {
        for (const [way, send] of Object.entries(WAYS)) {
          const { body } = await answer((_req, res) => {
            res.setHeader('Content-Type', `application/json; charset=${charset}`);
            send(res, Buffer.from(`{"caf\xe9":"na\xefve \x80","turns":["${SECRET} \xe9"]}`, 'latin1'));
          });
          expect([way, body.toString('latin1')]).toEqual([way, '{"caf\xe9":"na\xefve \x80","turns":[]}']);
        }
      },
    );

    test('bytes that are not UTF-8 are rejected when the charset is US-ASCII or not given', async () => {
      for (const type of ['application/json; charset=us-ascii', 'application/json']) {
        const { status, text } = await answer((_req, res) =>
          res.set('Content-Type', type).end(Buffer.from(`{"caf\xe9":1,"turns":["${SECRET}"]}`, 'latin1')),
        );
        expect([type, status]).toEqual([type, 500]);
        expect(text).not.toContain(SECRET);
      }
    });

    test('JSON in a charset of single bytes is rejected when a configured name is not ASCII', async () => {
      const options = { transcript: ['résumé'] };
      for (const charset of ['iso-8859-1', 'windows-1252']) {
        const { status, text } = await answer((_req, res) => {
          res.setHeader('Content-Type', `application/json; charset=${charset}`);
          res.end(Buffer.from(`{"r\xe9sum\xe9":"${SECRET}"}`, 'latin1'));
        }, options);
        expect([charset, status]).toEqual([charset, 500]);
        expect(text).not.toContain(SECRET);
      }
    });
  });

  test.each(['none', 'None', 'identity', 'IDENTITY', '', ' ', 'UTF-8'])(
    'JSON is redacted when its Content-Encoding is %j',
    async (coding) => {
      await expectRedacted({ 'Content-Type': 'application/json', 'Content-Encoding': coding });
      const { status, text } = await answer((_req, res) => res.set('Content-Encoding', coding).json(JSON.parse(BODY)));
      expect([status, text]).toEqual([200, JSON.stringify(JSON.parse(REDACTED))]);
    },
  );

  test.each(['none', ''])('an event stream is redacted when its Content-Encoding is %j', async (coding) => {
    const { text } = await answer((_req, res) => {
      res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Content-Encoding': coding });
      res.write(`data: ${BODY}\n\n`);
      res.end(`data: ${BODY}\n\n`);
    });
    expect(text).toBe(`data: ${REDACTED}\n\n`.repeat(2));
  });

  test.each([
    'application/ld+json; profile=https://www.w3.org/ns/json-ld#compacted',
    'application/json; profile=https://example.com/schema?a=1&b=(2)',
    'application/hal+json;profile=http://example.com/a:b;charset=utf-8',
    'application/json; charset=utf-8; profile=urn:a:b@c',
    'application/vnd.api+json; ext="https://jsonapi.org/ext/version"; profile="a b"',
    'application/json;',
    'application/json; ; charset=UTF-8;',
    'application/json; odata.metadata=minimal; IEEE754Compatible=false',
  ])('JSON is redacted when its type is %s', async (type) => {
    await expectRedacted({ 'Content-Type': type });
  });

  test.each([
    'application/jsonl',
    'application/x-jsonlines',
    'text/jsonl',
    'application/x-ndjson',
    'application/stream+json',
    'application/json-seq',
    'application/geo+json-seq',
    'application/vnd.a+json-seq; charset=utf-8',
  ])('records are redacted one by one when their type is %s', async (type) => {
    const write = (json: string) => (type.includes('seq') ? `\x1e${json}\n` : `${json}\n`);
    const { text } = await answer((_req, res) => res.set('Content-Type', type).end(write(BODY).repeat(2)));
    expect(text).toBe(write(REDACTED).repeat(2));
  });

  test('a body is redacted in the format that the route declares for its type', async () => {
    const formats = { 'application/octet-stream': 'ndjson', 'text/plain': 'json', 'text/x-events': 'sse' } as const;
    const bodies: Record<string, (json: string) => string> = {
      'application/octet-stream': (json) => `${json}\n${json}\n`,
      'text/plain; charset=utf-8': (json) => json,
      'text/x-events': (json) => `data: ${json}\n\n`,
    };
    for (const [type, write] of Object.entries(bodies)) {
      const { text } = await answer((_req, res) => res.setHeader('Content-Type', type).end(write(BODY)), { formats });
      expect([type, text]).toEqual([type, write(REDACTED)]);
    }
    const other = await answer((_req, res) => res.type('csv').end(SECRET), { formats });
    expect(other.status).toBe(500);
  });

  describe('several JSON values in application/json', () => {
    test.each([
      ['without a separator', (json: string) => `${json}${json}`],
      ['in lines', (json: string) => `${json}\n${json}\n`],
      ['in lines that end with CR LF', (json: string) => `${json}\r\n${json}\r\n`],
      ['of lists', (json: string) => `[${json}]\n[[${json}]]`],
      ['between scalars', (json: string) => `1\n${json}"a"${json}null ${json}true`],
      ['in a batch stream of tRPC', (json: string) => `{"json":${json}}\n[0,0,[[${json}]]]\n`],
      ['in the messages of grpc-gateway', (json: string) => `{"result":${json}}\n{"result":${json}}\n`],
    ])('each is redacted when they are written %s', async (_how, write) => {
      const options = { conversations: ['$', 'result', 'json', '[*]', '[*][*]', '[*][*][*]'] };
      for (const [way, send] of Object.entries(WAYS)) {
        const { status, text } = await answer((_req, res) => send(res.type('json'), Buffer.from(write(BODY))), options);
        expect([way, status, text]).toEqual([way, 200, write(REDACTED)]);
      }
    });

    test('each is redacted by the policy at its first byte', async () => {
      let features = EVERYTHING;
      const served = await serve(
        express,
        (app, redact) => {
          app.get('/', redact(), (_req, res) => {
            res.type('json').write('{}');
            features = { transcript: false, metrics: [] };
            res.write(BODY);
            features = { transcript: false, metrics: 'all' };
            res.end(BODY);
          });
        },
        { features: (id) => (id === 'PROJECT-1' ? features : { transcript: false, metrics: [] }) },
      );
      features = { transcript: false, metrics: 'all' };
      expect((await ask(served.url)).text).toBe(`{}${REDACTED}${REDACTED.replace('{}', `{"A":"${SECRET}"}`)}`);
    });

    test.each(['{} x', '{}}', '{},{}', '1 2.', '{"a":1}{"b"', 'nulltrue x'])(
      'the body is rejected when it goes on with something else: %s',
      async (text) => {
        const { status } = await answer((_req, res) => res.type('json').end(text));
        expect(status).toBe(500);
      },
    );
  });

  describe('ranges in another unit than bytes', () => {
    test.each(['items 0-4/30', 'conversations 0-4/30', '0-4/30', '0-4/*', 'ITEMS */30'])(
      'Content-Range %s is kept with the redacted list, with 200 and with 206',
      async (range) => {
        for (const status of [200, 206]) {
          for (const send of [
            (res: Response) => res.json([JSON.parse(BODY)]),
            (res: Response) => res.end(`[${BODY}]`),
          ]) {
            const response = await answer(
              (_req, res) => {
                res.type('json').status(status).set('Content-Range', range);
                send(res);
              },
              { conversations: '[*]' },
            );
            expect([response.status, JSON.parse(response.text)]).toEqual([status, [JSON.parse(REDACTED)]]);
            expect(response.headers['content-range']).toBe(range);
          }
        }
      },
    );

    test.each(['items=0-4', '0-4', 'conversations=10-14'])(
      'the handler receives Range %s, and a range of bytes is hidden from it',
      async (range) => {
        const echo: Handler = (req, res) => res.json({ range: req.headers.range, raw: req.rawHeaders.includes(range) });
        expect(JSON.parse((await answer(echo, {}, { range })).text)).toEqual({ range, raw: true });
        expect(JSON.parse((await answer(echo, {}, { range: 'bytes=0-4' })).text)).toEqual({ raw: false });
      },
    );

    test.each(['bytes 0-4/30', 'Bytes 0-4/30', ' bytes */30', undefined])(
      'a 206 is rejected when its Content-Range is %s',
      async (range) => {
        const { status, headers } = await answer((_req, res) => {
          if (range !== undefined) res.set('Content-Range', range);
          res.status(206).json([JSON.parse(BODY)]);
        });
        expect(status).toBe(500);
        expect(headers).not.toHaveProperty('content-range');
      },
    );
  });
});
