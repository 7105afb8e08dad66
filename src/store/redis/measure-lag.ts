import { within } from '../../timeout';
import type { RedisClient } from './client';
import { createKeyNames } from './key-names';
import { createRedisStore } from './redis-store';

/** An id that no key has. */
const PROBE = '0000000000000001';

/**
 * Milliseconds from the acknowledgement of a change to its invalidation, measured with a change of an entry that no key
 * uses. Null if no invalidation arrives within `timeout` milliseconds.
 */
export async function measureLag(client: RedisClient, namespace: string, timeout: number): Promise<number | null> {
  const store = createRedisStore({ client, namespace, storeTimeout: timeout, maxRevocationLag: timeout });
  const name = createKeyNames(namespace).key(PROBE);
  try {
    const received = new Promise<number>((resolve) => {
      store.onChange({
        keyChanged(id) {
          if (id === PROBE) resolve(performance.now());
        },
        projectsChanged() {},
        allChanged() {},
      });
    });
    await store.ready();
    if (store.health().mode !== 'tracking') return null;
    // The invalidation can arrive before the reply.
    const acknowledged = client.call('SET', name, '', 'PX', '1000').then(() => performance.now());
    const [changedAt, receivedAt] = await within(timeout, Promise.all([acknowledged, received]));
    await client.call('DEL', name);
    return Math.max(0, receivedAt - changedAt);
  } catch {
    return null;
  } finally {
    await store.close();
  }
}
