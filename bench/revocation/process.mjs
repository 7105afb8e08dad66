// One of the processes in which keys are revoked: `process.mjs <Redis URL> <protocol of the feed>`. Verifies keys as the parent asks, through
// the public API; results come from the cache until the invalidation of the deletion arrives.
import { createApiKeys } from 'keyscope';
import { connectRedis } from '../lib/redis.mjs';

const PERMISSIONS = { conversations: { label: 'Conversations data' } };
const WANTED = { permission: 'conversations' };
/** Consecutive cache hits until the key counts as cached. */
const WARM = 3;
/** Between two requests for the key, in milliseconds: the finest that Node's timers do. */
const INTERVAL = 1;

/** Milliseconds of CLOCK_MONOTONIC, which is one clock for all processes of a machine, unlike `performance.now()`. */
const now = () => Number(process.hrtime.bigint()) / 1e6;

const redis = connectRedis({ url: process.argv[2] });
const apiKeys = createApiKeys({ permissions: PERMISSIONS, redis });
await apiKeys.ready();
for (const { protocol } of apiKeys.health().nodes) {
  if (protocol !== process.argv[3]) throw new Error(`The feed uses ${protocol} instead of ${process.argv[3]}.`);
}

let cached = false;
apiKeys.on('authenticated', (event) => {
  cached = event.cached;
});

/** Verifies until the key is denied. Reports when it is cached, and then when it was denied. */
async function watch(token) {
  let warm = 0;
  let lastAcceptedAt = 0;
  let aborted = null;
  let abortedAt = 0;
  for (;;) {
    const began = now();
    const { ok, key, error } = await apiKeys.verify(token, WANTED);
    if (!ok) {
      if (error.code !== 'invalid_key') throw new Error(`A deleted key was answered ${error.code}: ${error.message}`);
      const refusedAt = now();
      // It has aborted already, or does when the watch has also read the key.
      await aborted;
      process.send({ type: 'refused', at: refusedAt, lastAcceptedAt, abortedAt });
      return;
    }
    if (aborted === null) {
      const { signal } = key;
      aborted = new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          abortedAt = now();
          resolve();
        });
      });
    }
    lastAcceptedAt = began;
    warm = cached ? warm + 1 : 0;
    if (warm === WARM) process.send({ type: 'warm' });
    await new Promise((resolve) => setTimeout(resolve, INTERVAL));
  }
}

async function remove(id) {
  await apiKeys.keys.delete(id);
  process.send({ type: 'acknowledged', at: now() });
}

process.on('message', ({ type, token, id }) => {
  if (type === 'watch') watch(token);
  else if (type === 'delete') remove(id);
  else if (type === 'end') {
    apiKeys.close().then(() => {
      redis.disconnect();
      process.disconnect();
    });
  }
});
process.send({ type: 'ready' });
