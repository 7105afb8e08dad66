// Runs in a process of its own, which its test kills. Writes a line for each event, at once, so that a kill loses none.
import { writeSync } from 'node:fs';
import { Redis } from 'ioredis';
import { createApiKeys } from '../../src';

const [url = '', namespace = ''] = process.argv.slice(2);
const redis = new Redis(url);
const permissions = { conversations: { label: 'Conversations' } };
const apiKeys = createApiKeys({ permissions, redis, namespace, recordSettings: false, storeTimeout: 1000 });

apiKeys.on('key', async ({ id, type, target }) => {
  writeSync(1, `${id} ${target} ${type}\n`);
  // So that the kill comes while events are in progress.
  await new Promise((resolve) => setImmediate(resolve));
});
apiKeys.ready().then(() => writeSync(1, 'ready\n'));
process.stdin.on('end', async () => {
  await apiKeys.close();
  redis.disconnect();
});
process.stdin.resume();
