// Effect of a flood of well-formed tokens without a key on ordinary requests.
//
// npm run bench -- hostile [--seconds=10] [--json]
//
// One process: ordinary requests with valid keys go through the middleware. Beside them, 20,000 different forged tokens
// a second go through `verify`, which makes the same decision with the same cache. Over HTTP, two cores could not send
// as many.
import { createApiKeys } from 'keyscope';
import { createExchange, drive } from '../lib/exchange.mjs';
import { connectRedis, startRedis } from '../lib/redis.mjs';
import { createReport, figure } from '../lib/report.mjs';
import { quantile } from '../lib/statistics.mjs';
import { createForger } from '../lib/token.mjs';

const FORGED_PER_SECOND = 20_000;
const GOOD_PER_SECOND = 2000;
const GOOD_KEYS = 1000;
const INTERVAL = 5;
/** For how many milliseconds of lateness the flood makes up. */
const MADE_UP = 50;
/** Milliseconds between two looks at the heap, each after a collection. */
const LOOK_INTERVAL = 1000;
const HIT_TARGET = 0.999;
const HEAP_TARGET = 16;
const PERMISSIONS = { conversations: { label: 'Conversations data' } };
const KEY = { workspaceId: 'ws-fd112d8f', name: 'CRM', agents: 'all', permissions: ['conversations'] };
const HEADER = 'X-API-Key';

const named = process.argv.find((arg) => arg.startsWith('--seconds='));
const seconds = Number(named?.slice('--seconds='.length) ?? 10);

const report = createReport('hostile');
const server = await startRedis();
const redis = connectRedis(server);
const apiKeys = createApiKeys({ permissions: PERMISSIONS, redis });
await apiKeys.ready();
const middleware = apiKeys.requireApiKey('conversations');
const forge = createForger();

const tokens = [];
while (tokens.length < GOOD_KEYS) {
  const batch = await Promise.all(Array.from({ length: 100 }, () => apiKeys.keys.create(KEY)));
  tokens.push(...batch.map(({ token }) => token));
}

const counts = { hits: 0, misses: 0 };
apiKeys.on('authenticated', ({ cached }) => {
  if (cached) counts.hits += 1;
  else counts.misses += 1;
});

/** One ordinary request. Resolves with its duration in milliseconds. `drive` rejects if it was denied. */
async function ask(index) {
  const exchange = createExchange(HEADER, tokens[index % tokens.length]);
  const began = performance.now();
  await drive(middleware, [exchange], { concurrency: 1, expected: 'next' });
  return performance.now() - began;
}

/**
 * Calls `work` so many times a second, spread evenly. Calls are dropped if a busy machine missed them for long,
 * because thousands at once would be another attack. The table has their number.
 */
function pace(perSecond, milliseconds, work) {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const atOnce = (MADE_UP * perSecond) / 1000;
    let last = began;
    let due = 0;
    let done = 0;
    let open = 0;
    const timer = setInterval(() => {
      const at = performance.now();
      const isOver = at - began >= milliseconds;
      due = Math.min(due + ((at - last) * perSecond) / 1000, atOnce);
      last = at;
      for (; !isOver && due >= 1; due--) {
        done += 1;
        open += 1;
        work(done).then(() => {
          open -= 1;
        }, reject);
      }
      if (!isOver || open > 0) return;
      clearInterval(timer);
      resolve({ done, took: at - began });
    }, INTERVAL);
  });
}

function heapUsed() {
  globalThis.gc();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

const answers = {};
async function attack() {
  const { ok, error } = await apiKeys.verify(forge(), { permission: 'conversations' });
  const answer = ok ? 'allowed' : error.code;
  answers[answer] = (answers[answer] ?? 0) + 1;
}

/** Ordinary requests for a while, with or without an attack beside them. */
async function round(name, milliseconds, attacks) {
  counts.hits = 0;
  counts.misses = 0;
  const took = [];
  const before = heapUsed();
  let highest = before;
  const looking = setInterval(() => {
    highest = Math.max(highest, heapUsed());
  }, LOOK_INTERVAL);
  const good = pace(GOOD_PER_SECOND, milliseconds, async (index) => {
    took.push(await ask(index));
  });
  const flood = attacks ? pace(FORGED_PER_SECOND, milliseconds, attack) : { done: 0, took: milliseconds };
  const [, forged] = await Promise.all([good, flood]);
  clearInterval(looking);
  highest = Math.max(highest, heapUsed());
  return {
    name,
    forged: forged.done,
    forgedPerSecond: (forged.done * 1000) / forged.took,
    good: took.length,
    hitRate: counts.hits / (counts.hits + counts.misses),
    p50: quantile(took, 0.5),
    p99: quantile(took, 0.99),
    heapBefore: before,
    heapGrowth: highest - before,
  };
}

try {
  for (const index of tokens.keys()) await ask(index);
  // Heap that the compiler allocates while it warms up does not count.
  await round('warming up', 2000, false);
  const calm = await round('without', (seconds * 1000) / 2, false);
  const flooded = await round(`${FORGED_PER_SECOND} forged tokens a second`, seconds * 1000, true);
  if (Object.keys(answers).some((answer) => answer !== 'invalid_key' && answer !== 'store_unavailable')) {
    throw new Error(`Forged tokens were answered ${JSON.stringify(answers)}.`);
  }
  report.table(
    `${GOOD_PER_SECOND} requests a second with ${GOOD_KEYS} good keys, and a flood beside them`,
    [
      ['flood', ({ name }) => name],
      ['forged', ({ forged }) => String(forged)],
      ['a second', ({ forgedPerSecond }) => figure(forgedPerSecond)],
      ['good', ({ good }) => String(good)],
      ['from memory', ({ hitRate }) => `${(hitRate * 100).toFixed(3)} %`],
      ['p50 ms', ({ p50 }) => figure(p50)],
      ['p99 ms', ({ p99 }) => figure(p99)],
      ['heap grew MB', ({ heapGrowth }) => figure(heapGrowth)],
    ],
    [calm, { ...flooded, answers }],
  );
  report.target('good keys answered from memory during the flood', {
    value: `${(flooded.hitRate * 100).toFixed(3)}`,
    unit: '%',
    bound: `at least ${HIT_TARGET * 100}`,
    met: flooded.hitRate >= HIT_TARGET,
  });
  report.target('growth of the heap, collected every second', {
    value: figure(flooded.heapGrowth),
    unit: 'MB',
    bound: `at most ${HEAP_TARGET}`,
    met: flooded.heapGrowth <= HEAP_TARGET,
  });
} finally {
  await apiKeys.close();
  redis.disconnect();
  await server.stop();
}
report.end();
