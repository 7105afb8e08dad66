import { Redis } from 'ioredis';
import type { Delivery } from '../../src/store/delivery-store';
import { createMemoryStore } from '../../src/store/memory';
import { createRedisStore } from '../../src/store/redis/redis-store';
import type { Store } from '../../src/store/store';
import { createWebhookService } from '../../src/webhooks/service';
import { fakeClock } from '../support/clock';
import { expresses } from '../support/express-versions';
import { type TestRedis, testRedis } from '../support/redis/test-redis';
import { EVE, READER, setup } from './setup';

const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;

let redis: TestRedis;
let client: Redis;
const stores: Store[] = [];
beforeAll(async () => {
  redis = await testRedis();
  client = new Redis(redis.url);
});
afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()));
  client.disconnect();
  await redis.stop();
});

function redisStore(): Store {
  const store = createRedisStore({ client, namespace: `${redis.namespace}:${stores.length}`, storeTimeout: 5000 });
  stores.push(store);
  return store;
}

function deliveryOf(id: string, workspaceId = 'acme'): Delivery {
  const subject = { workspaceId, target: 'k1', name: 'CRM', actor: null, source: null, before: null, after: null };
  const event = { id: `event-${id}`, type: 'key.created', at: 1, ...subject } as const;
  return { id, url: 'https://hooks.example.com/', event, attempts: 11, lastError: 'The endpoint responded with 500.' };
}

describe.each([
  ['memory', () => createMemoryStore()],
  ['Redis', redisStore],
])('in %s', (_, createStore) => {
  test('GET /webhooks/failed lists the webhooks of the workspace, in pages, latest first', async () => {
    const store = createStore();
    for (let i = 0; i < 450; i++) {
      await store.putDelivery(deliveryOf(`d${i}`, i % 150 === 0 ? 'acme' : 'evil'), 'failed', 1000 + i);
    }
    const { as } = setup(undefined, { store });
    const first = (await as(READER).get('/webhooks/failed?limit=2').expect(200)).body;
    expect(first.webhooks.map(({ id }: { id: string }) => id)).toEqual(['d300', 'd150']);
    expect(first.webhooks[0]).toEqual({
      ...{ id: 'd300', url: 'https://hooks.example.com/', type: 'key.created', eventId: 'event-d300', target: 'k1' },
      ...{ attempts: 11, lastError: 'The endpoint responded with 500.', failedAt: new Date(1300).toISOString() },
    });
    const second = (await as().get(`/webhooks/failed?limit=2&cursor=${first.cursor}`).expect(200)).body;
    expect(second).toMatchObject({ webhooks: [{ id: 'd0' }], cursor: null });
    await as(EVE).get(`/webhooks/failed?cursor=${first.cursor}`).expect(400);
    expect((await as(EVE).get('/webhooks/failed?limit=200').expect(200)).body.webhooks).toHaveLength(200);
  });

  test('POST /webhooks/failed/:id/replay makes a webhook of the workspace due', async () => {
    const store = createStore();
    await store.putDelivery(deliveryOf('d1'), 'failed', 1000);
    const { as, clock } = setup(undefined, { store });
    const replay = (user?: string) => as(user).post('/webhooks/failed/d1/replay');
    expect((await replay(EVE).expect(404)).body).toMatchObject({ code: 'not_found' });
    await replay(READER).expect(403);
    expect(await store.dueDeliveries(clock.wall(), 10)).toEqual([]);
    await replay().expect(204);
    expect(await store.dueDeliveries(clock.wall(), 10)).toMatchObject([{ id: 'd1', attempts: 0 }]);
    await replay().expect(404);
    expect((await as().get('/webhooks/failed').expect(200)).body).toEqual({ webhooks: [], cursor: null });
  });
});

test.each(expresses)(
  'GET /webhooks lists the endpoints of the workspace without secrets, on %s',
  async (_, express) => {
    const store = createMemoryStore();
    const asked: string[] = [];
    const endpoints = (workspaceId: string) => {
      asked.push(workspaceId);
      const types = ['key.rotated', 'key.deleted'] as const;
      return [
        { url: 'https://hooks.example.com/a', secret: SECRET },
        { url: 'https://hooks.example.com/b', secret: [SECRET], types },
      ];
    };
    const webhooks = createWebhookService({ store, clock: fakeClock(), endpoints });
    const { as } = setup(express, { store, deps: { webhooks } });
    const { body, text } = await as(READER).get('/webhooks').expect(200);
    expect(body).toEqual({
      endpoints: [
        { url: 'https://hooks.example.com/a', types: null },
        { url: 'https://hooks.example.com/b', types: ['key.rotated', 'key.deleted'] },
      ],
    });
    expect(text).not.toContain('whsec');
    expect(asked).toEqual(['acme']);
    const failing = createWebhookService({
      store,
      clock: fakeClock(),
      endpoints: () => Promise.reject(new Error('10.0.0.9 is unreachable')),
    });
    const { as: asOther, reported } = setup(express, { store, deps: { webhooks: failing } });
    const failed = await asOther().get('/webhooks').expect(500);
    expect(failed.text).not.toContain('10.0.0.9');
    expect(reported).toHaveLength(1);
    await as(null).get('/webhooks').expect(401);
    expect((await setup(express).as().get('/webhooks').expect(200)).body).toEqual({ endpoints: [] });
  },
);
