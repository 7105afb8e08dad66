import { Redis } from 'ioredis';
import { type ApiKeys, type ApiKeysOptions, createApiKeys } from 'keyscope';
import { type TestRedis, testRedis } from '../support/redis/test-redis';

const permissions = { conversations: { label: 'Conversations data' } };

export interface RedisApps {
  readonly client: Redis;
  /** Of the present test. */
  readonly namespace: string;
  /** A process of the app, closed after the test. `isRedis: false`: on a store in memory. */
  start(options?: Partial<ApiKeysOptions<'conversations'>>, isRedis?: boolean): ApiKeys<'conversations'>;
}

/** Apps on real Redis, with a namespace for each test. Registers the hooks that start and end them. */
export function redisApps(): RedisApps {
  let redis: TestRedis;
  let client: Redis;
  let namespaces = 0;
  let namespace: string;
  let open: ApiKeys<'conversations'>[] = [];
  beforeAll(async () => {
    redis = await testRedis();
    client = new Redis(redis.url);
  });
  beforeEach(() => {
    namespace = `${redis.namespace}:${++namespaces}`;
  });
  afterEach(async () => {
    await Promise.all(open.map((apiKeys) => apiKeys.close()));
    open = [];
  });
  afterAll(async () => {
    client.disconnect();
    await redis.stop();
  });
  return {
    get client() {
      return client;
    },
    get namespace() {
      return namespace;
    },
    start(options = {}, isRedis = true) {
      const apiKeys = createApiKeys({
        permissions,
        maxRevocationLag: '10s',
        storeTimeout: '10s',
        ...(isRedis && { redis: client, namespace }),
        ...options,
      });
      open.push(apiKeys);
      return apiKeys;
    },
  };
}
