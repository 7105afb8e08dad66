// Cost of redacting a response: objects, strings, streams, and alternatives, in one process.
//
// npm run bench -- redaction [--rounds=15] [--json]
//
// The figures are CPU time. Ratios are taken within a round and to the plain baseline of the same table: JSON.stringify
// of the whole, a copy of the bytes, or the same route of an Express app without redaction.
import { createRequire } from 'node:module';
import { measure } from '../lib/measure.mjs';
import { createReport, figure } from '../lib/report.mjs';
import { objectCompetitors, streamCompetitors } from './competitors.mjs';
import { createPage, createStream, ENABLED_METRICS } from './payload.mjs';
import { sockets } from './sockets.mjs';

const require = createRequire(import.meta.url);
const { redactValue } = require('../../dist/redaction/object-redactor.js');
const { JsonFilter } = require('../../dist/redaction/stream/json-filter.js');
const { resolveRedactOptions } = require('../../dist/redaction/options.js');

const PIECE = 65_536;
const STREAM_BYTES = 100_000_000;

const rounds = Number(process.argv.find((arg) => arg.startsWith('--rounds='))?.slice('--rounds='.length) ?? 15);
const report = createReport('redaction');
const { fields, limits } = resolveRedactOptions();

const OFF = { transcript: false, metrics: ENABLED_METRICS };
const ON = { transcript: true, metrics: ENABLED_METRICS };
const ALL = { transcript: true, metrics: 'all' };

/** Kept, so that nothing measured can be left out as unused. */
let sink = 0;

function variant(name, baseline, work, requests = 10) {
  const run = async (size) => {
    for (let i = 0; i < size; i++) sink += (await work()) ?? 0;
  };
  return { name, baseline, requests, batchSize: requests, prepare: async (size) => () => run(size) };
}

const run = (variants) =>
  measure(variants, { rounds, onRound: (round, of) => report.progress(`round ${Math.max(round, 0)} of ${of}`) });

async function objects() {
  const page = createPage();
  const baseline = 'JSON.stringify of the whole';
  const ours = (features) => () => JSON.stringify(redactValue(page, fields, { features }).value).length;
  const variants = [
    variant(baseline, baseline, () => JSON.stringify(page).length),
    variant('keyscope: transcript off, 4 of 12 metrics', baseline, ours(OFF)),
    variant('keyscope: transcript on, 4 of 12 metrics', baseline, ours(ON)),
    variant('keyscope: everything enabled', baseline, ours(ALL)),
  ];
  for (const [name, redact] of Object.entries(await objectCompetitors(OFF, page))) {
    variants.push(variant(`${name}: transcript off`, baseline, () => redact(page).length));
  }
  for (const [name, redact] of Object.entries(await objectCompetitors(ON, page))) {
    variants.push(variant(`${name}: transcript on`, baseline, () => redact(page).length));
  }
  const rows = await run(variants);
  report.table(
    `Objects: CPU ms for a page of ${(JSON.stringify(page).length / 1e6).toFixed(2)} million characters`,
    [
      ['', (row) => row.name],
      ['ms', (row) => figure(row.cpuMicros / 1000)],
      ['× stringify', (row) => row.ratio.toFixed(3)],
    ],
    rows,
  );
  bound(rows, 'keyscope: transcript off, 4 of 12 metrics', 'object, transcript off, 4 of 12 metrics', 0.12);
  bound(rows, 'keyscope: transcript on, 4 of 12 metrics', 'object, transcript on, 4 of 12 metrics', 1);
  bound(rows, 'keyscope: everything enabled', 'object, everything enabled', 1.01);
}

function bound(rows, name, what, most) {
  const { ratio } = rows.find((row) => row.name === name);
  report.target(what, {
    value: Number(ratio.toFixed(3)),
    unit: '× JSON.stringify',
    bound: `at most ${most}`,
    met: ratio <= most,
  });
}

async function texts() {
  const page = createPage();
  const text = JSON.stringify(page);
  const baseline = 'JSON.stringify of the whole';
  const toBytes = 'Buffer.from alone';
  const ours = (features) => () =>
    new JsonFilter({ fields, limits, getPolicy: () => ({ features }) }).write(Buffer.from(text)).length;
  const rows = await run([
    variant(baseline, baseline, () => JSON.stringify(page).length),
    variant(toBytes, baseline, () => Buffer.from(text).length),
    variant('keyscope: transcript off, 4 of 12 metrics', baseline, ours(OFF)),
    variant('keyscope: transcript on, 4 of 12 metrics', baseline, ours(ON)),
  ]);
  const { ratio: encoding } = rows.find(({ name }) => name === toBytes);
  report.table(
    'Texts in memory: CPU ms; and what filtering adds to a text that is made bytes anyway',
    [
      ['', (row) => row.name],
      ['ms', (row) => figure(row.cpuMicros / 1000)],
      ['added, × stringify', (row) => (row.name.startsWith('keyscope') ? (row.ratio - encoding).toFixed(3) : '')],
    ],
    rows,
  );
  const added = rows.map((row) => ({ ...row, ratio: row.ratio - encoding }));
  bound(added, 'keyscope: transcript off, 4 of 12 metrics', 'text in memory, transcript off, added', 0.45);
  bound(added, 'keyscope: transcript on, 4 of 12 metrics', 'text in memory, transcript on, added', 0.45);
}

