// Cost of managing many keys: 100,000 in one workspace, a million in all.
//
// npm run bench -- management [--keys=1000000] [--json]
//
// Times are latencies of sequential calls, as a console makes them. Filling Redis takes a few minutes and about a
// gigabyte.
import { createApiKeys } from 'keyscope';
import { connectRedis, startRedis } from '../lib/redis.mjs';
import { createReport, figure } from '../lib/report.mjs';
import { median, quantile } from '../lib/statistics.mjs';
import { fill, LARGE, nameOf } from './fill.mjs';
import { coldLookups } from './lookups.mjs';

const PERMISSIONS = { conversations: { label: 'Conversations data' }, handoff: { label: 'Handoff' } };
const ROUNDS = 1000;
const LIST_TARGET = 20;
const LOOKUP_TARGET = 1.1;
const FEW = 1000;

const total = Number(process.argv.find((arg) => arg.startsWith('--keys='))?.slice('--keys='.length) ?? 1_000_000);

/** Milliseconds that each call took. */
async function timed(count, call) {
  const took = [];
  for (let round = 0; round < count; round++) {
    const start = performance.now();
    await call(round);
    took.push(performance.now() - start);
  }
  return took;
}

function summarize(name, took) {
  return { name, calls: took.length, p50: median(took), p99: quantile(took, 0.99), max: Math.max(...took) };
}

/** Pages of one workspace, each at another place of it: the cursors come from one walk through it all. */
async function pages(keys, sort) {
  const places = [];
  let cursor = null;
  do {
    places.push(cursor);
    ({ cursor } = await keys.list({ workspaceId: LARGE, sort, limit: 200, ...(cursor && { cursor }) }));
  } while (cursor !== null);
  const call = (round) => {
    const place = places[(round * 7919) % places.length];
    return keys.list({ workspaceId: LARGE, sort, limit: 50, ...(place && { cursor: place }) });
  };
  return timed(ROUNDS, call);
}

async function operations({ keys }) {
  const created = [];
  const create = async (round) => {
    const { key } = await keys.create({
      workspaceId: LARGE,
      name: nameOf(round),
      agents: ['PROJECT-58RP822I'],
      permissions: ['conversations'],
      createdBy: 'ops@example.com',
    });
    created.push(key.id);
  };
  const search = (q) => (round) => keys.list({ workspaceId: LARGE, sort: 'name', q: q(round), limit: 50 });
  return [
    summarize('list: a page of 50 anywhere, newest first', await pages(keys, 'created')),
    summarize('list: a page of 50 anywhere, by name', await pages(keys, 'name')),
    summarize('list: a page of 50 anywhere, by expiry', await pages(keys, 'expires')),
    summarize(
      'search: what many names contain',
      await timed(
        ROUNDS,
        search((round) => nameOf(round).slice(0, 6)),
      ),
    ),
    summarize(
      'search: one name in 100,000',
      await timed(
        100,
        search((round) => `#${(round * 997) % 100_000}#`),
      ),
    ),
    summarize(
      'search: nothing found',
      await timed(
        100,
        search((round) => `nowhere ${round}`),
      ),
    ),
    summarize('create', await timed(ROUNDS, create)),
    summarize('edit', await timed(ROUNDS, (round) => keys.update(created[round], { name: `Renamed ${round}` }))),
    summarize('delete', await timed(ROUNDS, (round) => keys.delete(created[round]))),
  ];
}

async function usedMemory(redis) {
  return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))[1]);
}

const report = createReport('management');
const servers = await Promise.all([startRedis(), startRedis()]);
const [many, few] = servers.map((server) => connectRedis(server));
try {
  const open = (redis) =>
    createApiKeys({ permissions: PERMISSIONS, redis, maxRevocationLag: '5s', storeTimeout: '5s' });
  const apiKeys = open(many);
  await apiKeys.ready();
  const empty = await usedMemory(many);
  const tokens = await fill(apiKeys, total, (done) => report.progress(`${done} of ${total} keys`));
  const perKey = ((await usedMemory(many)) - empty) / total;
  const fewTokens = await fill(open(few), FEW, () => {});

  const rows = await operations(apiKeys);
  await apiKeys.close();
  const ms = (read) => (row) => figure(read(row));
  report.table(
    `ms a call, ${Math.min(total, 100_000)} keys in the workspace, ${total} in all`,
    [
      ['', (row) => row.name],
      ['calls', (row) => String(row.calls)],
      ['p50', ms((row) => row.p50)],
      ['p99', ms((row) => row.p99)],
      ['max', ms((row) => row.max)],
    ],
    rows,
  );
  const worst = Math.max(...rows.filter(({ name }) => name.startsWith('list')).map(({ p99 }) => p99));
  report.target('p99 of a list page', {
    value: Number(figure(worst)),
    unit: 'ms',
    bound: `at most ${LIST_TARGET}`,
    met: worst <= LIST_TARGET,
  });
  report.target('memory in Redis per key, with its indexes and its share of audit logs', {
    value: Math.round(perKey),
    unit: 'bytes',
    bound: 'told',
    met: true,
  });

  const lookups = await coldLookups({ many: { redis: many, tokens }, few: { redis: few, tokens: fewTokens } }, open);
  report.table(
    'µs for a cold lookup, one after another',
    [
      ['', (row) => row.name],
      ['p50', ms((row) => row.p50)],
      ['p99', ms((row) => row.p99)],
    ],
    lookups.rows,
  );
  report.target(`a cold lookup among ${total}, to one among ${FEW}`, {
    value: Number(lookups.ratio.toFixed(3)),
    unit: '×',
    bound: `at most ${LOOKUP_TARGET}`,
    met: lookups.ratio <= LOOKUP_TARGET,
  });
  report.end();
} finally {
  for (const redis of [many, few]) redis.disconnect();
  for (const server of servers) await server.stop();
}
