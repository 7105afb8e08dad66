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

const CONCURRENCY = 12;

/** Repetitions of a case whose result depends on time, all of which must show a fault. */
const REPETITIONS = 5;

async function check(servers: FuzzServers, plan: Plan) {
  const plain = [await servers.run(plan, false)];
  const compare = async () => {
    const guarded = await servers.run(plan, true, plain[0]!.log);
    return { guarded, violations: violationsOf({ plan, plain, guarded }) };
  };
  if (!isTimed(plan)) return compare();
  plain.push(await servers.run({ ...plan, abortAfter: undefined }, false));
  let result = await compare();
  for (let i = 1; i < REPETITIONS && result.violations.length > 0; i++) {
    if (result.violations.includes(LEAK)) break;
    plain.push(await servers.run(plan, false));
    result = await compare();
  }
  return result;
}

/** Sends each request with and without redaction, and compares what handler and client get. */
export async function fuzz({ seed, from, requests, express5, express4, onProgress }: FuzzOptions): Promise<FuzzResult> {
  const servers = new FuzzServers({ 'Express 5': express5, 'Express 4': express4 });
  await servers.start();
  const failures: Failure[] = [];
  const unhandled: unknown[] = [];
  const onUnhandled = (error: unknown) => void unhandled.push(error);
  process.on('uncaughtException', onUnhandled).on('unhandledRejection', onUnhandled);
  let next = from;
  let rejected = 0;
  let clean = 0;
  const work = async () => {
    while (next < from + requests) {
      const plan = makePlan(seed, next++);
      const { guarded, violations } = await check(servers, plan);
      if (guarded.isRejected) rejected += 1;
      if (plan.isClean) clean += 1;
      for (const error of unhandled.splice(0)) violations.push(`unhandled, here or near: ${(error as Error)?.stack}`);
      if (violations.length > 0) failures.push({ plan, violations });
      onProgress?.(next - from);
    }
  };
  try {
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
  } finally {
    process.off('uncaughtException', onUnhandled).off('unhandledRejection', onUnhandled);
    await servers.close();
  }
  return { requests, rejected, clean, failures };
}
