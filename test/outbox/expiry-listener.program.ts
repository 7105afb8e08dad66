// Runs in a process of its own, which its test kills. Its clock shows the time that the test writes to its input. Writes a
// line for each event about expiry, at once, so that a kill loses none.
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { createApiKeys } from '../../src';

const [url = '', namespace = '', start = ''] = process.argv.slice(2);
let now = Number(start);
const clock = { wall: () => now, monotonic: () => performance.now() };
const redis = new Redis(url);
const permissions = { conversations: { label: 'Conversations' } };
const apiKeys = createApiKeys({ permissions, redis, namespace, clock, recordSettings: false, storeTimeout: 1000 });

apiKeys.on('key', async ({ id, type, target, lead, after }) => {
  if (type !== 'expiring' && type !== 'expired') return;
  writeSync(1, `${id} ${target} ${lead ?? 0} ${after?.expiresAt}\n`);
  // So that a kill comes while events are in progress.
  await new Promise((resolve) => setImmediate(resolve));
});
apiKeys.ready().then(() => writeSync(1, 'ready\n'));
createInterface({ input: process.stdin })
  .on('line', (line) => {
    now = Number(line);
  })
  .on('close', async () => {
    await apiKeys.close();
    redis.disconnect();
  });
