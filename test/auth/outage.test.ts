import express from 'express';
import Redis from 'ioredis';
import { createApiKeys } from 'keyscope';
import request from 'supertest';
import { type RedisServer, startRedis } from '../support/redis/server';
import { waitUntil } from '../support/wait-until';

const permissions = { conversations: { label: 'Conversations' } };

describe('while the store does not answer', () => {
  let server: RedisServer;
  let redis: Redis;

  beforeEach(async () => {
    server = await startRedis({ persistent: true });
    redis = new Redis(server.url);
    redis.on('error', () => {}); // refused connections are the subject here
  });
  afterEach(async () => {
    redis.disconnect();
    await server.stop();
  });

  async function setUp() {
    const apiKeys = createApiKeys({ permissions, redis, maxRevocationLag: 300, storeTimeout: 300 });
    await apiKeys.ready();
    const errors: string[] = [];
    apiKeys.on('error', (error) => errors.push(error.code));
    const app = express();
    app.get('/c', apiKeys.requireApiKey('conversations'), (_req, res) => {
      res.json({ ok: true });
    });
    const { token } = await apiKeys.keys.create({ name: 'x', agents: 'all', permissions: ['conversations'] });
    const get = () => request(app).get('/c').set('x-api-key', token);
    return { apiKeys, errors, get, token };
  }

  test.each(['SIGSTOP', 'SIGKILL'] as const)(
    'a request after %s receives 503 with Retry-After, never 401 or 200, until the store is back',
    async (signal) => {
      const { apiKeys, errors, get, token } = await setUp();
      await get().expect(200);
      await server.kill(signal);
      // The cache can be used for maxRevocationLag; then the store is needed.
      await waitUntil('memory has aged', async () => (await get()).status !== 200);
      const res = await get().expect(503);
      expect(res.body.code).toBe('store_unavailable');
      expect(res.headers['retry-after']).toMatch(/^\d+$/);
      expect(res.headers['www-authenticate']).toBeUndefined();
      expect(errors).toContain('store_unavailable');
      const verification = await apiKeys.verify(token);
      expect(verification).toMatchObject({ ok: false, error: { code: 'store_unavailable', status: 503 } });
      await expect(
        apiKeys.keys.create({ name: 'y', agents: 'all', permissions: ['conversations'] }),
      ).rejects.toMatchObject({ code: 'store_unavailable' });

      if (signal === 'SIGSTOP') await server.kill('SIGCONT');
      else await server.restart();
      await waitUntil('the store is back', async () => (await get()).status === 200);
      await apiKeys.close();
    },
  );
});
