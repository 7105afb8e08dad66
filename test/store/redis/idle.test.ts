import { Redis } from 'ioredis';
import { createApiKeys } from '../../../src';
import { startRedis } from '../../support/redis/server';
import { waitUntil } from '../../support/wait-until';

/** Calls of each command since the last `CONFIG RESETSTAT`. */
async function callsOf(observer: Redis): Promise<Record<string, number>> {
  const found = String(await observer.info('commandstats')).matchAll(/cmdstat_(\S+?):calls=(\d+)/g);
  return Object.fromEntries([...found].map(([, name, calls]) => [name, Number(calls)]));
}

test('an idle app sends three commands for each extension of its lease, and no others', async () => {
  const server = await startRedis();
  const [client, observer] = [new Redis(server.url), new Redis(server.url)];
  const apiKeys = createApiKeys({ permissions: { orders: { label: 'Orders' } }, redis: client });
  try {
    await apiKeys.ready();
    await observer.config('RESETSTAT');
    let own = 0;
    await waitUntil('the lease is extended six times', async () => {
      own += 1;
      return ((await callsOf(observer)).ping ?? 0) >= 6;
    });
    const { ping = 0, info = 0, 'client|list': list = 0, 'config|resetstat': _, ...others } = await callsOf(observer);
    expect(others).toEqual({});
    // A poll may be half sent. The observer's last INFO is not in its own reply.
    expect(Math.abs(info - own - ping)).toBeLessThanOrEqual(1);
    expect(Math.abs(list - ping)).toBeLessThanOrEqual(1);
  } finally {
    await apiKeys.close();
    client.disconnect();
    observer.disconnect();
    await server.stop();
  }
});
