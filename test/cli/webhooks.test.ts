import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import { createApiKeys } from 'keyscope';
import { waitUntil } from '../support/wait-until';
import { createWorld, jsonLines, type World } from './harness';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.end());

test('webhooks failed lists what was given up, and webhooks replay lets the app send it again', async () => {
  let status = 410;
  let requests = 0;
  const server = createServer((_, res) => {
    requests += 1;
    res.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
  const redis = new Redis(world.redis.url);
  const apiKeys = createApiKeys({
    permissions: { conversations: { label: 'Conversations' } },
    redis,
    namespace: world.redis.namespace,
    recordSettings: false,
    webhooks: [{ url, secret, allowPrivate: true }],
  });
  expect(await world.run(['webhooks', 'failed'])).toMatchObject({ code: 0, stdout: '' });
  const { key } = await apiKeys.keys.create({ name: 'CRM', permissions: ['conversations'] });
  await waitUntil('the webhook has failed', async () => (await apiKeys.webhooks.failed()).length > 0);

  const people = await world.run(['webhooks', 'failed']);
  expect(people.stdout).toMatch(/^FAILED +ID +TYPE +URL +REASON\n\d{4}-\S+Z +\S+ +key\.created +http/);
  const [failed] = jsonLines((await world.run(['webhooks', 'failed', '--json'])).stdout) as [Record<string, string>];
  expect(failed).toMatchObject({ target: key.id, url, attempts: 1 });
  expect(people.stdout + JSON.stringify(failed)).not.toContain('whsec_');

  status = 204;
  expect(await world.run(['webhooks', 'replay', failed.id!])).toMatchObject({ code: 0 });
  await waitUntil('the webhook has arrived', () => requests === 2);
  expect(await world.run(['webhooks', 'replay', failed.id!])).toMatchObject({ code: 1 });
  await apiKeys.close();
  redis.disconnect();
  server.close();
});
