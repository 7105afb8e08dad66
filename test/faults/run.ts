// Injects random faults: `npm run test:faults -- --minutes 10 --seed 7`. Prints a summary of each trial, and exits with
// status 1 if a trial found a violation. The same seed injects the same faults in the same order; their timing depends on
// the machine.
import { parseArgs } from 'node:util';
import { now } from './harness/clock';
import { createRandom, type Random } from './harness/random';
import { failuresOf, type Report, summarize } from './harness/report';
import { runTrial, type TrialOptions } from './harness/trial';
import { SCENARIOS, type Scenario } from './scenarios/random';

/** Line of the final summary for one trial. */
type Line = Pick<Report, 'name' | 'worstLag' | 'slowest' | 'requests'> & {
  readonly changes: number;
  readonly failed: boolean;
};

const NAMES = SCENARIOS.map(({ name }) => `'${name}'`).join(', ');
const USAGE = `Usage: npm run test:faults -- [--minutes 10] [--seed 7] [--only SCENARIO], one of ${NAMES}.`;

function readArguments(): { minutes: number; seed: number; only: string | undefined } {
  const { values } = parseArgs({
    options: { minutes: { type: 'string' }, seed: { type: 'string' }, only: { type: 'string' } },
  });
  const minutes = Number(values.minutes ?? 1);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9));
  if (!(minutes > 0) || !Number.isInteger(seed)) {
    throw new Error(USAGE);
  }
  return { minutes, seed, only: values.only };
}

function pickScenario(random: Random, only: string | undefined): Scenario {
  const candidates = SCENARIOS.filter(({ name }) => only === undefined || name === only);
  if (candidates.length === 0) throw new Error(`There is no scenario '${only}'. ${USAGE}`);
  const total = candidates.reduce((sum, { weight }) => sum + weight, 0);
  let left = random.between(0, total);
  for (const scenario of candidates) {
    left -= scenario.weight;
    if (left < 0) return scenario;
  }
  return candidates[0]!;
}

async function runScenario(scenario: Scenario, random: Random, until: number, lines: Line[]): Promise<void> {
  const environment = await scenario.start(random.fork());
  try {
    const trials = Math.floor(random.between(scenario.trials.from, scenario.trials.to + 1));
    for (let i = 0; i < trials && now() < until; i++) {
      const options: TrialOptions = { ...environment.plan(random), random: random.fork() };
      const report = await runTrial(environment.deployment, options);
      console.log(summarize(report));
      const { name, worstLag, slowest, requests, changeCounts } = report;
      const failed = failuresOf(report).length > 0;
      lines.push({ name, worstLag, slowest, requests, failed, changes: changeCounts.acknowledged });
      await environment.recover();
    }
  } finally {
    await environment.close();
  }
}

function total(lines: readonly Line[]): string {
  const sum = (read: (line: Line) => number) => lines.reduce((all, line) => all + read(line), 0);
  const worst = lines.reduce((a, b) => (b.worstLag > a.worstLag ? b : a));
  const slowest = lines.reduce((a, b) => (b.slowest > a.slowest ? b : a));
  return [
    `${lines.length} trials, ${sum(({ requests }) => requests)} requests, ${sum(({ changes }) => changes)} changes acknowledged`,
    `worst lag ${worst.worstLag.toFixed(0)} ms (${worst.name})`,
    `slowest response ${slowest.slowest.toFixed(0)} ms (${slowest.name})`,
    `${lines.filter(({ failed }) => failed).length} trials with a violation`,
  ].join('\n');
}

async function main(): Promise<void> {
  const { minutes, seed, only } = readArguments();
  const random = createRandom(seed);
  const until = now() + minutes * 60_000;
  const lines: Line[] = [];
  console.log(`seed ${seed}, ${minutes} minutes`);
  while (now() < until) {
    const scenario = pickScenario(random, only);
    console.log(`\n# ${scenario.name}`);
    await runScenario(scenario, random, until, lines);
  }
  console.log(`\nseed ${seed}: ${total(lines)}`);
  process.exitCode = lines.some(({ failed }) => failed) ? 1 : 0;
}

main().catch((error: unknown) => {
  console.error(error);
  // Servers and processes of the environment can still run.
  process.exit(1);
});
