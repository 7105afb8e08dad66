import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { GithubSecretScanningOptions } from 'keyscope';
import { createTestKeys, type TestKeysOptions } from 'keyscope/testing';
import { pino } from 'pino';
import { OPTIONS, type Permission } from './api-keys';
import { createApp } from './app';

interface LogLine {
  readonly keyId?: string;
  readonly msg: string;
}

interface StartOptions extends Partial<TestKeysOptions<Permission>> {
  readonly githubKeys?: GithubSecretScanningOptions['publicKeys'];
}

export async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The app with its message service, which keeps the headers that it receives. */
export async function start({ githubKeys = async () => [], ...options }: StartOptions = {}) {
  const received: IncomingHttpHeaders[] = [];
  const service = createServer((req, res) => {
    received.push(req.headers);
    res.setHeader('content-type', 'application/json').end('{"sent":true}');
  });
  const lines: string[] = [];
  const keys = createTestKeys<Permission>({ ...OPTIONS, ...options });
  const app = createApp({
    apiKeys: keys.apiKeys,
    logger: pino({ base: null }, { write: (line: string) => void lines.push(line) }),
    messageService: await listen(service),
    operators: (req) => (req.get('x-operator') ? { workspaceId: 'default', name: req.get('x-operator')! } : null),
    oldCheck: (req) => req.get('x-old-key') === 'old',
    githubKeys,
  });
  const server = createServer(app);
  const url = await listen(server);
  return {
    ...keys,
    ...{ app, url, received, lines },
    log: () => lines.map((line) => JSON.parse(line) as LogLine),
    async close() {
      server.closeAllConnections();
      service.closeAllConnections();
      server.close();
      service.close();
      await keys.apiKeys.close();
    },
  };
}
