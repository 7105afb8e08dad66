import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { Redis } from 'ioredis';
import { createApiKeys } from 'keyscope';
import { type TestRedis, testRedis } from '../support/redis/test-redis';

const ROOT = path.join(__dirname, '../..');
const PROGRAM = path.join(__dirname, 'caller.program.ts');
const LIMIT = 4000;
const PROCESSES = 4;
const KILLS = 2;
/** Of each of the five callers in a process that is killed: it has not exceeded the limit by then. */
const CALLS_BEFORE_KILL = 100;
/** Allowance that a process can hold: a hundredth of the limit, and its calls that wait. */
const HELD = LIMIT / 100 + 5;

let redis: TestRedis;
beforeAll(async () => {
  redis = await testRedis();
});
afterAll(() => redis.stop());

test('processes allow the limit together, except for the slices of those that are killed', async () => {
  const client = new Redis(redis.url);
  const permissions = { conversations: { label: 'Conversations' } };
  const apiKeys = createApiKeys({ permissions, redis: client, namespace: redis.namespace });
  const rateLimit = [{ limit: LIMIT, window: '366d' }];
  const { token } = await apiKeys.keys.create({ name: 'CRM', permissions: ['conversations'], rateLimit });

  let allowed = 0;
  const closed: Promise<unknown>[] = [];
  function start(...options: string[]): ChildProcess {
    const argv = ['--require', 'tsx/cjs', PROGRAM, redis.url, redis.namespace, token, ...options];
    const child = spawn(process.execPath, argv, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout?.on('data', (data: Buffer) => {
      allowed += data.length;
      // In the middle of its work, after some of its own calls.
      if (options.length > 0) child.kill('SIGKILL');
    });
    closed.push(once(child, 'close'));
    return child;
  }
  const killed = Array.from({ length: KILLS }, () => start(String(CALLS_BEFORE_KILL)));
  // The others begin when each of these holds a slice: they could take the whole limit before.
  await Promise.all(killed.map(({ stdout }) => stdout && once(stdout, 'data')));
  const children = [...killed, ...Array.from({ length: PROCESSES - KILLS }, () => start())];
  await Promise.all(closed);

  expect(children.map(({ signalCode }) => signalCode)).toEqual(['SIGKILL', 'SIGKILL', null, null]);
  expect(allowed).toBeLessThanOrEqual(LIMIT);
  expect(allowed).toBeGreaterThanOrEqual(LIMIT - KILLS * HELD);
  await apiKeys.close();
  client.disconnect();
}, 120_000);
