import type { RateLimit } from '../../src/store/limit-store';
import { simulate, sliceOf, type WorldOptions, type WorldResult } from './world';

const SEEDS = [1, 2];
const LIMITS: readonly RateLimit[] = [
  { limit: 5, window: 1000 },
  { limit: 90, window: 2000 },
  { limit: 1000, window: 4000 },
];
const CASES = SEEDS.flatMap((seed) => LIMITS.map((limit) => ({ seed, limit })));

/** Windows in which more was allowed than `bound`. */
function above({ allowed }: WorldResult, bound: number): number[] {
  return [...allowed.values()].filter((count) => count > bound);
}

/** Requests that were allowed in the windows after the first and before the last. */
function inWholeWindows({ allowed }: WorldResult): number[] {
  return [...allowed.values()].slice(1, -1);
}

const base = { processes: 5, windows: 5, load: 2 } satisfies Partial<WorldOptions>;

describe('limiters of several processes', () => {
  test.each(CASES)('a window has no more than the limit when messages are lost and repeated: %j', async (given) => {
    const result = await simulate({ ...base, ...given, uneven: true, faultyNetwork: true, kills: 6 });
    expect(above(result, given.limit.limit)).toEqual([]);
  });

  test.each(CASES)('a window has at most a slice per process more when clocks drift: %j', async (given) => {
    const result = await simulate({
      ...base,
      ...given,
      uneven: true,
      faultyNetwork: true,
      drift: 0.01,
      kills: 6,
    });
    expect(above(result, given.limit.limit * 1.01 + base.processes * sliceOf(given.limit))).toEqual([]);
  });

  test.each(CASES)('the whole limit is used when no message is lost: %j', async (given) => {
    const result = await simulate({ ...base, ...given, drift: 0.0001 });
    const { limit } = given.limit;
    expect(Math.min(...inWholeWindows(result))).toBeGreaterThanOrEqual(Math.floor(limit * 0.99));
    expect(above(result, limit + base.processes * sliceOf(given.limit))).toEqual([]);
  });

  test.each(CASES)('the limit is used except for the slices of killed processes: %j', async (given) => {
    const kills = 4;
    const result = await simulate({ ...base, ...given, kills });
    const { limit } = given.limit;
    const total = inWholeWindows(result).reduce((sum, count) => sum + count, 0);
    const lost = kills * sliceOf(given.limit);
    expect(total).toBeGreaterThanOrEqual(inWholeWindows(result).length * limit - lost);
    expect(above(result, limit)).toEqual([]);
  });

  test('a limiter asks the store once for many requests when the limit is large', async () => {
    const limit = { limit: 5000, window: 5000 };
    const { leases, requests } = await simulate({ seed: 1, limit, processes: 2, windows: 2, load: 1 });
    expect(requests / leases).toBeGreaterThan(20);
  });

  test('a store that does not deduct a slice is found', async () => {
    const [, , limit] = LIMITS;
    const result = await simulate({
      ...base,
      seed: 1,
      limit: limit!,
      lease: (counters, request) => counters.lease({ ...request, lessee: 'one', sequence: request.sequence + 1e6 }),
    });
    expect(above(result, limit!.limit * 1.01 + base.processes * sliceOf(limit!))).not.toEqual([]);
  });
});
