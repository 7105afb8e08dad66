// Runs random schedules: `npm run simulate -- --seed 1 --seconds 60`. Seeds count up from the first. A violation prints its
// seed and the commit, and the run ends with status 1. `--seed N --schedules 1 --log` replays one schedule with a log.
// `--source` runs another checkout's `src`, `--mutation` the code with a deliberate fault.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { MUTATIONS, mutate } from './mutations';
import { runPlan } from './run-plan';
import { Source } from './world/load-source';
import { makePlan } from './world/make-plan';
import { CodePool } from './world/world';

const SRC = path.join(__dirname, '..', '..', 'src');
/** Interval of progress lines. Milliseconds. */
const PROGRESS = 30_000;

function readArguments() {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
      seconds: { type: 'string', default: '60' },
      schedules: { type: 'string', default: 'Infinity' },
      source: { type: 'string', default: SRC },
      failures: { type: 'string', default: '1' },
      mutation: { type: 'string' },
      log: { type: 'boolean', default: false },
    },
  });
  const { source, log } = values;
  const mutation = MUTATIONS.find(({ name }) => name === values.mutation);
  if (values.mutation !== undefined && mutation === undefined) throw new Error(`Unknown mutation: ${values.mutation}.`);
  const numbers = [values.seed, values.seconds, values.schedules, values.failures].map(Number);
  if (numbers.some(Number.isNaN))
    throw new Error('Expected numbers for --seed, --seconds, --schedules and --failures.');
  const [seed = 0, seconds = 0, schedules = 0, failures = 0] = numbers;
  return { seed, seconds, schedules, failures, source: path.resolve(source), log, mutation };
}

function describeCommit(folder: string): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { cwd: folder, encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

function main(): void {
  Error.stackTraceLimit = 0;
  const options = readArguments();
  const { mutation } = options;
  const pool = new CodePool(
    new Source(options.source, (code) => (mutation === undefined ? code : mutate(code, mutation))),
  );
  const commit = describeCommit(options.source);
  console.log(`commit ${commit}, schedules from seed ${options.seed}`);
  const startedAt = Date.now();
  let reportedAt = startedAt;
  let count = 0;
  let steps = 0;
  let failures = 0;
  for (let seed = options.seed; count < options.schedules && failures < options.failures; seed++) {
    if (Date.now() - startedAt > 1000 * options.seconds) break;
    const log: string[] | null = options.log ? [] : null;
    const outcome = runPlan(makePlan(seed), pool, log);
    count += 1;
    steps += outcome.steps;
    if (log !== null) console.log(log.join('\n'));
    if (outcome.violations.length > 0) {
      failures += 1;
      const [first] = outcome.violations;
      console.log(`seed ${seed}, commit ${commit}: ${first!.rule} at ${first!.at.toFixed(1)} ms: ${first!.detail}`);
    }
    if (Date.now() - reportedAt > PROGRESS) {
      reportedAt = Date.now();
      console.log(`${count} schedules to seed ${seed}, ${failures} violations`);
    }
  }
  const seconds = (Date.now() - startedAt) / 1000;
  console.log(`${count} schedules, ${steps} events, ${seconds.toFixed(1)} s, ${failures} schedules with a violation`);
  process.exitCode = failures > 0 ? 1 : 0;
}

// Outside of a microtask, so that a schedule can run all of its own.
setImmediate(main);
