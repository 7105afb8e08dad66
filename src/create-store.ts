import type { Settings } from './options';
import { createMemoryStore } from './store/memory';
import { createRedisStore } from './store/redis';
import type { Store } from './store/store';
import { pepperFingerprint } from './token/digest';

const EPHEMERAL =
  'createApiKeys: keys are in the memory of this process, and end with it. Pass an ioredis client as `redis` in production.';

/** Creates the store of an app: in Redis, or in memory. */
export function createStore(settings: Settings): Store {
  const { redis: client, auditLimit, indexedMetadata, clock } = settings;
  if (client === undefined) {
    if (process.env.NODE_ENV === 'production') process.emitWarning(EPHEMERAL, 'KeyscopeWarning');
    return createMemoryStore({ auditLimit, indexedMetadata, clock });
  }
  const { namespace, storeTimeout, maxRevocationLag, durability, prefix, permissions, peppers = [null] } = settings;
  const { environment, keysWithoutExpiry } = settings;
  const app = {
    prefix,
    ...(environment !== null && { environment }),
    ...(keysWithoutExpiry && { keysWithoutExpiry }),
    permissions: [...permissions],
    peppers: peppers.map(pepperFingerprint),
  };
  return createRedisStore({
    client,
    namespace,
    storeTimeout,
    maxRevocationLag,
    durability,
    auditLimit,
    indexedMetadata,
    clock,
    app: settings.recordSettings ? app : undefined,
  });
}
