import type { Random } from '../kernel/random';
import { durationOf } from './duration';
import type { KeyChange, Plan, ProcessPlan, SocketChoice, Step } from './plan';

type Fault = (random: Random, at: number, plan: Shape) => Step[];

interface Shape {
  readonly processes: number;
  readonly hasReplica: boolean;
  readonly lag: number;
}

const DIRECTIONS = ['toServer', 'toClient', 'both'] as const;

function which(random: Random): SocketChoice {
  return random.weighted([
    ['app', 4],
    ['feed', 3],
    ['changes', 1],
    ['all', 2],
  ]);
}

/** Most faults are shorter than the lag or a few times longer: the interesting ones begin and end near a lapse. */
function length(random: Random, lag: number): number {
  return (
    lag *
    random.weighted([
      [random.between(0.05, 0.6), 3],
      [random.between(0.6, 1.6), 4],
      [random.between(1.6, 3), 2],
    ])
  );
}

export const FAULTS: readonly (readonly [Fault, number])[] = [
  [
    (random, at, { processes, hasReplica, lag }) => [
      {
        ...{ at, kind: 'partition', process: random.below(processes) },
        server: hasReplica && random.chance(0.2) ? 1 : 0,
        direction: random.pick(DIRECTIONS),
        duration: length(random, lag),
      },
    ],
    4,
  ],
  [(random, at, { processes }) => [{ at, kind: 'reset', process: random.below(processes), which: which(random) }], 3],
  [
    (random, at, { processes }) => [
      {
        ...{ at, kind: 'blackhole', process: random.below(processes), which: which(random) },
        direction: random.pick(DIRECTIONS),
      },
    ],
    3,
  ],
  [(random, at, { lag }) => [{ at, kind: 'freeze', server: 0, duration: length(random, lag) }], 2],
  [
    (random, at, { lag }) => [
      {
        ...{ at, kind: 'restart', duration: random.between(1, lag) },
        data: random.weighted([
          ['kept', 3],
          ['lost', 1],
          ['older', 1],
        ] as const),
        silently: random.chance(0.3),
      },
    ],
    1,
  ],
  [
    (random, at, { hasReplica, lag }) =>
      hasReplica
        ? [
            {
              ...{ at, kind: 'failover', old: random.pick(['stopped', 'demoted'] as const) },
              delay: random.chance(0.5) ? 0 : random.between(0, lag),
              resets: random.chance(0.5),
            },
          ]
        : [],
    2,
  ],
  [
    (random, at, { processes, hasReplica, lag }) => {
      if (!hasReplica) return [];
      const flip: Step & { kind: 'flip' } = {
        ...{ at, kind: 'flip', process: random.below(processes) },
        which: random.weighted([
          ['app', 4],
          ['feed', 1],
          ['changes', 1],
          ['all', 1],
        ] as const),
        duration: random.between(0.05, 1) * lag,
      };
      // A replica is dangerous while it lags.
      if (random.chance(0.3)) return [flip];
      const before = random.between(0, 1.5) * lag;
      // The first read after a change that is made while the client reconnects is answered by the lagging replica.
      const change: Step = {
        ...{ at: at + random.between(-2, 50), kind: 'change', process: (flip.process + 1) % processes },
        ...{ key: 0, change: random.pick(['disable', 'delete'] as const) },
      };
      return [
        { at: at - before, kind: 'stall', duration: before + flip.duration + random.between(0, 1) * lag },
        flip,
        change,
      ];
    },
    3,
  ],
  [(random, at, { lag, hasReplica }) => (hasReplica ? [{ at, kind: 'stall', duration: length(random, lag) }] : []), 1],
  [(random, at, { lag }) => [{ at, kind: 'swap', duration: random.between(0.1, 2) * lag }], 0.5],
  [(_random, at) => [{ at, kind: 'flush' }], 0.3],
  [
    (random, at, { processes, lag }) => [
      {
        ...{ at, kind: 'block', process: random.below(processes) },
        duration: length(random, lag),
        withInput: random.chance(0.6),
      },
    ],
    3,
  ],
  [
    (random, at, { processes, lag }) => [
      { at, kind: 'suspend', process: random.below(processes), duration: length(random, lag) },
    ],
    1,
  ],
  [
    (random, at, { processes, lag }) => [
      { at, kind: 'clock', process: random.below(processes), by: random.between(-3, 3) * lag },
    ],
    1,
  ],
];

