import http from 'node:http';
import net from 'node:net';
import { gzipSync } from 'node:zlib';
import compression from 'compression';
import type { RequestHandler, Response } from 'express';
import { createApiKeys, type KeyscopeEvents, type RedactOptions } from 'keyscope';
import { expresses } from '../../support/express-versions';
import { waitUntil } from '../../support/wait-until';
import { bytesOf, closeAll, listen } from './harness';

type Reported = KeyscopeEvents['reported'];

const permissions = { conversations: { label: 'Conversations data' } };
const BODY = { id: 1, turns: [{ text: 'secret' }], metrics: { CSAT: 5 } };
const TEXT = JSON.stringify(BODY);

/** Handlers, and what redaction would have done to their responses. */
const RESPONSES: Record<string, readonly [handler: (res: Response) => unknown, expected: object | null]> = {
  'an object': [(res) => res.json(BODY), { withheld: ['transcript', 'metrics'], rejection: null, isPartial: false }],
  'an object without such fields': [(res) => res.json({ id: 1 }), null],
  'a part of the fields': [(res) => res.json({ turns: [], id: 1 }), { withheld: ['transcript'] }],
  'a body in pieces': [
    (res) => {
      res.writeHead(200, { 'Content-Type': 'application/json' });
      for (const byte of Buffer.from(TEXT)) res.write(Buffer.from([byte]));
      res.end();
    },
    { withheld: ['transcript', 'metrics'], isPartial: false },
  ],
  lines: [
    (res) => res.type('application/x-ndjson').end(`{"id":1}\n${TEXT}\n`),
    { withheld: ['transcript', 'metrics'], isPartial: false },
  ],
  'a compressed body': [
    (res) => res.type('json').set('Content-Encoding', 'gzip').end(gzipSync(TEXT)),
    { withheld: ['transcript', 'metrics'], isPartial: false },
  ],
  'a body that cannot be redacted': [
    (res) => res.type('csv').send('id,text\n1,secret\n'),
    { withheld: [], rejection: expect.stringContaining('text/csv'), isPartial: false },
  ],
  'malformed JSON': [(res) => res.type('json').end('{"turns":['), { rejection: expect.any(String) }],
  'a larger body than is looked at': [
    (res) => res.json({ ...BODY, rest: 'x'.repeat(2_000_000) }),
    { withheld: ['transcript', 'metrics'], rejection: null, isPartial: true },
  ],
  'a body that is cut off': [
    (res) => {
      res.type('json').write('{"id":1,"turns":["secret"],');
      setImmediate(() => res.destroy());
    },
    { withheld: ['transcript'], rejection: null, isPartial: true },
  ],
  'no body': [(res) => res.status(204).end(), null],
  'a text of Express': [(res) => res.sendStatus(404), null],
  'an error that is no JSON': [
    (res) => res.status(400).type('html').send('<p>No</p>'),
    { rejection: expect.any(String) },
  ],
};

afterEach(closeAll);

