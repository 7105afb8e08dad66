import { Cluster, Redis } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5';
import type { RedisClient } from '../../../src/store/redis/client';

/** Where Redis is. */
export type Place =
  | { readonly kind: 'single'; readonly port: number }
  | { readonly kind: 'cluster'; readonly nodes: readonly { readonly host: string; readonly port: number }[] }
  | {
      readonly kind: 'sentinel';
      readonly name: string;
      readonly sentinels: readonly { readonly host: string; readonly port: number }[];
    };

/** How apps set their clients up: as it comes, with commands that wait for ever, and with the version before. */
export const HABITS = ['default', 'patient', 'previous'] as const;
export type Habit = (typeof HABITS)[number];

function connectSixth(place: Place, patient: boolean): RedisClient {
  const options = patient ? { maxRetriesPerRequest: null, enableAutoPipelining: true } : {};
  switch (place.kind) {
    case 'single':
      return new Redis(place.port, '127.0.0.1', options);
    case 'cluster':
      return new Cluster([...place.nodes], { redisOptions: options });
    case 'sentinel':
      return new Redis({ sentinels: [...place.sentinels], name: place.name, ...options });
  }
}

function connectFifth(place: Place): RedisClient {
  switch (place.kind) {
    case 'single':
      return new Redis5(place.port, '127.0.0.1');
    case 'cluster':
      return new Cluster5([...place.nodes]);
    case 'sentinel':
      return new Redis5({ sentinels: [...place.sentinels], name: place.name });
  }
}

/** A client as an app would have it: its errors go to a log that nobody reads. */
export function connect(place: Place, habit: Habit): RedisClient {
  const client = habit === 'previous' ? connectFifth(place) : connectSixth(place, habit === 'patient');
  client.on('error', () => {});
  return client;
}