const CHANGES: readonly (readonly [KeyChange, number])[] = [
  ['disable', 4],
  ['enable', 3],
  ['restrict', 2],
  ['widen', 1],
  ['delete', 2],
  ['rotate', 2],
  ['create', 1],
];

function makeProcess(random: Random): ProcessPlan {
  return {
    drift: random.between(-0.0002, 0.0002),
    wallOffset: random.chance(0.7) ? random.between(-20, 20) : random.between(-5000, 5000),
  };
}

/** When traffic and faults begin, and how long they go on, in lags. */
const BEGIN = 0.6;
const LENGTH = 4;

/**
 * No clock of a machine shows that it was suspended if its wall clock is also set back by as much. Such steps go forward
 * instead.
 */
export function keepClocksHonest(steps: Step[]): void {
  const suspended = new Set(steps.flatMap((step) => (step.kind === 'suspend' ? [step.process] : [])));
  steps.forEach((step, i) => {
    if (step.kind === 'clock' && suspended.has(step.process)) steps[i] = { ...step, by: Math.abs(step.by) };
  });
}

/** A long schedule of several faults, with random traffic. */
export function makeMixedPlan(seed: number, random: Random): Plan {
  const processes = random.weighted([
    [2, 5],
    [3, 3],
    [4, 1],
    [5, 1],
  ]);
  const lag = random.weighted([
    [400, 4],
    [200, 3],
    [1000, 1],
    [100, 1],
  ]);
  // A user who may not run INFO cannot be told a replica from a master; one address then means one server.
  const info = random.chance(0.05) ? 'refused' : 'allowed';
  const hasReplica = info === 'allowed' && random.chance(0.5);
  const keys = random.pick([1, 1, 2, 3]);
  const shape = { processes, hasReplica, lag };
  const steps: Step[] = [];
  for (
    let i = random.weighted([
      [0, 1],
      [1, 5],
      [2, 4],
      [3, 2],
      [5, 1],
    ]);
    i > 0;
    i--
  ) {
    const fault = random.weighted(FAULTS);
    steps.push(...fault(random, lag * random.between(BEGIN, BEGIN + LENGTH), shape));
  }
  keepClocksHonest(steps);
  const faults = steps.map((step) => step.at);
  // A change is most telling shortly before, in or after a fault.
  for (let i = 2 + random.below(6); i > 0; i--) {
    const near = faults.length > 0 && random.chance(0.7);
    const at = near
      ? Math.max(lag * BEGIN, random.pick(faults) + lag * random.between(-1, 1.5))
      : lag * random.between(BEGIN, BEGIN + LENGTH);
    const process = random.below(processes);
    if (random.chance(0.2)) steps.push({ at, kind: 'configure', process, transcript: random.chance(0.5) });
    else steps.push({ at, kind: 'change', process, key: random.below(keys), change: random.weighted(CHANGES) });
  }
  steps.sort((a, b) => a.at - b.at);
  return {
    seed,
    processes: Array.from({ length: processes }, () => makeProcess(random)),
    maxRevocationLag: lag,
    storeTimeout:
      lag *
      random.weighted([
        [0.5, 3],
        [1, 1],
        [0.25, 1],
      ]),
    network: {
      delay: random.weighted([
        [[0.05, 0.5], 4],
        [[0.5, 5], 2],
        [[5, 0.08 * lag], 1],
      ] as const),
      loss: random.chance(0.2) ? random.between(0, 0.02) : 0,
    },
    hasReplica,
    replicationLag: random.chance(0.7) ? 0.3 : random.between(0.3, 0.5 * lag),
    policy: {
      tracking: random.weighted([
        ['allowed', 8],
        ['refused', 1],
        ['no-redirect', 1.5],
      ] as const),
      info,
    },
    keys,
    importsTokens: random.chance(0.15),
    durability: hasReplica && random.chance(0.15) ? lag * random.between(0.5, 2) : null,
    requestInterval: lag * random.pick([0.015, 0.03, 0.07]),
    steps,
    calmAt: calmAfter(steps, lag),
    aim: null,
  };
}

/** When the last fault has ended. */
function calmAfter(steps: readonly Step[], lag: number): number {
  return Math.max(lag, ...steps.map((step) => step.at + durationOf(step, { maxRevocationLag: lag })));
}