describe.each(expresses)('%s', (_name, express) => {
  async function setUp(
    handler: (res: Response) => unknown,
    options: RedactOptions = {},
    before: RequestHandler[] = [],
  ) {
    const apiKeys = createApiKeys({ permissions });
    const reported: Reported[] = [];
    const errors: Error[] = [];
    apiKeys.on('reported', (event) => reported.push(event));
    apiKeys.on('error', (error) => errors.push(error));
    const { token, key } = await apiKeys.keys.create({ name: 'CRM', permissions: ['conversations'] });
    let closed = 0;
    async function ask(middleware: RequestHandler[], sends = token): Promise<string> {
      const app = express();
      app.use((_req, res, next) => {
        res.on('close', () => void closed++);
        next();
      });
      for (const use of [...before, ...middleware]) app.use(use);
      app.get('/', (_req, res) => void handler(res));
      const port = await listen(http.createServer(app));
      const text = await bytesOf(
        port,
        `GET / HTTP/1.1\r\nHost: a\r\nx-api-key: ${sends}\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n`,
      );
      return text.replace(/Date: [^\r]*/, '');
    }
    const requireApiKey = apiKeys.requireApiKey('conversations', { agent: () => 'p1' }) as RequestHandler;
    const report = apiKeys.redactResponse({ mode: 'report', ...options }) as RequestHandler;
    const isClosed = (times: number) => waitUntil('the responses are closed', () => closed >= times);
    return { apiKeys, ask, reported, errors, requireApiKey, report, isClosed, key, token };
  }

  test.each(Object.entries(RESPONSES))(
    'a response is sent unchanged and reported: %s',
    async (_what, [handler, expected]) => {
      const { ask, reported, errors, requireApiKey, report, isClosed, key } = await setUp(handler);
      const plain = await ask([]);
      expect(await ask([requireApiKey, report])).toBe(plain);
      await isClosed(2);
      if (expected !== null) await waitUntil('the response is reported', () => reported.length > 0);
      const request = { kind: 'redacted', keyId: key.id, workspaceId: 'default', method: 'GET', route: '/' };
      expect(reported).toMatchObject(expected === null ? [] : [{ ...request, ...expected }]);
      expect(errors).toEqual([]);
    },
  );

  test.each(['before', 'behind'])('a response that compression() compresses is reported: %s', async (place) => {
    const compress = compression({ threshold: 0 }) as RequestHandler;
    const { ask, reported, requireApiKey, report } = await setUp(
      (res) => res.json(BODY),
      {},
      place === 'before' ? [compress] : [],
    );
    const after = place === 'behind' ? [compress] : [];
    const plain = await ask(after);
    expect(await ask([requireApiKey, report, ...after])).toBe(plain);
    await waitUntil('the response is reported', () => reported.length > 0);
    expect(reported).toMatchObject([{ withheld: ['transcript', 'metrics'], rejection: null, isPartial: false }]);
  });

  test('the copies of open responses are bounded', async () => {
    const open: Response[] = [];
    const { apiKeys, report, requireApiKey, reported, token } = await setUp(() => {});
    const app = express();
    app.get('/', requireApiKey, report, (_req, res) => {
      open.push(res);
      res.type('json').write(`{"turns":["secret"],"rest":"${'x'.repeat(1_048_576)}`);
    });
    const port = await listen(http.createServer(app));
    const sockets = Array.from({ length: 70 }, () => net.connect(port, '127.0.0.1'));
    for (const socket of sockets) {
      socket.on('error', () => {}).resume();
      socket.write(`GET / HTTP/1.1\r\nHost: a\r\nx-api-key: ${token}\r\n\r\n`);
    }
    await waitUntil('all responses are open', () => open.length === sockets.length);
    // 64 copies hold the whole of the first chunk; of the others nothing is seen.
    for (const res of open) res.destroy();
    await waitUntil('the responses are reported', () => reported.length >= 64);
    expect(reported).toHaveLength(64);
    // The memory is free again.
    reported.length = 0;
    const socket = net
      .connect(port, '127.0.0.1')
      .on('error', () => {})
      .resume();
    socket.write(`GET / HTTP/1.1\r\nHost: a\r\nx-api-key: ${token}\r\n\r\n`);
    await waitUntil('another response is open', () => open.length > sockets.length);
    open.at(-1)!.destroy();
    await waitUntil('it is reported', () => reported.length > 0);
    await apiKeys.close();
  });

  test('a response is not reported when everything is enabled', async () => {
    const { apiKeys, ask, reported, requireApiKey, report, isClosed } = await setUp((res) => res.json(BODY));
    await apiKeys.projects.set('p1', { transcript: true, metrics: 'all' });
    await ask([requireApiKey, report]);
    await isClosed(1);
    expect(reported).toEqual([]);
  });

  test('the names that a caller chooses are reported when the project has a feature disabled', async () => {
    const { ask, reported, requireApiKey, report } = await setUp((res) => res.json({}), { callerChoosesNames: true });
    await ask([requireApiKey, report]);
    await waitUntil('the response is reported', () => reported.length > 0);
    expect(reported).toMatchObject([{ withheld: [], rejection: expect.stringContaining('chooses') }]);
  });

  test('a response is reported behind a requireApiKey that reports', async () => {
    const { apiKeys, ask, reported, report, key } = await setUp((res) => res.json(BODY));
    const requireApiKey = apiKeys.requireApiKey('conversations', {
      mode: 'report',
      agent: () => 'p1',
    }) as RequestHandler;
    await ask([requireApiKey, report]);
    await waitUntil('the response is reported', () => reported.length > 0);
    expect(reported).toMatchObject([{ kind: 'redacted', keyId: key.id }]);
  });

  test('the response to a request that would have been denied is not reported', async () => {
    const { apiKeys, ask, reported, report, isClosed } = await setUp((res) => res.json(BODY));
    const requireApiKey = apiKeys.requireApiKey('conversations', { mode: 'report' }) as RequestHandler;
    await ask([requireApiKey, report], 'abc');
    await isClosed(1);
    expect(reported).toMatchObject([{ kind: 'denied' }]);
  });

  test('an error is emitted when no requireApiKey comes before', async () => {
    const { ask, errors, report } = await setUp((res) => res.json(BODY));
    expect(await ask([report])).toContain('secret');
    await waitUntil('the error is emitted', () => errors.length > 0);
    expect(errors).toMatchObject([{ code: 'invalid_options', message: expect.stringContaining('requireApiKey()') }]);
  });
});
