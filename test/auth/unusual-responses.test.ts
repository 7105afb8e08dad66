import { once } from 'node:events';
import http, { ServerResponse } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import type { Request, RequestHandler, Response } from 'express';
import { expresses } from '../support/express-versions';
import { waitUntil } from '../support/wait-until';
import { streamEvents, useStreams } from './open-streams';

/** More than the buffers of a connection take. */
const LARGE = Buffer.alloc(16_000_000, 'a');

describe.each(expresses)('%s', (_name, express) => {
  const { setUp, open } = useStreams(express);
  let server: http.Server;
  let sockets: net.Socket[];
  beforeEach(() => {
    sockets = [];
  });
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    server?.closeAllConnections();
    server?.close();
  });

  /** A client that reads nothing. */
  async function connect(listener: http.RequestListener, headers: string): Promise<net.Socket> {
    server = http.createServer(listener).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1').pause();
    socket.on('error', () => {}); // closed by the server
    sockets.push(socket);
    socket.write(`GET /p/A HTTP/1.1\r\nHost: a\r\n${headers}\r\n\r\n`);
    return socket;
  }

  test.each<[string, (res: Response) => unknown]>([
    ['at once', (res) => res.end(LARGE)],
    ['in pieces', (res) => [res.write(LARGE.subarray(0, 1000)), res.write(LARGE), res.end()]],
  ])(
    'a body of a type that passes through, written %s, ends with its key while a client reads slowly',
    async (_way, send) => {
      const { apiKeys, app, create } = setUp();
      let res: Response | undefined;
      await apiKeys.projects.set('A', { transcript: true, metrics: ['CSAT'] });
      app.get(
        '/p/:project',
        apiKeys.requireApiKey('conversations', { agent: 'project' }),
        apiKeys.redactResponse({ passthrough: ['audio/*'] }),
        (_req: Request, response: Response) => {
          res = response.type('audio/wav');
          send(response);
        },
      );
      const { key, token } = await create();
      const socket = await connect(app, `X-API-Key: ${token}`);
      await waitUntil('it has ended', () => res?.writableEnded === true);
      await apiKeys.keys.delete(key.id);
      await waitUntil('its connection is closed', () => res!.destroyed);
      const closed = once(socket, 'close');
      socket.resume();
      await closed;
      expect(socket.bytesRead).toBeLessThan(LARGE.length);
    },
  );

  test('a response is not watched after its end, if Express does not know it and an app has replaced req.apiKey', async () => {
    const { apiKeys, create, ended } = setUp();
    const router = express.Router();
    const replace: RequestHandler = (req, _res, next) => {
      req.apiKey = undefined;
      expect(apiKeys.apiKeyOf(req).signal.aborted).toBe(false);
      next();
    };
    router.get(
      '/p/:project',
      apiKeys.requireApiKey('conversations', { endOnRevocation: true }) as RequestHandler,
      replace,
      (_req: Request, res: Response) => void res.end('data'),
    );
    router.get(
      '/stream',
      apiKeys.requireApiKey('conversations', { endOnRevocation: true }) as RequestHandler,
      (_req, res) => {
        res.write('data');
      },
    );
    const { key, token } = await create();
    const listener: http.RequestListener = (req, res) => router(req as Request, res as Response, () => res.end());
    const whole = await connect(listener, `X-API-Key: ${token}\r\nConnection: close`);
    whole.resume();
    await once(whole, 'close');
    const stream = await open(listener, '/stream', token);
    await apiKeys.keys.delete(key.id);
    await stream.closed;
    expect(ended).toHaveLength(1);
  });

  test('the responses of a key end with it, also when an app has replaced methods of some by ones that throw', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const { apiKeys, create, ended } = setUp();
    const app = express();
    const responses: Response[] = [];
    const fail = () => {
      throw Object.create(null);
    };
    const breaks: ((res: Response) => void)[] = [
      (res) => {
        res.destroy = fail;
      },
      (res) => Object.defineProperty(res, 'closed', { get: fail }),
    ];
    app.get('/', apiKeys.requireApiKey('conversations', { endOnRevocation: true }), (_req, res) => {
      // Most of them, so that an exception for each would take more time than there is.
      if (responses.length % 5 !== 0) breaks[responses.length % 2]!(res);
      responses.push(res);
      res.write('data');
    });
    const { key, token } = await create();
    const streams: Awaited<ReturnType<typeof open>>[] = [];
    for (let i = 0; i < 20; i++) streams.push(await open(app, '/', token));
    await apiKeys.keys.delete(key.id);
    await Promise.all(streams.filter((_, i) => i % 5 === 0 || i % 2 === 0).map(({ closed }) => closed));
    expect(ended.length).toBeGreaterThan(0);
    expect(warn).toHaveBeenCalledWith(
      expect.stringMatching(/^A response could not be ended with its key or feature: a method of it failed/),
      'KeyscopeWarning',
    );
    warn.mockRestore();
    for (const res of responses) res.socket?.destroy();
  });

  test('the connection of an upgraded request ends with its key', async () => {
    const { apiKeys, app, create } = setUp();
    app.get(
      '/p/:project',
      apiKeys.requireApiKey('conversations', { agent: 'project', endOnRevocation: true }),
      (req: Request) => void req.socket.write('upgraded'),
    );
    const { key, token } = await create();
    const socket = await connect(app, 'Connection: close');
    server.on('upgrade', (req) => app(req as Request, new ServerResponse(req) as Response));
    socket.destroy();
    const upgraded = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
    sockets.push(upgraded);
    upgraded.on('error', () => {}); // closed by the server
    upgraded.write(`GET /p/A HTTP/1.1\r\nHost: a\r\nX-API-Key: ${token}\r\nConnection: Upgrade\r\nUpgrade: a\r\n\r\n`);
    await once(upgraded, 'data');
    const closed = once(upgraded, 'close');
    await apiKeys.keys.delete(key.id);
    await closed;
  });

  test('a response without destroy does not keep others from ending with their keys', async () => {
    const { apiKeys, app, create, ended } = setUp();
    const withoutDestroy: RequestHandler = (_req, res, next) => {
      Object.assign(res, { destroy: undefined });
      next();
    };
    const requires = apiKeys.requireApiKey('conversations', { endOnRevocation: true });
    app.get('/odd', withoutDestroy, requires, streamEvents);
    app.get('/stream', requires, streamEvents);
    const { key, token } = await create();
    const odd = await open(app, '/odd', token);
    const stream = await open(app, '/stream', token);
    await apiKeys.keys.delete(key.id);
    await stream.closed;
    await waitUntil('both have ended', () => ended.length === 2);
    odd.close();
  });
});
