import type { Random } from '../kernel/random';
import { keepClocksHonest } from './mixed';
import type { Plan, ProcessPlan } from './plan';
import { Sketch } from './sketch';
import { TEMPLATES } from './templates';

/** Lags from the first step to the end of a small schedule, at most. */
const LENGTH = 5;

function makeProcess(random: Random, clockDifference: number): ProcessPlan {
  return {
    drift: random.between(-0.0002, 0.0002),
    wallOffset: random.between(-clockDifference, clockDifference),
  };
}

/** A small schedule that aims at one window. */
export function makeSmallPlan(seed: number, random: Random): Plan {
  const lag = random.pick([50, 100, 100, 200]);
  const storeTimeout = lag * random.pick([0.3, 0.5, 0.5, 1]);
  const processes = random.weighted([
    [1, 1],
    [2, 6],
    [3, 1],
  ]);
  const sketch = new Sketch(random, lag, storeTimeout, processes);
  const [name, template] = random.weighted(TEMPLATES.map((each) => [each, each[2]] as const));
  template(sketch);
  if (random.chance(0.05)) sketch.tracking = 'refused';
  else if (random.chance(0.12)) sketch.tracking = 'no-redirect';
  sketch.isCold = random.chance(0.08);
  const steps = [...sketch.steps];
  keepClocksHonest(steps);
  const isSlowToHeal = steps.some(({ kind }) => kind === 'blackhole');
  const info = !sketch.hasReplica && random.chance(0.04) ? 'refused' : 'allowed';
  return {
    seed,
    processes: Array.from({ length: processes }, () => makeProcess(random, sketch.clockDifference)),
    maxRevocationLag: lag,
    storeTimeout,
    network: {
      delay: random.weighted([
        [[0.05, 0.3], 5],
        [[0.2, 2], 3],
        [[0.5, 0.08 * lag], 1],
      ] as const),
      loss: 0,
    },
    hasReplica: sketch.hasReplica,
    replicationLag: random.chance(0.7) ? sketch.replicationLag : random.between(0.3, 0.5 * lag),
    policy: { tracking: sketch.tracking, info },
    keys: 2,
    importsTokens: random.chance(0.12),
    durability: sketch.hasReplica && random.chance(0.12) ? lag * random.between(0.5, 2) : null,
    requestInterval: 0,
    steps,
    calmAt: LENGTH * lag,
    aim: {
      template: name,
      isCold: sketch.isCold,
      probes: random.chance(0.85),
      isPatient: random.chance(0.25),
      // A dead connection is noticed a while after its first use.
      checksService: random.chance(isSlowToHeal ? 0.01 : 0.1) && !(isSlowToHeal && sketch.isCold),
    },
  };
}
