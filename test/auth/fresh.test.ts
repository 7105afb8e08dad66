import express from 'express';
import Redis from 'ioredis';
import { createApiKeys } from 'keyscope';
import request from 'supertest';
import { type RedisServer, startRedis } from '../support/redis/server';

const permissions = { transfers: { label: 'Transfers' } };
const KEY = { name: 'k', permissions: ['transfers'] } as const;

describe('fresh', () => {
  let server: RedisServer;
  const ends: (() => unknown)[] = [];

  beforeEach(async () => {
    server = await startRedis();
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    await server.stop();
  });

  function connect(options: object = {}): Redis {
    const redis = new Redis({ port: server.port, ...options });
    redis.on('error', () => {});
    ends.push(() => redis.disconnect());
    return redis;
  }

  /** An app that uses cached keys for a minute, because Redis sends it no invalidations. */
  async function setUp(whenStoreDown?: { serveStaleFor: string }) {
    await connect().call('ACL', 'SETUSER', 'app', 'on', '>pw', '~*', '&*', '+@all', '-client|tracking');
    const options = { permissions, maxRevocationLag: '1m', whenStoreDown } as const;
    const apiKeys = createApiKeys({ ...options, redis: connect({ username: 'app', password: 'pw' }) });
    const elsewhere = createApiKeys({ permissions, redis: connect() });
    ends.push(
      () => apiKeys.close(),
      () => elsewhere.close(),
    );
    await Promise.all([apiKeys.ready(), elsewhere.ready()]);
    const app = express();
    app.get('/cached', apiKeys.requireApiKey('transfers'), (_req, res) => void res.json({}));
    app.get('/fresh', apiKeys.requireApiKey('transfers', { fresh: true }), (_req, res) => void res.json({}));
    const { key, token } = await apiKeys.keys.create(KEY);
    const get = async (path: string, sent = token) => (await request(app).get(path).set('x-api-key', sent)).status;
    return { apiKeys, elsewhere, get, key, token };
  }

  test('requireApiKey denies a revoked key at once when fresh is true, although the cache has it', async () => {
    const { apiKeys, elsewhere, get, key, token } = await setUp();
    expect([await get('/cached'), await get('/fresh'), await get('/fresh')]).toEqual([200, 200, 200]);
    await elsewhere.keys.update(key.id, { disabled: true });
    expect(await get('/cached')).toBe(200);
    expect(await apiKeys.verify(token)).toMatchObject({ ok: true });
    expect(await apiKeys.verify(token, { fresh: true })).toMatchObject({ ok: false, error: { code: 'disabled_key' } });
    expect(await get('/fresh')).toBe(401);
    // The read has updated the cache.
    expect(await get('/cached')).toBe(401);
  });

  test('requireApiKey denies a malformed token without a read when fresh is true', async () => {
    const { get, token } = await setUp();
    await server.kill('SIGSTOP');
    expect(await get('/fresh', token.slice(1))).toBe(401);
    await server.kill('SIGCONT');
  });

  test('requireApiKey responds 503 when fresh is true and the store is unreachable, also with whenStoreDown', async () => {
    const { get } = await setUp({ serveStaleFor: '1h' });
    expect(await get('/cached')).toBe(200);
    await server.kill('SIGKILL');
    expect([await get('/cached'), await get('/fresh')]).toEqual([200, 503]);
  });
});
