import express from 'express';
import Redis from 'ioredis';
import { type ApiKeys, createApiKeys } from 'keyscope';
import request from 'supertest';
import { type RedisServer, startRedis } from '../../support/redis/server';
import { waitUntil } from '../../support/wait-until';
import { WAYS } from './body-ways';
import { EVERYTHING, SECRET } from './harness';

const LAG = 1000;
const permissions = { conversations: { label: 'Conversations' } };

let server: RedisServer;
let redis: Redis;
let apiKeys: ApiKeys<'conversations'>;

beforeEach(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
  redis.on('error', () => {}); // a frozen server is the subject here
  apiKeys = createApiKeys({ permissions, redis, maxRevocationLag: LAG, storeTimeout: LAG });
  apiKeys.on('error', () => {});
  await apiKeys.ready();
});
afterEach(async () => {
  await apiKeys.close();
  redis.disconnect();
  await server.stop();
});

test.each(['json', 'pipe', 'sendFile', 'writeHead and write', "Node's own end"])(
  'no disabled field is sent when the lease has lapsed while the event loop was blocked: %s',
  async (way) => {
    await apiKeys.projects.set('P', EVERYTHING);
    const { token } = await apiKeys.keys.create({ name: 'k', agents: 'all', permissions: ['conversations'] });
    const app = express();
    const redact = apiKeys.redactResponse({ project: () => 'P' });
    let runs = 0;
    app.get('/', apiKeys.requireApiKey('conversations'), redact, (req, res) => {
      runs += 1;
      void server.kill('SIGSTOP');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LAG + 50);
      WAYS[way]!(res, req);
    });
    await waitUntil('there are leases', () => apiKeys.health().nodes.every(({ trusted }) => trusted));
    const response = await request(app)
      .get('/')
      .set('x-api-key', token)
      .catch(() => undefined);
    expect(runs).toBe(1);
    expect(response?.text ?? '').not.toContain(SECRET);
  },
);
