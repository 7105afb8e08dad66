// Runs in a process of its own, which its test may kill. Verifies a token until a limit is exceeded, or until it has made
// a number of calls: then it waits to be killed. Writes one byte for each allowed call, at once, so that a kill loses none.
import { writeSync } from 'node:fs';
import { Redis } from 'ioredis';
import { createApiKeys } from '../../src';

const [url = '', namespace = '', token = '', calls = ''] = process.argv.slice(2);
const redis = new Redis(url);
const permissions = { conversations: { label: 'Conversations' } };
const apiKeys = createApiKeys({ permissions, redis, namespace, recordSettings: false, storeTimeout: 1000 });

/** Calls at the same time, as of several callers. */
const CALLERS = 5;
/** More than the limit of the test, so that the program also ends if none is ever exceeded. */
const MAX_CALLS = 2000;
/** Calls of each caller before the process waits to be killed; none if it is not to be killed. */
const CALLS_BEFORE_KILL = Number(calls) || Number.POSITIVE_INFINITY;

async function call(): Promise<void> {
  for (let i = 0; i < MAX_CALLS; i++) {
    if (i === CALLS_BEFORE_KILL) await new Promise(() => {});
    const result = await apiKeys.verify(token);
    if (result.ok) writeSync(1, '.');
    else if (result.error.code === 'quota_exceeded') return;
    // Also lets the process read its input: a call within a slice awaits no I/O.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

Promise.all(Array.from({ length: CALLERS }, call)).then(async () => {
  await apiKeys.close();
  redis.disconnect();
});
