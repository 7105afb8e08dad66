import { Cluster, Redis } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5';
import type { RedisClient } from '../../../src/store/redis/client';
import { slotOf } from '../../../src/store/redis/hash-slot';
import { createRedisStore } from '../../../src/store/redis/redis-store';
import { startRedis } from '../../support/redis/server';

const lazy = { lazyConnect: true } as const;

describe('a client', () => {
  test('createRedisStore accepts a Redis or Cluster of either major of ioredis', () => {
    const clients: RedisClient[] = [
      new Redis(lazy),
      new Redis({ ...lazy, protocol: 3, replyMapping: 'resp3' }),
      new Cluster([{ port: 1 }], lazy),
      new Redis5(lazy),
      new Cluster5([{ port: 1 }], lazy),
    ];
    for (const client of clients) expect(() => createRedisStore({ client })).not.toThrow();
  });

  test.each([
    ['nothing', undefined],
    ['an address', 'redis://localhost'],
    ['a client of another library', { get() {}, set() {}, on() {}, connect() {}, isOpen: true }],
  ])('createRedisStore rejects a client that is %s', (_, client) => {
    expect(() => createRedisStore({ client: client as never })).toThrow(
      expect.objectContaining({ code: 'invalid_options', message: expect.stringContaining('ioredis') }),
    );
  });

  test('createRedisStore rejects a client that reads from replicas', () => {
    const refused = expect.objectContaining({ code: 'invalid_options', message: expect.stringContaining('replicas') });
    for (const scaleReads of ['slave', 'all', () => []] as const) {
      const client = new Cluster([{ port: 1 }], { ...lazy, scaleReads: scaleReads as 'slave' });
      expect(() => createRedisStore({ client })).toThrow(refused);
    }
    const sentinels = [{ host: '127.0.0.1', port: 1 }];
    const client = new Redis({ ...lazy, sentinels, name: 'main', role: 'slave' });
    expect(() => createRedisStore({ client })).toThrow(refused);
  });

  test.each(['', 'a b', '{a}', 'a}'])('createRedisStore rejects the namespace %p', (namespace) => {
    expect(() => createRedisStore({ client: new Redis(lazy), namespace })).toThrow(
      expect.objectContaining({ code: 'invalid_options', message: expect.stringContaining('namespace') }),
    );
  });
});

test('slots are those that Redis computes', async () => {
  const server = await startRedis({ args: ['--cluster-enabled', 'yes', '--cluster-port', '0'] });
  const client = new Redis(server.url);
  const keys = [
    '',
    'foo',
    '{foo}bar',
    'a{foo}b{bar}',
    '{}foo',
    '{}{tag}',
    'a{',
    'a}b{c',
    '{{x}}',
    'ключ{é}',
    'keyscope:key:{aB3z}aB3z0',
  ];
  for (const key of keys) expect([key, slotOf(key)]).toEqual([key, await client.cluster('KEYSLOT', key)]);
  client.disconnect();
  await server.stop();
});
