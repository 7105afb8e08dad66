import { once } from 'node:events';
import type http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import express from 'express';
import Redis from 'ioredis';
import { type ApiKeys, createApiKeys } from 'keyscope';
import { type RedisServer, startRedis } from '../support/redis/server';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy';
import { waitUntil } from '../support/wait-until';

const permissions = { conversations: { label: 'Conversations' } };
const LAG = 400;
const ALL = { transcript: true, metrics: 'all' } as const;
/** More than the buffers of a connection take. Bytes: to serialize them would block the process for longer than a lease. */
const LARGE = Buffer.from(JSON.stringify({ turns: Array.from({ length: 50 }, () => 'said'.repeat(250_000)) }));

let server: RedisServer;
let proxy: TcpProxy;
let clients: Redis[];
let apiKeys: ApiKeys<'conversations'>;
let other: ApiKeys<'conversations'>;
let listening: http.Server;
let sockets: net.Socket[];
/** By path. */
let responses: Map<string, express.Response>;
let token: string;

beforeEach(async () => {
  server = await startRedis();
  proxy = await startTcpProxy({ target: server.port });
  clients = [new Redis(proxy.port), new Redis(server.url)];
  for (const client of clients) client.on('error', () => {}); // one is cut off
  const [redis, direct] = clients as [Redis, Redis];
  apiKeys = createApiKeys({ permissions, redis, maxRevocationLag: LAG, storeTimeout: LAG });
  other = createApiKeys({ permissions, redis: direct });
  await apiKeys.ready();
  await other.projects.set('A', ALL);
  ({ token } = await other.keys.create({ name: 'x', agents: 'all', permissions: ['conversations'] }));
  responses = new Map();
  sockets = [];
  const app = express();
  const handlers: express.RequestHandler[] = [
    apiKeys.requireApiKey('conversations', { agent: 'project' }) as express.RequestHandler,
    apiKeys.redactResponse(),
    (req, res, next) => {
      responses.set(req.path, res);
      next();
    },
  ];
  app.get('/:project/value', handlers, (_req: express.Request, res: express.Response) => {
    res.type('json').write('{"turns":["said"');
  });
  app.get('/:project/whole', handlers, (_req: express.Request, res: express.Response) => {
    res.type('json').end(LARGE);
  });
  listening = app.listen(0, '127.0.0.1');
  await once(listening, 'listening');
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  listening.close();
  listening.closeAllConnections();
  await apiKeys.close();
  await other.close();
  for (const client of clients) client.disconnect();
  await proxy.close();
  await server.stop();
});

/** A response to a client that reads nothing. */
async function open(path: string) {
  const socket = net.connect((listening.address() as AddressInfo).port, '127.0.0.1').pause();
  socket.on('error', () => {}); // closed by the server
  sockets.push(socket);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: ${token}\r\n\r\n`);
  await waitUntil('the response has begun', () => responses.get(path)?.headersSent === true);
  const response = responses.get(path) as express.Response;
  expect(response.getHeader('redacted')).toBeUndefined();
  /** Reads all that has been sent, when the connection is closed. */
  async function countBytes(): Promise<number> {
    const closed = once(socket, 'close');
    socket.resume();
    await closed;
    return socket.bytesRead;
  }
  return { response, countBytes };
}

test.each(['value', 'whole'])(
  'a JSON body that passes through to a slow client ends when another process makes the configuration stricter: %s',
  async (path) => {
    const slow = await open(`/A/${path}`);
    await other.projects.set('A', { ...ALL, transcript: false });
    await waitUntil('its connection is closed', () => slow.response.closed);
    expect(await slow.countBytes()).toBeLessThan(LARGE.length);
  },
);

test.each(['value', 'whole'])(
  'a JSON body that passes through to a slow client ends when the process cannot reach Redis: %s',
  async (path) => {
    const slow = await open(`/A/${path}`);
    proxy.hinder('other', { toServer: { blackHole: true }, toClient: { blackHole: true } });
    await other.projects.set('A', { ...ALL, transcript: false });
    await waitUntil('its connection is closed', () => slow.response.closed);
    expect(await slow.countBytes()).toBeLessThan(LARGE.length);
  },
);

test.each(['value', 'whole'])(
  'a JSON body that passes through to a slow client goes on when another project of its workspace is configured: %s',
  async (path) => {
    // Longer than from one look at the open responses to the next.
    proxy.hinder('other', { toServer: { delay: LAG / 8 }, toClient: {} });
    const others = ['B', 'C', 'D', 'E'];
    for (const project of others) await other.projects.set(project, ALL);
    const slow = await open(`/A/${path}`);
    for (const project of others) await open(`/${project}/value`);
    let looks = 0;
    Object.defineProperty(slow.response, 'closed', {
      get() {
        looks++;
        return false;
      },
    });
    await waitUntil('it has been looked at', () => looks > 0);
    for (const project of others) {
      await other.projects.set(project, { ...ALL, transcript: false });
      await waitUntil(`that of ${project} is closed`, () => responses.get(`/${project}/value`)?.destroyed === true);
    }
    expect(slow.response.destroyed).toBe(false);
  },
);
