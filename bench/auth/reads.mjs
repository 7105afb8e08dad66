// How often, and how fast, keyscope asks Redis.
import { createApiKeys } from 'keyscope';
import { createExchange, drive } from '../lib/exchange.mjs';
import { commandsDuring } from '../lib/redis.mjs';
import { figure } from '../lib/report.mjs';
import { median } from '../lib/statistics.mjs';

const PERMISSIONS = { conversations: { label: 'Conversations data' } };
const KEY = { workspaceId: 'ws-fd112d8f', name: 'CRM', agents: 'all', permissions: ['conversations'] };

const SIMULTANEOUS = 1000;
const COLD_KEYS = 10_000;
const COLD_ROUNDS = 9;
const COLD_TARGET = 0.7;

/**
 * A process with an empty cache. This measures speed, so a slow machine gets more time than the default `storeTimeout`,
 * which would deny the last of ten thousand.
 */
async function freshInstance(redis) {
  const apiKeys = createApiKeys({ permissions: PERMISSIONS, redis, maxRevocationLag: '30s', storeTimeout: '30s' });
  await apiKeys.ready();
  return apiKeys;
}

async function createKeys(redis, count) {
  const apiKeys = await freshInstance(redis);
  const created = [];
  while (created.length < count) {
    const batch = Array.from({ length: Math.min(200, count - created.length) }, () => apiKeys.keys.create(KEY));
    created.push(...(await Promise.all(batch)));
  }
  await apiKeys.close();
  return created;
}

/** A thousand simultaneous requests with one key that is not cached. */
export async function oneRead(redis, report) {
  const [{ token }] = await createKeys(redis, 1);
  const apiKeys = await freshInstance(redis);
  const middleware = apiKeys.requireApiKey('conversations');
  const exchanges = Array.from({ length: SIMULTANEOUS }, () => createExchange('X-API-Key', token));
  const commands = await commandsDuring(redis, () =>
    drive(middleware, exchanges, { concurrency: SIMULTANEOUS, expected: 'next' }),
  );
  await apiKeys.close();
  const reads = Object.values(commands).reduce((sum, calls) => sum + calls, 0);
  const names = Object.entries(commands).map(([name, calls]) => `${calls} × ${name.toUpperCase()}`);
  report.target(`Redis commands for ${SIMULTANEOUS} simultaneous first requests with one key`, {
    value: reads,
    unit: `(${names.join(', ')})`,
    bound: 'exactly 1',
    met: reads === 1,
  });
}

/** The hash each key's record is kept in, by asking Redis: the layout is keyscope's own business. */
async function recordNames(redis) {
  const names = [];
  for await (const page of redis.scanStream({ match: 'keyscope:key:*', count: 1000 })) names.push(...page);
  return names;
}

async function perSecond(count, work) {
  globalThis.gc?.();
  const start = performance.now();
  await work();
  return count / ((performance.now() - start) / 1000);
}

/** Ten thousand keys, all asked for at once, beside the bare reading of as many hashes through the same client. */
export async function coldKeys(redis, report) {
  await redis.flushall();
  const created = await createKeys(redis, COLD_KEYS);
  const names = await recordNames(redis);
  if (names.length !== COLD_KEYS) throw new Error(`Redis has ${names.length} records of ${COLD_KEYS} keys.`);

  const raw = [];
  const verified = [];
  for (let round = 0; round < COLD_ROUNDS; round++) {
    const apiKeys = await freshInstance(redis);
    const readAll = async () => {
      const rate = await perSecond(COLD_KEYS, () => Promise.all(names.map((name) => redis.hgetall(name))));
      raw.push(rate);
    };
    const verifyAll = async () => {
      const rate = await perSecond(COLD_KEYS, async () => {
        const results = await Promise.all(created.map(({ token }) => apiKeys.verify(token)));
        const refused = results.find(({ ok }) => !ok);
        if (refused) throw refused.error;
      });
      verified.push(rate);
    };
    // The second variant finds the machine as the first left it, so they alternate.
    const [first, second] = round % 2 === 0 ? [readAll, verifyAll] : [verifyAll, readAll];
    await first();
    await second();
    await apiKeys.close();
  }

  const ratio = median(verified.map((rate, round) => rate / raw[round]));
  report.table(
    `${COLD_KEYS} different cold keys at once (medians of ${COLD_ROUNDS} rounds)`,
    [
      ['', (row) => row.name],
      ['keys/s', (row) => row.perSecond.toFixed(0)],
    ],
    [
      { name: 'HGETALL, auto-pipelined, same client', perSecond: median(raw) },
      { name: 'keyscope: verify', perSecond: median(verified) },
    ],
  );
  report.target('cold keys verified, as a share of the bare reads', {
    value: Number(figure(ratio)),
    unit: '×',
    bound: `at least ${COLD_TARGET}`,
    met: ratio >= COLD_TARGET,
  });
}
