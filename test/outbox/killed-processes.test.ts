import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { createApiKeys } from 'keyscope';
import { type TestRedis, testRedis } from '../support/redis/test-redis';
import { waitUntil } from '../support/wait-until';

const ROOT = path.join(__dirname, '../..');
const PROGRAM = path.join(__dirname, 'listener.program.ts');
const PROCESSES = 3;
const KILLS = 2;
const KEYS = 60;
/** Events that a process has begun when it is killed. */
const KILLED_AT = 7;

let redis: TestRedis;
beforeAll(async () => {
  redis = await testRedis();
});
afterAll(() => redis.stop());

test('each event is delivered, with one id, when processes are killed while they handle events', async () => {
  const client = new Redis(redis.url);
  const permissions = { conversations: { label: 'Conversations' } };
  const apiKeys = createApiKeys({ permissions, redis: client, namespace: redis.namespace });
  /** Ids of each event, by key and type, one for each delivery. */
  const deliveries = new Map<string, string[]>();
  let ready = 0;
  let kills = 0;

  function startChild(): ChildProcess {
    const argv = ['--require', 'tsx/cjs', PROGRAM, redis.url, redis.namespace];
    const child = spawn(process.execPath, argv, { cwd: ROOT, stdio: ['pipe', 'pipe', 'inherit'] });
    let events = 0;
    createInterface({ input: child.stdout! }).on('line', (line) => {
      if (line === 'ready') {
        ready += 1;
        return;
      }
      const [id = '', ...event] = line.split(' ');
      deliveries.set(event.join(' '), [...(deliveries.get(event.join(' ')) ?? []), id]);
      events += 1;
      if (events === KILLED_AT && kills < KILLS) {
        kills += 1;
        child.kill('SIGKILL');
      }
    });
    return child;
  }

  const children = Array.from({ length: PROCESSES }, startChild);
  await waitUntil('all processes listen', () => ready === PROCESSES, 60_000);
  const expected: string[] = [];
  for (let i = 0; i < KEYS; i++) {
    const { key } = await apiKeys.keys.create(
      { name: 'CRM', permissions: ['conversations'] },
      { workspaceId: `w${i % 5}` },
    );
    await apiKeys.keys.update(key.id, { disabled: true });
    expected.push(`${key.id} created`, `${key.id} disabled`);
  }
  await waitUntil('all events are delivered', () => deliveries.size === expected.length, 60_000);
  for (const child of children) child.stdin?.end();
  await Promise.all(children.map((child) => child.exitCode ?? child.signalCode ?? once(child, 'close')));

  expect(kills).toBe(KILLS);
  expect([...deliveries.keys()].sort()).toEqual(expected.sort());
  const ids = [...deliveries.values()].map((list) => [...new Set(list)]);
  expect(ids.filter((list) => list.length > 1)).toEqual([]);
  expect(new Set(ids.flat()).size).toBe(expected.length);
  await apiKeys.close();
  client.disconnect();
}, 180_000);
