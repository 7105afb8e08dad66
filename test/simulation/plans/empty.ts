import type { Plan } from './plan';

/** A schedule in which nothing happens: one process, three keys, a fast network. */
export function emptyPlan(): Plan {
  return {
    seed: 0,
    processes: [{ drift: 0, wallOffset: 0 }],
    maxRevocationLag: 1000,
    storeTimeout: 1000,
    network: { delay: [0.05, 0.1], loss: 0 },
    hasReplica: false,
    replicationLag: 0,
    policy: { tracking: 'allowed', info: 'allowed' },
    keys: 3,
    importsTokens: false,
    durability: null,
    requestInterval: 100,
    steps: [],
    calmAt: 0,
    aim: null,
  };
}
