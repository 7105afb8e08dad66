import { Cluster, Redis } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5';
import type { RedisClient } from '../../../src/store/redis/client';

/** Address of Redis. */
export type RedisLocation =
  | { readonly kind: 'single'; readonly port: number }
  | { readonly kind: 'cluster'; readonly nodes: readonly { readonly host: string; readonly port: number }[] }
  | {
      readonly kind: 'sentinel';
      readonly name: string;
      readonly sentinels: readonly { readonly host: string; readonly port: number }[];
    };

/** Client options of the apps: the defaults, no limit on retries, and the previous major version of ioredis. */
export const CLIENT_PROFILES = ['default', 'unlimited-retries', 'ioredis5'] as const;
export type ClientProfile = (typeof CLIENT_PROFILES)[number];

function connectIoredis6(location: RedisLocation, hasUnlimitedRetries: boolean): RedisClient {
  const options = hasUnlimitedRetries ? { maxRetriesPerRequest: null, enableAutoPipelining: true } : {};
  switch (location.kind) {
    case 'single':
      return new Redis(location.port, '127.0.0.1', options);
    case 'cluster':
      return new Cluster([...location.nodes], { redisOptions: options });
    case 'sentinel':
      return new Redis({ sentinels: [...location.sentinels], name: location.name, ...options });
  }
}

function connectIoredis5(location: RedisLocation): RedisClient {
  switch (location.kind) {
    case 'single':
      return new Redis5(location.port, '127.0.0.1');
    case 'cluster':
      return new Cluster5([...location.nodes]);
    case 'sentinel':
      return new Redis5({ sentinels: [...location.sentinels], name: location.name });
  }
}

/** A client as an app creates it. Errors are ignored. */
export function connect(location: RedisLocation, profile: ClientProfile): RedisClient {
  const client =
    profile === 'ioredis5' ? connectIoredis5(location) : connectIoredis6(location, profile === 'unlimited-retries');
  client.on('error', () => {});
  return client;
}
