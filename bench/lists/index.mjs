// Latency of lists, filters and searches in one workspace with 100,000 keys.
//
// npm run bench -- lists [--keys=100000] [--rounds=200] [--redis=URL] [--json]
//
// Times are latencies of sequential calls of `keys.list`, a page of 50 each. Filling Redis takes about a minute. `--redis` names a
// server that was filled before.
import { createApiKeys } from 'keyscope';
import { connectRedis, startRedis } from '../lib/redis.mjs';
import { createReport, figure } from '../lib/report.mjs';
import { median, quantile } from '../lib/statistics.mjs';
import { nameOf } from '../management/fill.mjs';
import { fill, WORKSPACE } from './fill.mjs';

const PERMISSIONS = { conversations: { label: 'Conversations data' }, handoff: { label: 'Handoff' } };
const SORTS = ['created', 'name', 'expires'];
const PAGE = 50;
/** Commands that take Redis longer are in its slow log. Microseconds. */
const SLOW = 500;

const option = (name, value) =>
  Number(process.argv.find((arg) => arg.startsWith(`--${name}=`))?.split('=')[1] ?? value);
const count = option('keys', 100_000);
const rounds = option('rounds', 200);

const ticketOf = (round) => `OPS-${((round * 997) % (count / 1000)) * 1000 + 999}`;

/** The cases of each table: input of `keys.list` by round. */
const FILTERS = {
  'status: active (nearly all)': () => ({ status: 'active' }),
  'status: disabled (1 in 1,000)': () => ({ status: 'disabled' }),
  'status: expired (none)': () => ({ status: 'expired' }),
  'expiring within 31 days (1 in 300)': () => ({ expiringWithin: '31d' }),
  'unused for 1 minute (all)': () => ({ unusedFor: '1m' }),
  'permission (1 in 1,000)': () => ({ permission: 'handoff' }),
  'agent (1 in 60)': (round) => ({ agent: `PROJECT-${round % 40}` }),
  'owner (1 in 1,000)': (round) => ({ owner: `user:u-${round % 1000}` }),
  'environment (none)': () => ({ environment: 'live' }),
  'metadata (1 in 1,000)': () => ({ metadata: { team: 'billing' } }),
  'created by (1 in 1,000)': () => ({ createdBy: 'eve@example.com' }),
  'created by (none)': (round) => ({ createdBy: `absent-${round}` }),
  'owner and search': (round) => ({ owner: `user:u-${round % 1000}`, q: 'oulu' }),
};

/** Filters by declared names of metadata, which have an index. */
const INDEXED = {
  'one key': (round) => ({ metadata: { ticket: ticketOf(round) } }),
  '1 in 1,000': (round) => ({ metadata: { customer: `c-${round % 1000}` } }),
  '1 in 1,000, by name': (round) => ({ metadata: { customer: `c-${round % 1000}` }, sort: 'name' }),
  '1 in 1,000, active, of an owner': (round) => ({
    metadata: { customer: `c-${round % 1000}` },
    status: 'active',
    owner: `user:u-${round % 1000}`,
  }),
  none: (round) => ({ metadata: { customer: `absent-${round}` } }),
};

const searches = (ids) => ({
  'part of many names': (round) => ({ q: nameOf(round).slice(0, 6) }),
  'one name': (round) => ({ q: `#${(round * 997) % count}#` }),
  'no name': (round) => ({ q: `nowhere ${round}` }),
  id: (round) => ({ q: ids[round % ids.length].id }),
  'masked token': (round) => ({ q: ids[round % ids.length].masked }),
  'end of a token': (round) => ({ q: ids[round % ids.length].last4 }),
  'no name, 4 letters': () => ({ q: 'prod' }),
});

const orFast = (millis) => (millis === 0 ? `< ${SLOW / 1000}` : figure(millis));

async function timed(call, times = rounds) {
  const took = [];
  for (let round = 0; round < times; round++) {
    const start = performance.now();
    await call(round);
    took.push(performance.now() - start);
  }
  return took;
}

