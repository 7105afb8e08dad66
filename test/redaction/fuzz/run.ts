// Fuzzes redaction: `npm run fuzz -- --requests 50000 --seed 1`. Case N of a seed is the same in every run:
// `--seed 1 --from N --requests 1` replays it. A violation prints its plan, and the run ends with status 1.
import { parseArgs } from 'node:util';
import express5 from 'express';
import { fuzz } from './fuzz';

const PROGRESS = 5000;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
      from: { type: 'string', default: '0' },
      requests: { type: 'string', default: '50000' },
      show: { type: 'string', default: '10' },
    },
  });
  const [seed = 0, from = 0, requests = 0, show = 0] = [values.seed, values.from, values.requests, values.show].map(
    Number,
  );
  if ([seed, from, requests, show].some(Number.isNaN)) {
    throw new Error('Expected numbers for --seed, --from, --requests and --show.');
  }
  const startedAt = Date.now();
  console.log(`Node ${process.version}, seed ${seed}, cases ${from} to ${from + requests - 1}`);
  const express4: typeof express5 = require('express4');
  const { failures, rejected, clean } = await fuzz({
    ...{ seed, from, requests, express5, express4 },
    onProgress(done) {
      if (done % PROGRESS === 0) console.log(`${done} requests`);
    },
  });
  for (const { plan, violations } of failures.slice(0, show)) {
    console.log(`\ncase ${plan.index}: ${violations.join('\n  ')}\n  ${JSON.stringify(plan)}`);
  }
  const seconds = (Date.now() - startedAt) / 1000;
  console.log(
    `${requests} requests in ${seconds.toFixed(0)} s: ${clean} with valid bodies, ${rejected} rejected, ${failures.length} with violations`,
  );
  process.exitCode = failures.length > 0 ? 1 : 0;
}

void main();
