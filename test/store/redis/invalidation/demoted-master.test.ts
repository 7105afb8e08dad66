import { Redis } from 'ioredis';
import { createRedisStore } from '../../../../src/store/redis/redis-store';
import { startRedis } from '../../../support/redis/server';
import { waitUntil } from '../../../support/wait-until';
import { createSample, newWorkspace } from '../../sample';

test('RedisStore reconnects the client when its master is demoted and the first use of the store was a change', async () => {
  const server = await startRedis();
  const client = new Redis(server.url, { disconnectTimeout: 50 });
  const store = createRedisStore({ client, maxRevocationLag: 2000, storeTimeout: 2000 });
  let closed = 0;
  client.on('close', () => {
    closed += 1;
  });
  try {
    const { id } = await createSample(store, newWorkspace());
    await waitUntil('the invalidation feed grants a lease', () => store.keyLease(id) !== null);
    const admin = new Redis(server.url);
    await admin.replicaof('127.0.0.1', 1);
    admin.disconnect();
    await waitUntil('the client reconnects', () => closed > 0);
  } finally {
    await store.close();
    client.disconnect();
    await server.stop();
  }
}, 30_000);