const report = createReport('lists');
const given = process.argv.find((arg) => arg.startsWith('--redis='))?.slice('--redis='.length);
const server = given ? { url: given, stop() {} } : await startRedis();
const redis = connectRedis(server);
try {
  const apiKeys = createApiKeys({ permissions: PERMISSIONS, redis, metadata: { indexed: ['customer', 'ticket'] } });
  await apiKeys.ready();
  if (!given) await fill(apiKeys, count, (done) => report.progress(`${done} of ${count} keys`));
  const { keys } = apiKeys;
  const list = (input) => keys.list({ workspaceId: WORKSPACE, limit: PAGE, ...input });

  /** Milliseconds that each slow command since the last call blocked Redis, and that Redis waited for a processor in it. */
  async function slowCommands() {
    const slow = await redis.call('slowlog', 'get', '-1');
    await redis.call('slowlog', 'reset');
    return slow.map(([, , micros]) => Number(micros) / 1000);
  }
  await redis.call('config', 'set', 'slowlog-log-slower-than', String(SLOW), 'slowlog-max-len', '100000');
  await slowCommands();

  async function measured(name, call, times) {
    let found = 0;
    let complete = 0;
    let failed = 0;
    const took = await timed(async (round) => {
      try {
        const page = await call(round);
        found += page.keys.length;
        if (page.cursor === null || page.keys.length === PAGE) complete++;
      } catch (error) {
        if (error.code !== 'store_unavailable') throw error;
        failed++;
      }
    }, times);
    const blocked = await slowCommands();
    return {
      name,
      p50: median(took),
      p99: quantile(took, 0.99),
      max: Math.max(...took),
      entries: found / took.length,
      complete: complete / took.length,
      failed,
      step: blocked.length === 0 ? 0 : median(blocked),
      blocked: Math.max(0, ...blocked),
    };
  }

  const columns = [
    ['', ({ name }) => name],
    ['p50', ({ p50 }) => figure(p50)],
    ['p99', ({ p99 }) => figure(p99)],
    ['max', ({ max }) => figure(max)],
    ['entries', ({ entries }) => figure(entries)],
    ['complete', ({ complete }) => `${Math.round(complete * 100)} %`],
    ['503', ({ failed }) => String(failed)],
    ['slow command p50', ({ step }) => orFast(step)],
    ['max', ({ blocked }) => orFast(blocked)],
  ];
  async function table(title, cases) {
    const rows = [];
    for (const [name, inputOf] of Object.entries(cases)) {
      report.progress(name);
      rows.push(await measured(name, (round) => list(inputOf(round))));
    }
    report.table(title, columns, rows);
    return rows;
  }

  const pages = [];
  for (const sort of SORTS) {
    const places = [undefined];
    let cursor = null;
    do {
      ({ cursor } = await list({ sort, limit: 200, ...(cursor && { cursor }) }));
      if (cursor !== null) places.push(cursor);
    } while (cursor !== null);
    const call = (round) => list({ sort, cursor: places[(round * 7919) % places.length] });
    pages.push(await measured(`by ${sort}, anywhere`, call, rounds * 5));
  }
  report.table(`ms for a page of ${PAGE} of ${count} keys`, columns, pages);
  const { keys: some } = await list({ limit: 200, sort: 'name' });
  const filters = await table('ms for the first page of a filter', FILTERS);
  const start = performance.now();
  for (const name of ['ticket', 'customer']) {
    const complete = async () => (await list({ metadata: { [name]: 'absent' } })).cursor === null;
    while (!(await complete())) report.progress(`index of ${name}`);
  }
  report.progress(`two indexes of ${count} keys: ${Math.round(performance.now() - start)} ms`);
  const indexed = await table('ms for the first page of a filter by declared metadata', INDEXED);
  const found = await table(
    'ms for the first page of a search',
    searches(some.map(({ id, masked }) => ({ id, masked, last4: masked.slice(-4) }))),
  );

  const walks = [];
  for (const [name, input] of [
    ['owner (1 in 1,000)', { owner: 'user:u-7' }],
    ['no name', { q: 'nowhere' }],
  ]) {
    let calls = 0;
    const took = await timed(async () => {
      let cursor = null;
      do {
        ({ cursor } = await list({ ...input, ...(cursor && { cursor }) }));
        calls++;
      } while (cursor !== null);
    }, 5);
    walks.push({ name, p50: median(took), pages: calls / 5 });
  }
  report.table(
    'ms for all pages',
    [
      ['', ({ name }) => name],
      ['p50', ({ p50 }) => figure(p50)],
      ['pages', ({ pages: number }) => figure(number)],
    ],
    walks,
  );

  const target = (name, rows, field, bound) => {
    const worst = Math.max(...rows.map((row) => row[field]));
    report.target(name, { value: Number(figure(worst)), unit: 'ms', bound: `at most ${bound}`, met: worst <= bound });
  };
  target('p99 of a page', pages, 'p99', 20);
  target('p99 of a page with a filter', filters, 'p99', 50);
  target('p99 of a page with a filter by declared metadata', indexed, 'p99', 20);
  target('p99 of a search', found, 'p99', 50);
  target('a step of a filter or a search in Redis, p50', [...filters, ...found], 'step', 5);
  report.end();
  await apiKeys.close();
} finally {
  redis.disconnect();
  await server.stop();
}