async function streams() {
  const { pieces, length } = createStream(STREAM_BYTES, PIECE);
  const small = createStream(10_000_000, PIECE);
  const baseline = 'a copy of each piece';
  const ours = (subject) => () => {
    const filter = new JsonFilter({ fields, limits, getPolicy: () => subject });
    for (const piece of pieces) sink += filter.write(piece).length;
    filter.end();
  };
  const copy = () => {
    for (const piece of pieces) sink += Buffer.from(piece).length;
  };
  const mixed = { featuresFor: (id) => (id === 'PROJECT-1' ? ON : OFF) };
  const variants = [
    variant(baseline, baseline, copy, 1),
    variant('keyscope: transcript off, 4 of 12 metrics', baseline, ours({ features: OFF }), 1),
    variant('keyscope: transcript on, 4 of 12 metrics', baseline, ours({ features: ON }), 1),
    variant('keyscope: mixed projects', baseline, ours(mixed), 1),
  ];
  const sizes = new Map(variants.map(({ name }) => [name, length]));
  for (const [name, read] of Object.entries(await streamCompetitors(ON, createPage()))) {
    // A tenth of the stream: more would not fit into a string, or take too long.
    variants.push(variant(name, baseline, () => read(small.pieces), 1));
    sizes.set(name, small.length);
  }
  const rows = (await run(variants)).map((row) => ({
    ...row,
    megabytesPerSecond: sizes.get(row.name) / row.cpuMicros,
  }));
  const copied = rows[0].megabytesPerSecond;
  report.table(
    `Streams in memory, pieces of 64 KiB: MB per second of CPU time`,
    [
      ['', (row) => row.name],
      ['MB/s', (row) => row.megabytesPerSecond.toFixed(0)],
      ['× copy', (row) => (row.megabytesPerSecond / copied).toFixed(3)],
    ],
    rows,
  );
  for (const [name, what, least] of [
    ['keyscope: transcript off, 4 of 12 metrics', 'stream, transcript off', 1000],
    ['keyscope: transcript on, 4 of 12 metrics', 'stream, transcript on', 1000],
  ]) {
    const { megabytesPerSecond } = rows.find((row) => row.name === name);
    report.target(what, {
      value: Math.round(megabytesPerSecond),
      unit: 'MB/s',
      bound: `at least ${least}`,
      met: megabytesPerSecond >= least,
    });
  }
}

async function messages() {
  const { turns, ...rest } = createPage(1).conversations[0];
  const message = Buffer.from(JSON.stringify({ ...rest, turns: turns.slice(0, 1) }).slice(0));
  const baseline = 'a copy';
  const again = new JsonFilter({ fields, limits, getPolicy: () => ({ features: OFF }) });
  const rows = await run([
    variant(baseline, baseline, () => Buffer.from(message).length, 2000),
    variant(
      'keyscope: a new filter for each',
      baseline,
      () => {
        const filter = new JsonFilter({ fields, limits, getPolicy: () => ({ features: OFF }) });
        filter.write(message);
        filter.end();
      },
      2000,
    ),
    variant(
      'keyscope: one filter for all',
      baseline,
      () => {
        again.write(message);
        again.end();
      },
      2000,
    ),
    variant(
      'JSON.parse + redact + JSON.stringify',
      baseline,
      () => {
        const one = JSON.parse(message.toString());
        one.turns = [];
        one.metrics = Object.fromEntries(
          Object.entries(one.metrics).filter(([name]) => ENABLED_METRICS.includes(name)),
        );
        return Buffer.from(JSON.stringify(one)).length;
      },
      2000,
    ),
  ]);
  report.table(
    `Small messages of ${message.length} bytes: CPU µs each`,
    [
      ['', (row) => row.name],
      ['µs', (row) => figure(row.cpuMicros)],
    ],
    rows,
  );
}

await objects();
await texts();
await streams();
await messages();
await sockets(report, rounds);
report.end();
if (sink === 0) throw new Error('Nothing was measured.');
