// Memory of open responses, and how the event loop fares when ten thousand end or are checked at once.
//
// npm run bench -- streams [--streams=10000] [--json]
//
// Memory: bytes of heap for each open response, without keyscope and with each part of it, each in a process of its own.
// Then a process with many open responses: of one key, which is deleted; of as many keys, while Redis ends the feed, while
// Redis is frozen, and while all keys are deleted. The figure is the longest turn of the event loop, in CPU time (the wall
// clock counts other programs on a busy machine). Needs twice as many file descriptors as streams (`ulimit -n`).
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createApiKeys } from 'keyscope';
import { connectRedis, startRedis } from '../lib/redis.mjs';
import { createReport, figure } from '../lib/report.mjs';

const WARM_UP = 300;
const LAG = 1000;
const TARGETS = { block: 20, memory: 500 };
const PERMISSIONS = { conversations: { label: 'Conversations data' } };
const KEY = { name: 'CRM', agents: 'all', permissions: ['conversations'] };
const named = process.argv.find((arg) => arg.startsWith('--streams='));
const STREAMS = Number(named?.slice('--streams='.length) ?? 10_000);

const now = () => Number(process.hrtime.bigint()) / 1e6;

function start(file, args) {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv: ['--expose-gc'] });
  async function ask(message, type = message.type) {
    if (message.type) child.send(message);
    for (;;) {
      const [answer] = await once(child, 'message');
      if (answer.type === type) return answer;
    }
  }
  return { child, ask, end: () => child.kill('SIGKILL') };
}

/** An app of a variant with open responses of these keys. */
async function openStreams(url, variant, tokens, count) {
  const app = start('app.mjs', [url, variant]);
  const readers = start('readers.mjs', []);
  const { port } = await app.ask({}, 'ready');
  const open = (amount) => readers.ask({ type: 'open', port, tokens, count: amount }, 'opened');
  await open(WARM_UP);
  await readers.ask({ type: 'close' }, 'empty');
  // The first look at open responses comes within a lag, and what has ended is released.
  await sleep(2 * LAG);
  const { bytes: before } = await app.ask({ type: 'memory' });
  await open(count);
  await sleep(2 * LAG);
  const { bytes: after } = await app.ask({ type: 'memory' });
  const look = () => app.ask({ type: 'look' });
  await look();
  return { bytes: (after - before) / count, look, readers, end: () => [app, readers].map(({ end }) => end()) };
}

const report = createReport('streams');
const server = await startRedis();
const redis = connectRedis(server);
// Creates and deletes keys. Its timeouts are not the subject.
const apiKeys = createApiKeys({ permissions: PERMISSIONS, redis, maxRevocationLag: 20_000, storeTimeout: 20_000 });

async function createKeys(count) {
  const created = [];
  while (created.length < count) {
    const some = Math.min(200, count - created.length);
    created.push(...(await Promise.all(Array.from({ length: some }, () => apiKeys.keys.create(KEY)))));
  }
  return created.map(({ key, token }) => ({ id: key.id, token }));
}
const tokensOf = (keys) => keys.map(({ token }) => token);

async function measureMemory() {
  const rows = [];
  for (const [name, variant, keys] of [
    ['without keyscope', 'plain', 1],
    ['requireApiKey', 'key', 1],
    ['requireApiKey, ends with its key', 'key, watched', 1],
    ['requireApiKey, ends with its key, a key each', 'key, watched', STREAMS],
    ['requireApiKey and redactResponse', 'redacted', 1],
    ['requireApiKey and redactResponse, ends with its key', 'redacted, watched', 1],
  ]) {
    report.progress(name);
    const { bytes, end } = await openStreams(server.url, variant, tokensOf(await createKeys(keys)), STREAMS);
    end();
    rows.push({ name, bytes, over: bytes - (rows[0]?.bytes ?? bytes) });
  }
  report.table(
    `Bytes for each of ${STREAMS} open responses`,
    [
      ['', ({ name }) => name],
      ['bytes', ({ bytes }) => bytes.toFixed(0)],
      ['over none', ({ over }) => over.toFixed(0)],
    ],
    rows,
  );
  const [, unwatched, watched] = rows;
  report.target('requireApiKey, over none', target(unwatched.over, 'bytes', TARGETS.memory));
  report.target('requireApiKey that ends responses, over none', target(watched.over, 'bytes', TARGETS.memory));
}

function target(value, unit, bound) {
  return { value: figure(value), unit, bound: `at most ${bound}`, met: value <= bound };
}

/** Measures while `act` has its effect. `act` resolves when its change is acknowledged. */
async function measureBlock(name, count, act, { ends = true, variant = 'redacted, watched' } = {}) {
  report.progress(name);
  const keys = await createKeys(count);
  const streams = await openStreams(server.url, variant, tokensOf(keys), STREAMS);
  const settle = 3 * LAG;
  try {
    const ended = ends ? streams.readers.ask({}, 'empty') : null;
    await act(keys, streams);
    const acknowledgedAt = now();
    const { at = null } = (await Promise.race([ended, sleep(settle)])) ?? {};
    if (!ends) await sleep(settle);
    const { open, longest, reasons } = await streams.look();
    return { name, open, reasons, ...longest, ended: at === null ? null : at - acknowledgedAt };
  } finally {
    streams.end();
  }
}

async function measureBlocks() {
  const killFeeds = () => redis.call('client', 'kill', 'type', 'pubsub');
  const close = async (_keys, { readers }) => readers.child.send({ type: 'close' });
  const rows = [
    await measureBlock('without keyscope, closed by the readers', 1, close, { variant: 'plain' }),
    await measureBlock('one key, deleted', 1, ([{ id }]) => apiKeys.keys.delete(id)),
    await measureBlock('a key each, nothing happens', STREAMS, async () => {}, { ends: false }),
    await measureBlock('a key each, the feed is killed', STREAMS, killFeeds, { ends: false }),
    await measureBlock('a key each, all are deleted', STREAMS, () => redis.flushall()),
    await measureBlock('a key each, Redis is frozen', STREAMS, async () => process.kill(server.pid, 'SIGSTOP')),
  ];
  process.kill(server.pid, 'SIGCONT');
  report.table(
    `${STREAMS} open responses`,
    [
      ['', ({ name }) => name],
      ['longest turn, CPU ms', ({ cpu }) => figure(cpu)],
      ['wall ms', ({ wall }) => figure(wall)],
      ['all ended after ms', ({ ended }) => (ended === null ? '-' : figure(ended))],
      ['still open', ({ open }) => String(open)],
    ],
    rows,
  );
  for (const { name, cpu } of rows.slice(1)) report.target(`longest turn: ${name}`, target(cpu, 'ms', TARGETS.block));
  report.target('all ended: one key, deleted', target(rows[1].ended ?? Number.POSITIVE_INFINITY, 'ms', LAG));
}

try {
  await apiKeys.ready();
  await measureMemory();
  await measureBlocks();
} finally {
  await apiKeys.close();
  redis.disconnect();
  await server.stop();
}
report.end();
