import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import express from 'express';
import { createPlatformKeys, type PlatformKeys } from '../../../example-app/api-keys';
import { createApp } from '../../../example-app/app';
import { connectRedis } from '../../../example-app/connect-redis';
import { createPlatformData } from '../../../example-app/data/platform-data';
import { listen } from '../../../example-app/listen';
import { type TestRedis, testRedis } from '../../support/redis/test-redis';
import { waitUntil } from '../../support/wait-until';

export const PASSWORD = 'correct-horse-battery';
export const WORKSPACE = 'ws-fd112d8f';
export const PROJECT = 'PROJECT-58RP822I';
/** Mount path of a console whose app accepts any agent. */
export const OPEN = '/open/api-keys';
export const OTHER_PROJECT = 'PROJECT-7QK2M0XD';

const HOOK_SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const BUILD = join(__dirname, '..', '..', '..', 'scripts', 'build-console.mjs');

/** Builds the page into the folder that the example app reads. */
export function buildPage(): void {
  execFileSync(process.execPath, [BUILD], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** The example app on a Redis, and its keys. */
export interface World {
  readonly apiKeys: PlatformKeys;
  /** Without a slash at its end. */
  readonly address: string;
  readonly redis: TestRedis;
  /** The endpoint of webhooks, with the status that it responds with. */
  readonly hook: { readonly url: string; status: number; received: number };
  create(
    name: string,
    more?: Partial<Parameters<PlatformKeys['keys']['create']>[0]>,
  ): Promise<{ id: string; token: string }>;
  /** Sends requests with a key, one after the other. Resolves when they are counted. */
  use(key: { id: string; token: string }, times: number, path?: string): Promise<void>;
  /** Stops the server, and starts it again at the same address. */
  goDown(): Promise<void>;
  comeBack(): Promise<void>;
  stop(): Promise<void>;
}

export async function startWorld(): Promise<World> {
  const redis = await testRedis();
  const client = await connectRedis(redis.url, () => undefined);
  let address = '';
  const hook = { url: '', status: 204, received: 0 };
  const apiKeys = createPlatformKeys({
    redis: client,
    namespace: redis.namespace,
    usageFlushInterval: 100,
    maxRevocationLag: 5000,
    storeTimeout: 5000,
    webhooks: () => [{ url: hook.url, secret: HOOK_SECRET, types: ['key.disabled'], allowPrivate: true }],
  });
  await apiKeys.ready();
  const app = createApp({
    apiKeys,
    data: createPlatformData(),
    operatorPassword: PASSWORD,
    exampleUrl: () => `${address}/v1/agents`,
  });
  // A second console, without restrictions on agents and without features.
  const site = express();
  site.use(
    OPEN,
    apiKeys.adminRouter({ authenticate: () => ({ workspaceId: WORKSPACE, actor: 'operator@acme-uk.example' }) }),
  );
  site.get(
    '/trial/:project',
    apiKeys.requireApiKey('conversations', { mode: 'report', agent: 'project', compareWith: () => true }),
    apiKeys.redactResponse({ mode: 'report' }),
    (_req, res) => void res.json({ conversations: [{ turns: ['hello'] }] }),
  );
  site.post('/hook', (_req, res) => {
    hook.received += 1;
    res.status(hook.status).end();
  });
  site.use(app);
  let server = await listen(site, { host: '127.0.0.1', port: 0 });
  const { port } = server;
  address = `http://127.0.0.1:${port}`;
  hook.url = `${address}/hook`;

  async function requests(id: string): Promise<number> {
    const { days } = await apiKeys.usage(id);
    return days.reduce((sum, { allowed, denied }) => sum + allowed + denied, 0);
  }

  return {
    apiKeys,
    address,
    redis,
    hook,
    async create(name, more = {}) {
      const { key, token } = await apiKeys.keys.create({
        workspaceId: WORKSPACE,
        name,
        agents: 'all',
        permissions: ['conversations'],
        createdBy: 'admin@acme.example',
        ...more,
      });
      return { id: key.id, token };
    },
    async use({ id, token }, times, path = '/v1/agents') {
      const before = await requests(id);
      for (let sent = 0; sent < times; sent += 1) {
        const response = await fetch(address + path, { headers: { 'x-api-key': token } });
        await response.arrayBuffer();
      }
      await waitUntil('the requests have been counted', async () => (await requests(id)) === before + times);
    },
    goDown: () => server.close(),
    async comeBack() {
      server = await listen(site, { host: '127.0.0.1', port });
    },
    async stop() {
      await server.close();
      await apiKeys.close();
      client.disconnect();
      await redis.stop();
    },
  };
}
