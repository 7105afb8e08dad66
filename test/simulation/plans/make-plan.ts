import { Random } from '../kernel/random';
import { makeMixedPlan } from './mixed';
import type { Plan } from './plan';
import { makeSmallPlan } from './small';

/** How many of all schedules are long ones. */
const MIXED = 0.05;

/** Everything about one schedule that its seed decides beforehand. */
export function makePlan(seed: number): Plan {
  const random = new Random(seed, 1);
  return random.chance(MIXED) ? makeMixedPlan(seed, random) : makeSmallPlan(seed, random);
}
