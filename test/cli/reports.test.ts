import express from 'express';
import { Redis } from 'ioredis';
import { createApiKeys } from 'keyscope';
import request from 'supertest';
import { waitUntil } from '../support/wait-until';
import { createWorld, jsonLines, type World } from './harness';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.end());

test('reports prints what routes in report mode would have denied or removed', async () => {
  expect((await world.run(['reports'])).stdout).toMatch(/^since +\d{4}-\d\d-\d\d\nreports +0\n$/);
  const redis = new Redis(world.redis.url);
  const apiKeys = createApiKeys({
    permissions: { conversations: { label: 'Conversations' } },
    redis,
    namespace: world.redis.namespace,
    recordSettings: false,
    usageFlushInterval: 100,
  });
  const app = express();
  const options = { mode: 'report', agent: false, compareWith: () => true } as const;
  app.get(
    '/calls',
    apiKeys.requireApiKey('conversations', options),
    apiKeys.redactResponse({ mode: 'report' }),
    (_req, res) => {
      res.json({ conversations: [{ turns: ['hello'] }] });
    },
  );
  const { key, token } = await apiKeys.keys.create({ name: 'CRM', permissions: ['conversations'] });
  await request(app).get('/calls').expect(200);
  await request(app).get('/calls').set('x-api-key', token).expect(200);
  const json = async () => jsonLines((await world.run(['reports', '--json', '--days', '1'])).stdout)[0]!;
  await waitUntil('all is counted', async () => (await json()).total === 3);

  const people = await world.run(['reports']);
  expect(people.code).toBe(0);
  expect(people.stdout).toMatch(/COUNT +REPORT +ROUTE +KEY/);
  for (const line of [
    /^1 +would deny: missing_key \(missing\) +GET \/calls +- /m,
    /^1 +would deny, the other check allowed: missing_key \(missing\) +GET \/calls +- /m,
    new RegExp(`^1 +would remove transcript +GET /calls +${key.id} `, 'm'),
  ]) {
    expect(people.stdout).toMatch(line);
  }
  expect(await json()).toMatchObject({ other: 0, reports: [{ count: 1 }, { count: 1 }, { count: 1 }] });
  expect(await world.run(['reports', '--days', 'all'])).toMatchObject({ code: 2 });
  expect(await world.run(['reports', '--days', '15'])).toMatchObject({ code: 2 });
  await apiKeys.close();
  redis.disconnect();
});
