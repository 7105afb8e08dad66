import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Request, Response } from 'express';
import { type ApiKeysOptions, createApiKeys } from 'keyscope';
import type { expresses } from '../support/express-versions';

export const streamPermissions = { conversations: { label: 'Conversations' }, handoff: { label: 'Handoff' } };
export const BOTH = ['conversations', 'handoff'] as const;

/** A response that streams until its connection is closed. */
export interface Stream {
  readonly status: number | undefined;
  /** Resolves when the connection is closed. */
  readonly closed: Promise<unknown>;
  readonly isClosed: boolean;
  close(): void;
}

export function streamEvents(_req: Request, res: Response): void {
  res.type('text/event-stream');
  res.write('data: {"id":1}\n\n');
}

/** Apps with streams, for one version of Express. Closes them after each test. */
export function useStreams(express: (typeof expresses)[number][1]) {
  let server: http.Server | undefined;
  let closing: (() => Promise<void>)[];
  let streams: Stream[];
  beforeEach(() => {
    closing = [];
    streams = [];
  });
  afterEach(async () => {
    for (const stream of streams) stream.close();
    for (const close of closing) await close();
    server?.closeAllConnections();
    server?.close();
  });

  function setUp(options: Partial<ApiKeysOptions<(typeof BOTH)[number]>> = {}) {
    const apiKeys = createApiKeys({ permissions: streamPermissions, maxRevocationLag: 200, ...options });
    closing.push(() => apiKeys.close());
    const ended: unknown[] = [];
    apiKeys.on('ended', ({ reason, route, method }) => ended.push([reason, method, route]));
    const app = express();
    const create = (input: object = {}) =>
      apiKeys.keys.create({ name: 'partner', agents: 'all', permissions: [...BOTH], ...input });
    return { apiKeys, app, create, ended };
  }

  async function open(app: http.RequestListener, path: string, token: string | null, headers = {}): Promise<Stream> {
    if (server === undefined || !server.listening) {
      server = http.createServer(app).listen(0, '127.0.0.1');
      await once(server, 'listening');
    }
    const { port } = server.address() as AddressInfo;
    const sent = http.get({
      port,
      path,
      agent: false,
      headers: { ...(token !== null && { 'x-api-key': token }), ...headers },
    });
    const [incoming] = (await once(sent, 'response')) as [http.IncomingMessage];
    let isClosed = false;
    const closed = new Promise<void>((resolve) => {
      incoming.on('error', () => {});
      incoming.on('close', () => {
        isClosed = true;
        resolve();
      });
    });
    incoming.resume();
    const stream: Stream = {
      status: incoming.statusCode,
      closed,
      get isClosed() {
        return isClosed;
      },
      close: () => void incoming.destroy(),
    };
    streams.push(stream);
    return stream;
  }

  return { setUp, open };
}
