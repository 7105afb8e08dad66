import type { Violation } from './checks/history';
import { MUTATIONS, mutate } from './mutations';
import { makePlan } from './plans/make-plan';
import { Simulator } from './run-plan';
import { Source } from './world/load-source';

export interface SearchOptions {
  /** The `src` folder of the code. */
  readonly source: string;
  readonly mutation: string | undefined;
  readonly seed: number;
  /** Distance of two seeds. */
  readonly stride: number;
  readonly schedules: number;
  /** CPU time after which the search ends. */
  readonly seconds: number;
  /** Number of schedules with a violation after which the search ends. */
  readonly failures: number;
  /** Part of the name of the rules that count; empty for all. */
  readonly rule: string;
  readonly log: boolean;
  readonly report: (line: string) => void;
}

export interface SearchResult {
  readonly schedules: number;
  readonly steps: number;
  readonly failures: number;
  /** CPU time. */
  readonly seconds: number;
  readonly first: { readonly seed: number; readonly violation: Violation } | null;
}

/** Schedules between two progress reports, and between two looks at the clock. */
const PROGRESS = 5000;
const LOOK = 20;

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function describe(seed: number, template: string, { rule, at, detail }: Violation): string {
  return `seed ${seed} (${template}): ${rule} at ${at.toFixed(1)} ms: ${detail}`;
}

/** Runs schedules, one for each seed. It must be called outside of a microtask. */
export function search(options: SearchOptions): SearchResult {
  const { report, stride, rule } = options;
  const mutation = MUTATIONS.find(({ name }) => name === options.mutation);
  if (options.mutation !== undefined && mutation === undefined)
    throw new Error(`Unknown mutation: ${options.mutation}.`);
  const source = new Source(options.source, (code) => (mutation === undefined ? code : mutate(code, mutation)));
  const simulator = new Simulator(source);
  const startedAt = cpuSeconds();
  const seconds = () => cpuSeconds() - startedAt;
  let [schedules, steps, failures] = [0, 0, 0];
  let first: SearchResult['first'] = null;
  for (let { seed } = options; schedules < options.schedules && failures < options.failures; seed += stride) {
    if (schedules % LOOK === 0 && seconds() > options.seconds) break;
    const log: string[] | null = options.log ? [] : null;
    const plan = makePlan(seed);
    if (options.log) report(JSON.stringify(plan, null, 1));
    const outcome = simulator.run(plan, log);
    if (log !== null) report(log.join('\n'));
    schedules += 1;
    steps += outcome.steps;
    const violation = outcome.violations.find((each) => each.rule.includes(rule));
    if (violation !== undefined) {
      failures += 1;
      first ??= { seed, violation };
      report(describe(seed, plan.aim?.template ?? 'mixed', violation));
    }
    if (schedules % PROGRESS === 0) report(`${schedules} schedules to seed ${seed}, ${failures} with a violation`);
  }
  return { schedules, steps, failures, seconds: seconds(), first };
}
