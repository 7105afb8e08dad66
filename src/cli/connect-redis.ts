import { createRequire } from 'node:module';
import path from 'node:path';
import type { RedisClient } from '../store/redis/client';
import { usageError } from './io';
import { clientOptionsOf } from './redis-address';
import type { CliSettings } from './settings';

interface Ioredis {
  readonly Redis: new (
    ...args: readonly [address: string, options: object] | readonly [options: object]
  ) => RedisClient;
  readonly Cluster: new (nodes: readonly object[], options: object) => RedisClient;
}

/** Loads ioredis: the project's own, which the app uses, or the one installed beside this package. */
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
  throw usageError('ioredis is not installed here. Run `npm install ioredis`.');
}

/** A Redis client that fails at once instead of reconnecting: an operator is waiting. */
export function connectRedis(settings: Pick<CliSettings, 'redis' | 'cluster' | 'keyPrefix'>, cwd: string): RedisClient {
  const { Redis, Cluster } = loadIoredis(cwd);
  const { redis, cluster, keyPrefix } = settings;
  const never = () => null;
  if (!cluster) {
    const address = redis[0] as string;
    const options = { keyPrefix, retryStrategy: never, lazyConnect: true };
    const special = clientOptionsOf(address);
    return quiet(special === null ? new Redis(address, options) : new Redis({ ...special, ...options }));
  }
  if (redis.some((address) => clientOptionsOf(address) !== null)) {
    throw usageError(
      '--cluster: expected addresses such as redis://127.0.0.1:6379. A Cluster has no Sentinels and no sockets.',
    );
  }
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

/** Commands reject with the error. Without a listener, ioredis would print it also. */
function quiet(client: RedisClient): RedisClient {
  client.on('error', () => {});
  return client;
}
