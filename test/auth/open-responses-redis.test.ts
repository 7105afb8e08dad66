import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import Redis from 'ioredis';
import { type ApiKeys, createApiKeys } from 'keyscope';
import { type RedisServer, startRedis } from '../support/redis/server';
import { waitUntil } from '../support/wait-until';

const permissions = { conversations: { label: 'Conversations' } };
const LAG = 1000;

describe('with Redis', () => {
  let server: RedisServer;
  let redis: Redis;
  let admin: Redis;
  let apiKeys: ApiKeys<'conversations'>;
  let token: string;
  let id: string;

  beforeEach(async () => {
    server = await startRedis({ persistent: true });
    [redis, admin] = [new Redis(server.url, { retryStrategy: () => 50, disconnectTimeout: 50 }), new Redis(server.url)];
    for (const client of [redis, admin]) client.on('error', () => {}); // refused connections are the subject here
    apiKeys = createApiKeys({ permissions, redis, maxRevocationLag: LAG, storeTimeout: LAG });
    await apiKeys.ready();
    await waitUntil('there are leases', () => apiKeys.health().nodes.every(({ trusted }) => trusted));
    const created = await apiKeys.keys.create({ name: 'x', agents: 'all', permissions: ['conversations'] });
    token = created.token;
    id = created.key.id;
  });
  afterEach(async () => {
    await apiKeys.close();
    redis.disconnect();
    admin.disconnect();
    await server.stop();
  });

  async function openSignal(): Promise<AbortSignal> {
    const verified = await apiKeys.verify(token, { permission: 'conversations' });
    if (!verified.ok) throw verified.error;
    return verified.key.signal;
  }

  /** Waits for as long as a key could be used without being confirmed. */
  async function untilLeaseWouldHaveEnded(): Promise<void> {
    const until = performance.now() + 3 * LAG;
    await waitUntil('every lease of now would have ended', () => performance.now() > until);
  }

  test('a signal aborts when another process deletes the key', async () => {
    const signal = await openSignal();
    const other = createApiKeys({ permissions, redis: admin });
    const aborted = once(signal, 'abort');
    await other.keys.delete(id);
    await aborted;
    expect(signal.reason).toMatchObject({ code: 'invalid_key' });
    await other.close();
  });

  test.each(['SIGKILL', 'SIGSTOP'] as const)(
    'a signal aborts with store_unavailable when the store cannot confirm the key after %s',
    async (kill) => {
      const signal = await openSignal();
      const reasons: string[] = [];
      apiKeys.on('ended', ({ reason }) => reasons.push(reason));
      const aborted = once(signal, 'abort');
      await server.kill(kill);
      await aborted;
      expect(signal.reason).toMatchObject({ code: 'store_unavailable', status: 503 });
      expect(reasons).toEqual(['store']);
    },
  );

  test('a signal aborts when another process disables the feature that the request required', async () => {
    const other = createApiKeys({ permissions, redis: admin });
    await other.projects.set('A', { transcript: true, metrics: [] });
    const { requireApiKey, requireFeature } = apiKeys;
    let signal: AbortSignal | undefined;
    const app = express();
    app.get('/', requireApiKey('conversations'), requireFeature('transcript', { project: () => 'A' }), (req, res) => {
      signal = req.apiKey?.signal;
      res.write('sound');
    });
    const listening = app.listen(0, '127.0.0.1');
    await once(listening, 'listening');
    const { port } = listening.address() as AddressInfo;
    const sent = http.get({ port, headers: { 'x-api-key': token } });
    await once(sent, 'response');
    await untilLeaseWouldHaveEnded();
    expect(signal?.aborted).toBe(false);
    const aborted = once(signal as AbortSignal, 'abort');
    await other.projects.set('A', { transcript: false, metrics: 'all' });
    await aborted;
    expect(signal?.reason).toMatchObject({ code: 'feature_not_enabled' });
    sent.destroy();
    listening.close();
    listening.closeAllConnections();
    await other.close();
  });

  test('a signal does not abort when the connections are replaced', async () => {
    const signal = await openSignal();
    await admin.call('client', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await admin.call('client', 'KILL', 'TYPE', 'pubsub', 'SKIPME', 'yes');
    await untilLeaseWouldHaveEnded();
    expect(signal.aborted).toBe(false);
  });

  test('a signal costs no reads while Redis sends invalidations', async () => {
    const signal = await openSignal();
    const reads = async () => Number(/cmdstat_hmget:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1] ?? 0);
    await waitUntil('the key is confirmed', () => apiKeys.health().mode === 'tracking');
    await untilLeaseWouldHaveEnded();
    const before = await reads();
    await untilLeaseWouldHaveEnded();
    expect((await reads()) - before).toBe(0);
    expect(signal.aborted).toBe(false);
  });

  test('a signal aborts after a deletion that no invalidation announces, if tracking is not permitted', async () => {
    await admin.call('acl', 'setuser', 'app', 'on', '>pw', '~*', '&*', '+@all', '-client|tracking');
    const limited = new Redis(server.port, { username: 'app', password: 'pw' });
    const untracked = createApiKeys({ permissions, redis: limited, maxRevocationLag: LAG, storeTimeout: LAG });
    await untracked.ready();
    expect(untracked.health().mode).toBe('per-entry');
    const verified = await untracked.verify(token);
    if (!verified.ok) throw verified.error;
    const aborted = once(verified.key.signal, 'abort');
    await apiKeys.keys.delete(id);
    await aborted;
    await untracked.close();
    limited.disconnect();
  });
});
