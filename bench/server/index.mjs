// Cost of keyscope in a real server: Express apps in processes of their own, autocannon in another.
//
//   npm run bench -- server [--quick] [--node=22,24,26] [--express=5,4] [--processes=3] [--rounds=15] [--requests=4000] [--only='plain|key: keyscope'] [--json]
//
// CPU is user and system time of the app's process, with garbage collection and compilation. One app differs by up to 8 %
// between its processes, so each runs in several. A shared machine is up to a quarter slower for seconds at a time, so
// samples are short: every round takes one of each process, in a new random order, and has their mean for each app.
// Ratios are taken within a round, and the table has their medians.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createRandom, shuffle } from '../lib/measure.mjs';
import { startRedis } from '../lib/redis.mjs';
import { createReport, figure } from '../lib/report.mjs';
import { mean, median } from '../lib/statistics.mjs';
import { nodeBinary } from './node-binaries.mjs';
import { VARIANTS } from './variants.mjs';

const CONNECTIONS = 10;
const WARMUP_REQUESTS = 10_000;

const option = (name, otherwise) =>
  process.argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3) ?? otherwise;
const quick = process.argv.includes('--quick');
const rounds = Number(option('rounds', quick ? 3 : 15));
const requests = Number(option('requests', 4000));
const processes = Number(option('processes', quick ? 1 : 3));
const nodes = option('node', '22,24,26').split(',');
const expresses = option('express', quick ? '5' : '5,4').split(',');
/** Names of rows. A row that others are compared with must be named as well. */
const only = option('only', '').split('|').filter(Boolean);

/** A child process that answers each message with one message. */
function startChild(file, args, execPath) {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, { execPath, execArgv: ['--expose-gc'] });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${file} ${args.join(' ')} ended with status ${code}.`);
  });
  ended.catch(() => {});
  const receive = async () => (await Promise.race([once(child, 'message'), ended]))[0];
  return {
    receive,
    request(message) {
      const reply = receive();
      child.send(message);
      return reply;
    },
    async end() {
      child.disconnect();
      await ended.catch(() => {});
    },
  };
}

async function send(load, { port, path, headers }, amount) {
  const { perSecond, error } = await load.request({ port, path, headers, connections: CONNECTIONS, amount });
  if (error !== undefined) throw new Error(error);
  return perSecond;
}

/** `{ cpu, perSecond }` of one app: CPU microseconds per request, requests per second of wall-clock time. */
async function sample(load, { process: app, address, share }) {
  const amount = Math.max(CONNECTIONS, requests * share);
  const before = await app.request({ collect: true });
  const perSecond = await send(load, address, amount);
  const after = await app.request({ collect: false });
  return { cpu: (after.cpu - before.cpu) / amount, perSecond };
}

async function measureApps(apps, load, onRound) {
  const random = createRandom(1);
  for (const app of apps) await send(load, app.address, WARMUP_REQUESTS * app.share);
  const samples = new Map(apps.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    onRound(round);
    const taken = new Map(apps.map(({ name }) => [name, []]));
    for (const app of shuffle(apps, random)) taken.get(app.name).push(await sample(load, app));
    for (const [name, each] of taken) {
      samples
        .get(name)
        .push({ cpu: mean(each.map(({ cpu }) => cpu)), perSecond: mean(each.map((one) => one.perSecond)) });
    }
  }
  return samples;
}

function rowsOf(variants, samples) {
  return variants.map(({ name, baseline, floor, most, least }) => {
    const own = samples.get(name);
    const ratio = (other, read) => {
      const others = samples.get(other);
      return others && median(own.map((one, round) => read(one) / read(others[round])));
    };
    const cpu = (one) => one.cpu;
    return {
      name,
      most,
      least,
      cpuMicros: median(own.map(cpu)),
      cpuRatio: ratio(baseline, cpu),
      floorRatio: floor && ratio(floor, cpu),
      perSecond: median(own.map((one) => one.perSecond)),
      perSecondRatio: ratio(baseline, (one) => one.perSecond),
    };
  });
}

function reportRows(report, where, rows) {
  report.table(
    `${where}: medians of ${rounds} rounds of ${requests} requests to each of ${processes} processes, ${CONNECTIONS} connections`,
    [
      ['', (row) => row.name],
      ['CPU µs', (row) => figure(row.cpuMicros)],
      ['× plain', (row) => row.cpuRatio?.toFixed(2) ?? ''],
      ['× by hand', (row) => row.floorRatio?.toFixed(2) ?? ''],
      ['requests/s', (row) => row.perSecond.toFixed(0)],
      ['× plain', (row) => row.perSecondRatio?.toFixed(2) ?? ''],
    ],
    rows,
  );
  const target = (name, value, unit, bound, met) =>
    value !== undefined && report.target(`${where}, ${name}`, { value: Number(value.toFixed(3)), unit, bound, met });
  // Node 22 is bound by the plain route: the cost of Express hides most of the cost of a middleware.
  const old = where.startsWith('Node 22');
  for (const { name, most, least, cpuRatio, floorRatio, perSecondRatio } of rows) {
    if (old) {
      if (name === 'everything enabled: keyscope') target(name, cpuRatio, '× plain', 'at most 1.3', cpuRatio <= 1.3);
      continue;
    }
    if (most !== undefined) {
      const value = floorRatio ?? cpuRatio;
      target(name, value, `CPU × ${floorRatio ? 'by hand' : 'plain'}`, `at most ${most}`, value <= most);
    }
    if (least !== undefined) {
      target(name, perSecondRatio, 'requests/s × plain', `at least ${least}`, perSecondRatio >= least);
    }
  }
}

async function measureOn(node, express, variants, redis, load, report) {
  const where = `Node ${node}, Express ${express}`;
  const apps = [];
  try {
    for (const variant of variants) {
      for (let i = 0; i < processes; i++) {
        const child = startChild('app.mjs', [express, variant.name, redis.url], nodeBinary(node));
        apps.push({ ...variant, process: child, address: await child.receive() });
      }
    }
    const samples = await measureApps(apps, load, (round) => report.progress(`${where}: round ${round} of ${rounds}`));
    reportRows(report, where, rowsOf(variants, samples));
  } finally {
    for (const app of apps) await app.process.end();
  }
}

const unknown = only.find((row) => !VARIANTS.some(({ name }) => name === row));
if (unknown !== undefined) {
  throw new Error(`There is no row '${unknown}'. There are: ${VARIANTS.map(({ name }) => name).join(' | ')}.`);
}
const variants = VARIANTS.filter(({ name }) => only.length === 0 || only.includes(name));
const report = createReport('server');
const redis = await startRedis();
const load = startChild('load.mjs', [], process.execPath);
try {
  for (const node of nodes) {
    for (const express of expresses) await measureOn(node, express, variants, redis, load, report);
  }
  report.end();
} finally {
  await load.end();
  await redis.stop();
}
