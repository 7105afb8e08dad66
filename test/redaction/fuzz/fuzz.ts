import type expressModule from 'express';
import { LEAK, violationsOf } from './check';
import { isTimed, makePlan, type Plan } from './plan';
import { FuzzServers } from './servers';

export interface FuzzOptions {
  readonly seed: number;
  /** The number of the first case. */
  readonly from: number;
  readonly requests: number;
  readonly express5: typeof expressModule;
  readonly express4: typeof expressModule;
  onProgress?(done: number): void;
}

export interface Failure {
  readonly plan: Plan;
  readonly violations: readonly string[];
}

export interface FuzzResult {
  readonly requests: number;
  readonly rejected: number;
  readonly clean: number;
  readonly failures: readonly Failure[];
}

/** Most of the time of a request is spent waiting. */
const CONCURRENCY = 40;

/** Repetitions of a case whose result depends on time, all of which must show a fault. */
const REPETITIONS = 5;

async function check(servers: FuzzServers, plan: Plan) {
  const plain = [await servers.run(plan)];
  const compare = async () => {
    const guarded = await servers.run(plan, plain[0]);
    return { guarded, violations: violationsOf({ plan, plain, guarded }) };
  };
  if (!isTimed(plan)) return compare();
  plain.push(await servers.run({ ...plan, abortAfter: undefined }));
  let result = await compare();
  for (let i = 1; i < REPETITIONS && result.violations.length > 0; i++) {
    if (result.violations.includes(LEAK)) break;
    plain.push(await servers.run(plan));
    result = await compare();
  }
  return result;
}

/** Sends each request with and without redaction, and compares what handler and client get. */
export async function fuzz({ seed, from, requests, express5, express4, onProgress }: FuzzOptions): Promise<FuzzResult> {
  const servers = new FuzzServers({ 'Express 5': express5, 'Express 4': express4 });
  await servers.start();
  const failures: Failure[] = [];
  const inFlight = new Set<Plan>();
  /** Cases during which an error had no handler. Which of them caused it is found out afterwards. */
  const suspects = new Set<Plan>();
  const unhandled: unknown[] = [];
  const onUnhandled = (error: unknown) => {
    unhandled.push(error);
    for (const plan of inFlight) suspects.add(plan);
  };
  process.on('uncaughtException', onUnhandled).on('unhandledRejection', onUnhandled);
  let next = from;
  let rejected = 0;
  let clean = 0;
  const work = async () => {
    while (next < from + requests) {
      const plan = makePlan(seed, next++);
      inFlight.add(plan);
      const { guarded, violations } = await check(servers, plan);
      inFlight.delete(plan);
      if (guarded.isRejected) rejected += 1;
      if (plan.isClean) clean += 1;
      if (violations.length > 0) failures.push({ plan, violations });
      onProgress?.(next - from);
    }
  };
  try {
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
    const takeErrors = () => unhandled.splice(0).map((error) => String((error as Error)?.stack));
    const errors = takeErrors();
    let isExplained = errors.length === 0;
    for (const plan of suspects) {
      const plain = await servers.run(plan);
      const expected = takeErrors();
      await servers.run(plan, plain);
      const actual = takeErrors();
      isExplained ||= expected.length + actual.length > 0;
      if (actual.length > expected.length) failures.push({ plan, violations: [`unhandled: ${actual[0]}`] });
    }
    if (!isExplained)
      failures.push({ plan: makePlan(seed, from), violations: errors.map((error) => `unhandled: ${error}`) });
  } finally {
    process.off('uncaughtException', onUnhandled).off('unhandledRejection', onUnhandled);
    await servers.close();
  }
  return { requests, rejected, clean, failures };
}
