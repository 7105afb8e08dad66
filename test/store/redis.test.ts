import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import type { RedisClient } from '../../src/store/redis/client';
import { createRedisStore } from '../../src/store/redis/redis-store';
import { type TestRedis, testRedis } from '../support/redis/test-redis';
import { storeContract } from './contract';

const AUDIT_LIMIT = 200;

/** Clients with the options that apps use. An option that changes replies, keys or timing must not change results. */
const CLIENTS: Record<string, (url: string) => RedisClient & { disconnect(): void }> = {
  'ioredis 6': (url) => new Redis(url),
  'ioredis 5': (url) => new Redis5(url),
  'ioredis 6 with RESP3 shapes, a key prefix and pipelines of its own': (url) =>
    new Redis(url, {
      protocol: 3,
      replyMapping: 'resp3',
      keyPrefix: 'app:{curly}:',
      stringNumbers: true,
      enableAutoPipelining: true,
    }),
};

describe.each(Object.entries(CLIENTS))('%s', (name, connect) => {
  let redis: TestRedis;
  let client: ReturnType<typeof connect>;

  storeContract(`a store in Redis, through ${name}`, {
    auditLimit: AUDIT_LIMIT,
    async open() {
      redis = await testRedis();
      client = connect(redis.url);
      // Generous, because this suite is about results, and the machine can be busy.
      const store = createRedisStore({
        client,
        namespace: redis.namespace,
        storeTimeout: 10_000,
        auditLimit: AUDIT_LIMIT,
      });
      await store.ready();
      return store;
    },
    async close() {
      client.disconnect();
      await redis.stop();
    },
  });
});
