import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import type { Request, RequestHandler, Response } from 'express';
import { expresses } from '../support/express-versions';
import { waitUntil } from '../support/wait-until';
import { streamEvents, useStreams } from './open-streams';

const ALL = { transcript: true, metrics: 'all' } as const;
const NOTHING = { transcript: false, metrics: [] };
const SECRET = 'the customer said this';

describe.each(expresses)('%s', (_name, express) => {
  const { setUp, open } = useStreams(express);
  type World = ReturnType<typeof setUp>;
  type ApiKeys = World['apiKeys'];
  const ENDS = { endOnRevocation: true };
  const requires = (apiKeys: ApiKeys, options = {}) =>
    apiKeys.requireApiKey('conversations', { agent: 'project', ...options });

  /** Has an app answer the same request with another response, which ends before the next middleware. */
  function answerPart(...middlewares: RequestHandler[]): RequestHandler {
    const part = express();
    part.use(...middlewares, (_req: Request, res: Response) => res.end('part'));
    return (req, res, next) => {
      const answer = new http.ServerResponse(req);
      answer.assignSocket(new Writable({ write: (_chunk, _encoding, done) => done() }) as net.Socket);
      answer.once('finish', () => {
        answer.detachSocket(answer.socket!);
        Object.assign(req, { res });
        Object.setPrototypeOf(res, Object.getPrototypeOf(answer));
        next();
      });
      part(req, answer as Response, next);
    };
  }
  const readSignal: RequestHandler = (req, _res, next) => next(void req.apiKey!.signal);

  const ORDERS: readonly [string, (apiKeys: ApiKeys) => readonly RequestHandler[]][] = [
    ['both end their response', (a) => [requires(a, ENDS), answerPart(requires(a, ENDS))]],
    ['the part ends its response', (a) => [requires(a), answerPart(requires(a, ENDS)), a.redactResponse()]],
    ['the part is behind redactResponse', (a) => [requires(a), a.redactResponse(), answerPart(requires(a, ENDS))]],
    ['the part reads the signal', (a) => [requires(a), answerPart(requires(a), readSignal), a.redactResponse()]],
    ['only the part has a key', (a) => [answerPart(requires(a), readSignal), requires(a), a.redactResponse()]],
  ];

  test.each(ORDERS)(
    'a stream ends with its key after a part of a batch was answered with the same request: %s',
    async (_order, middlewares) => {
      const { apiKeys, app, create, ended } = setUp();
      app.get('/p/:project', ...(middlewares(apiKeys) as []), streamEvents);
      await apiKeys.projects.set('A', ALL);
      const { key, token } = await create();
      const stream = await open(app, '/p/A', token);
      expect(stream.status).toBe(200);
      await apiKeys.keys.delete(key.id);
      await stream.closed;
      expect(ended).toEqual([['deleted', 'GET', '/p/:project']]);
    },
  );

  const json = (_req: Request, res: Response) => void res.json([{ project_id: 'A', id: 1, turns: [SECRET] }]);
  const WAITING: readonly [string, 'key' | 'project' | 'metrics', (apiKeys: ApiKeys) => readonly RequestHandler[]][] = [
    [
      'a stream whose key was deleted',
      'key',
      (a) => [
        requires(a),
        a.redactResponse(),
        (_req, res) => {
          res.type('text/event-stream').write(`data: {"turns":"${SECRET}"}\n\n`);
        },
      ],
    ],
    ['a response that ends with its key', 'key', (a) => [requires(a, ENDS), json]],
    ['a body with a field that was disabled', 'project', (a) => [requires(a), a.redactResponse(), json]],
    ['a redacted body with a field that was disabled', 'metrics', (a) => [requires(a), a.redactResponse(), json]],
  ];

  test.each(WAITING)(
    '%s is not sent if it waits for an earlier one of its connection',
    async (_what, change, handlers) => {
      const { apiKeys, app, create } = setUp();
      let first: Response | undefined;
      let second: Response | undefined;
      app.get('/first', requires(apiKeys, { agent: undefined }), (_req, res) => {
        first = res;
        res.type('text').write('first');
      });
      app.get(
        '/p/:project',
        (_req, res, next) => {
          second = res;
          next();
        },
        ...(handlers(apiKeys) as []),
      );
      await apiKeys.projects.set('A', change === 'metrics' ? { ...ALL, metrics: [] } : ALL);
      const [kept, revoked] = [await create(), await create()];
      const server = http.createServer(app).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
      let text = '';
      socket.setEncoding('utf8').on('data', (data) => {
        text += data;
      });
      const request = (path: string, token: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\nX-API-Key: ${token}\r\n\r\n`;
      socket.write(request('/first', kept.token) + request('/p/A', revoked.token));
      await waitUntil('both are answered', () => second?.headersSent === true && first !== undefined);

      if (change === 'key') await apiKeys.keys.delete(revoked.key.id);
      else await apiKeys.projects.set('A', NOTHING);
      await waitUntil('the second is destroyed', () => second!.destroyed);
      first!.end(' last');
      await once(socket, 'close');
      server.close();
      expect(text).toContain('last');
      expect(text).not.toContain(SECRET);
      expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200']);
    },
  );
});
