import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { createApiKeys } from 'keyscope';
import { DAY } from '../../src/clock';
import { fakeClock } from '../support/clock';
import { type TestRedis, testRedis } from '../support/redis/test-redis';
import { waitUntil } from '../support/wait-until';

const ROOT = path.join(__dirname, '../..');
const PROGRAM = path.join(__dirname, 'expiry-listener.program.ts');
const PROCESSES = 3;
const KEYS = 40;
/** Events in one process at which the first and the second are killed. */
const KILLED_AT = [5, 23];
const LEADS = [30 * DAY, 7 * DAY, DAY, 0];

let redis: TestRedis;
beforeAll(async () => {
  redis = await testRedis();
});
afterAll(() => redis.stop());

test('each lead of each expiry is delivered, with one id, when processes are killed', async () => {
  const client = new Redis(redis.url);
  const clock = fakeClock();
  const permissions = { conversations: { label: 'Conversations' } };
  const { keys, close } = createApiKeys({ permissions, redis: client, namespace: redis.namespace, clock });
  /** Ids by key, lead and expiry, one for each delivery. */
  const deliveries = new Map<string, string[]>();
  let ready = 0;
  const killedAt = [...KILLED_AT];

  function startChild(): ChildProcess {
    const argv = ['--require', 'tsx/cjs', PROGRAM, redis.url, redis.namespace, String(clock.wall())];
    const child = spawn(process.execPath, argv, { cwd: ROOT, stdio: ['pipe', 'pipe', 'inherit'] });
    // A killed process reads no more of its input.
    child.stdin?.on('error', () => {});
    let events = 0;
    createInterface({ input: child.stdout! }).on('line', (line) => {
      if (line === 'ready') {
        ready += 1;
        return;
      }
      const [id = '', ...rest] = line.split(' ');
      const what = rest.join(' ');
      deliveries.set(what, [...(deliveries.get(what) ?? []), id]);
      events += 1;
      if (killedAt.length > 0 && events === killedAt[0]) {
        killedAt.shift();
        child.kill('SIGKILL');
      }
    });
    return child;
  }

  const children = Array.from({ length: PROCESSES }, startChild);
  await waitUntil('all processes listen', () => ready === PROCESSES, 60_000);
  const created = await Promise.all(
    Array.from({ length: KEYS }, (_, i) =>
      keys.create(
        { name: 'CRM', permissions: ['conversations'], expiresIn: `${40 + (i % 4)}d` },
        { workspaceId: `w${i % 5}` },
      ),
    ),
  );
  for (let day = 0; day < 45; day += 5) {
    clock.advance(5 * DAY);
    for (const child of children) child.stdin?.write(`${clock.wall()}\n`);
    const passed = created.flatMap(({ key }) =>
      LEADS.filter((lead) => key.expiresAt!.getTime() - lead <= clock.wall()),
    ).length;
    await waitUntil('all leads that have passed are delivered', () => deliveries.size >= passed, 60_000);
  }
  for (const child of children) child.stdin?.end();
  await Promise.all(children.map((child) => child.exitCode ?? child.signalCode ?? once(child, 'close')));

  expect(killedAt).toEqual([]);
  const expected = created.flatMap(({ key: { id, expiresAt } }) =>
    LEADS.map((lead) => `${id} ${lead} ${expiresAt!.getTime()}`),
  );
  expect([...deliveries.keys()].sort()).toEqual(expected.sort());
  const ids = [...deliveries.values()].map((list) => [...new Set(list)]);
  expect(ids.filter((list) => list.length > 1)).toEqual([]);
  expect(new Set(ids.flat()).size).toBe(expected.length);
  await close();
  client.disconnect();
}, 240_000);
