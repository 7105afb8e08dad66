import { createRequire } from 'node:module';
import path from 'node:path';
import type { RedisClient } from '../store/redis/client';
import { usageError } from './io';
import type { CliSettings } from './settings';

interface Ioredis {
  readonly Redis: new (url: string, options: object) => RedisClient;
  readonly Cluster: new (nodes: readonly object[], options: object) => RedisClient;
}

/** The project's own ioredis first, which the app uses too; else what is installed beside this package. */
function loadIoredis(cwd: string): Ioredis {
  for (const from of [path.join(cwd, 'package.json'), __filename]) {
    const load = createRequire(from);
    let entry: string;
    try {
      entry = load.resolve('ioredis');
    } catch {
      continue;
    }
    return load(entry) as Ioredis;
  }
  throw usageError('ioredis, through which Redis is reached, is not installed here: run `npm install ioredis`.');
}

/** A connection that fails at once instead of trying for ever: somebody is waiting. */
export function connectRedis(settings: CliSettings, cwd: string): RedisClient {
  const { Redis, Cluster } = loadIoredis(cwd);
  const { redis, cluster, keyPrefix } = settings;
  const never = () => null;
  if (!cluster) return quiet(new Redis(redis[0] as string, { keyPrefix, retryStrategy: never, lazyConnect: true }));
  const urls = redis.map((address) => new URL(address));
  const [first] = urls as [URL, ...URL[]];
  const redisOptions = {
    username: decodeURIComponent(first.username) || undefined,
    password: decodeURIComponent(first.password) || undefined,
    tls: first.protocol === 'rediss:' ? {} : undefined,
  };
  const nodes = urls.map(({ hostname, port }) => ({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || 6379),
  }));
  return quiet(new Cluster(nodes, { keyPrefix, redisOptions, clusterRetryStrategy: never, lazyConnect: true }));
}

/** What goes wrong is told by whoever waits for it; without a listener, ioredis would print it as well. */
function quiet(client: RedisClient): RedisClient {
  client.on('error', () => {});
  return client;
}
