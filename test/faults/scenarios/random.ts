import { type Restriction, redisCloud } from '../../support/redis/restricted-redis';
import type { Deployment } from '../harness/app-processes';
import type { Random } from '../harness/random';
import type { Fault, TrialOptions } from '../harness/trial';
import { appFrozen, flooded } from './any';
import { createClusterFaults, startClusterDeployment, startClusterServers } from './cluster';
import { createSentinelFaults, startSentinelDeployment } from './sentinel';
import { createSingleFaults, startSingleServer } from './single';

/** Servers and app processes, and the faults that apply to them. */
export interface Environment {
  readonly deployment: Deployment;
  /** Options of the next trial. */
  plan(random: Random): Omit<TrialOptions, 'random'>;
  /** Waits until the next trial can begin. */
  recover(): Promise<void>;
  close(): Promise<void>;
}

/** A kind of environment, for several trials in a row. */
export interface Scenario {
  readonly name: string;
  /** Probability relative to the other scenarios. */
  readonly weight: number;
  readonly trials: { readonly from: number; readonly to: number };
  start(random: Random): Promise<Environment>;
}

const WORKSPACES = Array.from({ length: 6 }, (_, i) => `ws-${i}`);
/** Every change is on a replica before it is acknowledged. */
const DURABLE = { durability: { replicas: 1, timeout: 400 } };

/** At most one exclusive fault, and some of the others, at independent times. */
function planFaults(random: Random, exclusive: readonly Fault[], others: readonly Fault[]): TrialOptions['faults'] {
  const faults = random.some(others, Math.floor(random.between(0, 3)));
  if (faults.length === 0 || random.chance(0.7)) faults.push(random.pick(exclusive));
  return faults.map((fault) => ({
    fault,
    after: random.chance(0.5) ? 0 : random.between(0, 2500),
    lasting: random.between(300, 5500),
  }));
}

async function startSingle(random: Random, restriction?: Restriction): Promise<Environment> {
  const deployment = await startSingleServer(random, restriction);
  const faults = createSingleFaults(deployment);
  const { killed, emptied, frozen, flushed, feedsKilled, forbidden } = faults;
  const { feedLost, dataLost, allLost, abandoned, feedSlow, cut } = faults;
  const exclusive = [killed, emptied, frozen, flushed, feedsKilled, forbidden];
  const others = [feedLost, dataLost, allLost, abandoned, feedSlow, cut, appFrozen, flooded];
  return {
    deployment,
    plan: (chance) => ({ faults: planFaults(chance, exclusive, others), workspaces: WORKSPACES }),
    recover: () => Promise.resolve(),
    close: () => deployment.close(),
  };
}

async function startCluster(isDurable: boolean): Promise<Environment> {
  const servers = await startClusterServers();
  try {
    const deployment = await startClusterDeployment(servers, isDurable ? DURABLE : {});
    const faults = createClusterFaults(servers);
    const exclusive = [faults.killed, faults.frozen, faults.slotsMoved];
    return {
      deployment,
      plan(random) {
        const planned = planFaults(random, exclusive, [appFrozen, flooded]);
        return { faults: planned, workspaces: WORKSPACES, failsOver: true, mayLose: !isDurable };
      },
      recover: () => Promise.resolve(),
      async close() {
        await deployment.close();
        await servers.stop();
      },
    };
  } catch (error) {
    await servers.stop();
    throw error;
  }
}

async function startSentinel(isDurable: boolean): Promise<Environment> {
  const deployment = await startSentinelDeployment(isDurable ? DURABLE : {});
  const faults = createSentinelFaults(deployment);
  const exclusive = [faults.killed, faults.frozen, faults.demoted];
  return {
    deployment,
    plan(random) {
      const planned = planFaults(random, exclusive, [appFrozen, flooded]);
      return { faults: planned, workspaces: WORKSPACES, failsOver: true, mayLose: !isDurable };
    },
    recover: () => faults.rejoined(),
    close: () => deployment.close(),
  };
}

export const SCENARIOS: readonly Scenario[] = [
  { name: 'single server', weight: 6, trials: { from: 4, to: 8 }, start: (random) => startSingle(random) },
  {
    name: 'single server, RESP3',
    weight: 3,
    trials: { from: 4, to: 8 },
    start: (random) => startSingle(random, redisCloud),
  },
  { name: 'cluster', weight: 2, trials: { from: 2, to: 4 }, start: () => startCluster(false) },
  { name: 'cluster, durable', weight: 2, trials: { from: 2, to: 4 }, start: () => startCluster(true) },
  { name: 'sentinel', weight: 1, trials: { from: 1, to: 2 }, start: () => startSentinel(false) },
  { name: 'sentinel, durable', weight: 1, trials: { from: 1, to: 2 }, start: () => startSentinel(true) },
];
