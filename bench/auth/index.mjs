// CPU of allowing and denying a request: keyscope's middleware and alternatives, in one process.
//
// npm run bench -- auth [--rounds=40] [--json]
//
// The figures are CPU, not latency: the share of the process that a request uses. If a variant waits for Redis, sixteen
// requests are in flight at once, so that they share reads and writes of the socket.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createApiKeys } from 'keyscope';
import { createBareExchange, createExchange, drive } from '../lib/exchange.mjs';
import { measure } from '../lib/measure.mjs';
import { connectRedis, startRedis } from '../lib/redis.mjs';
import { createReport, figure } from '../lib/report.mjs';
import { unknownToken } from '../lib/token.mjs';
import { betterAuthApiKey, jwtBearer, passportHeaderApiKey, redisGet } from './competitors.mjs';
import { coldKeys, oneRead } from './reads.mjs';

const CONCURRENCY = 16;
const BATCH = 250;
const HEADER = 'X-API-Key';
const PERMISSIONS = { conversations: { label: 'Conversations data' } };
const ROUTE = { workspace: 'account_id', agent: 'project_id' };
const KEY = { workspaceId: 'ws-fd112d8f', name: 'CRM', agents: ['PROJECT-58RP822I'], permissions: ['conversations'] };
/** CPU microseconds over `next()` that a cached key may take. */
const CACHED_KEY_TARGET = 2;

const rounds = Number(process.argv.find((arg) => arg.startsWith('--rounds='))?.slice('--rounds='.length) ?? 40);

const NEXT = 'next() alone';
const NEXT_BARE = 'next() alone, bare request';

/** A variant that sends the same header with every request. `before` runs ahead of each batch, unmeasured. */
function variant(name, { header, middleware }, settings) {
  const { requests, baseline = NEXT, create = createExchange, expected = 'next', before = () => {} } = settings;
  return {
    name,
    baseline,
    requests,
    batchSize: BATCH,
    async prepare(size) {
      const exchanges = Array.from({ length: size }, () => create(...header));
      await before();
      return () => drive(middleware, exchanges, { concurrency: CONCURRENCY, expected });
    },
  };
}

/** Baselines without any check. */
function baselines() {
  const header = [HEADER, 'none'];
  const callNext = { header, middleware: (_req, _res, next) => next() };
  const attached = Object.freeze({});
  const attach = {
    header,
    middleware(req, _res, next) {
      req.apiKey = attached;
      next();
    },
  };
  return [
    variant(NEXT, callNext, { requests: 5000 }),
    variant('next() after setting one property of req', attach, { requests: 5000 }),
    variant(NEXT_BARE, callNext, { requests: 5000, baseline: NEXT_BARE, create: createBareExchange }),
  ];
}

async function keyscopeVariants(redis) {
  const apiKeys = createApiKeys({ permissions: PERMISSIONS, redis, maxRevocationLag: 1000 });
  await apiKeys.ready();
  const middleware = apiKeys.requireApiKey('conversations', ROUTE);
  const good = (await apiKeys.keys.create(KEY)).token;
  const expiring = await apiKeys.keys.create({ ...KEY, expiresAt: Date.now() + 1000 });
  await new Promise((resolve) => setTimeout(resolve, expiring.key.expiresAt.getTime() - Date.now() + 1));
  const unknown = unknownToken();

  const warm = (token) => () => apiKeys.verify(token);
  const fast = (name, token, expected, more) =>
    variant(name, { header: [HEADER, token], middleware }, { requests: 5000, expected, before: warm(token), ...more });

  return {
    apiKeys,
    variants: [
      fast('keyscope: cached key', good, 'next'),
      fast('keyscope: cached key, bare request', good, 'next', { baseline: NEXT_BARE, create: createBareExchange }),
      fast('keyscope: expired key', expiring.token, 401),
      fast('keyscope: unknown token, the same again', unknown, 401),
      fast('keyscope: garbage', 'not-a-token-but-as-long-as-one-4fQaB91zT0mXw7Lc-4fQaB91zT0mXw', 401),
      {
        name: 'keyscope: unknown tokens, all different',
        baseline: NEXT,
        requests: 500,
        batchSize: BATCH,
        async prepare(size) {
          const exchanges = Array.from({ length: size }, () => createExchange(HEADER, unknownToken()));
          return () => drive(middleware, exchanges, { concurrency: CONCURRENCY, expected: 401 });
        },
      },
    ],
  };
}

async function costs(redis, report) {
  const { apiKeys, variants } = await keyscopeVariants(redis);
  const rows = await measure(
    [
      ...baselines(),
      ...variants,
      variant('a Redis GET per request', await redisGet(redis), { requests: 500 }),
      variant('passport-headerapikey, Redis', await passportHeaderApiKey(redis), { requests: 500 }),
      variant('express-oauth2-jwt-bearer, HS256', await jwtBearer(), { requests: 500 }),
      variant('better-auth API key, in memory', await betterAuthApiKey(), { requests: 250 }),
      variant('better-auth API key, Redis', await betterAuthApiKey(redis), { requests: 250 }),
    ],
    { rounds, onRound: (round, of) => report.progress(`round ${Math.max(round, 0)} of ${of}`) },
  );
  await apiKeys.close();

  report.table(
    `CPU µs per request (median of ${rounds} rounds; 1 of 10 rounds is below p10, 1 above p90)`,
    [
      ['', (row) => row.name],
      ['µs', (row) => figure(row.cpuMicros)],
      ['p10', (row) => figure(row.p10)],
      ['p90', (row) => figure(row.p90)],
      ['over next()', (row) => figure(row.overBaseline)],
      ['× next()', (row) => figure(row.ratio)],
    ],
    rows,
  );
  for (const [name, what] of [
    ['keyscope: cached key', "a cached key, over next(), on Express' own request objects"],
    ['keyscope: cached key, bare request', 'a cached key, over next(), on bare request objects'],
  ]) {
    cachedKeyTarget(report, what, rows.find((row) => row.name === name).overBaseline);
  }
}

function cachedKeyTarget(report, what, over) {
  report.target(what, {
    value: Number(over.toFixed(3)),
    unit: 'CPU µs',
    bound: `at most ${CACHED_KEY_TARGET}`,
    met: over <= CACHED_KEY_TARGET,
  });
}

async function alone(url, report) {
  const file = fileURLToPath(new URL('alone.mjs', import.meta.url));
  const child = fork(file, [url, String(rounds)], { execArgv: ['--expose-gc'] });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`A process ended with status ${code}.`);
  });
  ended.catch(() => {});
  const [{ overBaseline }] = await Promise.race([once(child, 'message'), ended]);
  cachedKeyTarget(report, 'a cached key, over next(), on bare request objects, in a process of its own', overBaseline);
}

const report = createReport('auth');
const server = await startRedis();
const redis = connectRedis(server);
try {
  // Cold keys are read while the process is young, before five other clients have changed the compiler's assumptions.
  await oneRead(redis, report);
  await coldKeys(redis, report);
  await alone(server.url, report);
  await costs(redis, report);
  report.end();
} finally {
  redis.disconnect();
  await server.stop();
}
