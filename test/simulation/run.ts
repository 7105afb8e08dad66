// Runs random schedules: `npm run simulate -- --seed 1 --seconds 60`. Seeds count up from the first. A violation prints its
// seed and the commit, and the run ends with status 1. Seconds are CPU time.
// `--seed N --schedules 1 --log` replays one schedule with a log. `--workers N` divides the seeds among N processes.
// `--source` runs another checkout's `src`, `--mutation` the code with a deliberate fault, `--mutations` all of them.
import { execFileSync, spawn } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { loadSearch } from './bundle';
import { MUTATIONS } from './mutations';

const SRC = path.join(__dirname, '..', '..', 'src');

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    seconds: { type: 'string', default: '60' },
    schedules: { type: 'string', default: 'Infinity' },
    failures: { type: 'string', default: '1' },
    stride: { type: 'string', default: '1' },
    workers: { type: 'string', default: '1' },
    source: { type: 'string', default: SRC },
    rule: { type: 'string', default: '' },
    mutation: { type: 'string' },
    mutations: { type: 'boolean', default: false },
    log: { type: 'boolean', default: false },
  },
});
const [seed, seconds, schedules, failures, stride, workers] = [
  ...[values.seed, values.seconds, values.schedules, values.failures, values.stride, values.workers].map(Number),
] as [number, number, number, number, number, number];
if ([seed, seconds, schedules, failures, stride, workers].some(Number.isNaN))
  throw new Error('Expected numbers for --seed, --seconds, --schedules, --failures, --stride and --workers.');
const source = path.resolve(values.source);

function describeCommit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { cwd: source, encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

function run(mutation: string | undefined, report: (line: string) => void) {
  const { rule, log } = values;
  const options = { source, mutation, seed, stride, schedules, seconds, failures, rule, log, report };
  return loadSearch().search(options);
}

function runSearch(): void {
  const commit = describeCommit();
  console.log(`commit ${commit}, schedules from seed ${seed}`);
  const result = run(values.mutation, (line) => console.log(line));
  const counts = `${result.schedules} schedules, ${result.steps} events, ${result.seconds.toFixed(1)} s of CPU time`;
  console.log(`${counts}, ${result.failures} schedules with a violation, commit ${commit}`);
  process.exitCode = result.failures > 0 ? 1 : 0;
}

function runMutations(): void {
  for (const { name } of MUTATIONS) {
    const { first, schedules: count, seconds: took } = run(name, () => {});
    const found = first === null ? 'not found' : `seed ${first.seed}: ${first.violation.rule}`;
    console.log(`${name.padEnd(40)} ${String(count).padStart(7)} schedules ${took.toFixed(1).padStart(6)} s  ${found}`);
    if (first === null) process.exitCode = 1;
  }
}

function runWorkers(): void {
  for (let i = 0; i < workers; i++) {
    const count = Math.floor((schedules - i + workers - 1) / workers);
    const more = [
      '--workers',
      '1',
      '--stride',
      String(workers),
      '--seed',
      String(seed + i),
      '--schedules',
      String(count),
    ];
    const child = spawn(process.execPath, [...process.execArgv, __filename, ...process.argv.slice(2), ...more], {
      stdio: 'inherit',
    });
    child.on('exit', (code) => {
      if (code !== 0) process.exitCode = code ?? 1;
    });
  }
}

if (workers > 1) runWorkers();
// Outside of a microtask, so that a schedule can run all of its own.
else setImmediate(values.mutations ? runMutations : runSearch);
