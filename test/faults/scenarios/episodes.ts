import type { Fleet } from '../harness/app-processes';
import type { Random } from '../harness/random';
import type { Fault, RoundOptions } from '../harness/trial';
import { appFrozen, flooded } from './any';
import { createClusterFaults, startClusterFleet, startClusterServers } from './cluster';
import { createSentinelFaults, startSentinelFleet } from './sentinel';
import { createSingleFaults, startSingleFleet } from './single';

/** Servers and processes on them, and what may befall them. */
export interface Stage {
  readonly fleet: Fleet;
  /** What is to happen in the next round. */
  plan(random: Random): Omit<RoundOptions, 'random'>;
  /** Until the next round can begin. */
  recover(): Promise<void>;
  close(): Promise<void>;
}

/** A kind of stage, for a few rounds in a row. */
export interface Episode {
  readonly name: string;
  /** How likely it is, compared with the others. */
  readonly weight: number;
  readonly rounds: { readonly from: number; readonly to: number };
  start(random: Random): Promise<Stage>;
}

const WORKSPACES = Array.from({ length: 6 }, (_, i) => `ws-${i}`);
/** Every change is on a replica before it is acknowledged. */
const DURABLE = { durability: { replicas: 1, timeout: 400 } };

/** At most one of those that exclude each other, and some of the others, at times of their own. */
function planFaults(random: Random, exclusive: readonly Fault[], others: readonly Fault[]): RoundOptions['faults'] {
  const faults = random.some(others, Math.floor(random.between(0, 3)));
  if (faults.length === 0 || random.chance(0.7)) faults.push(random.pick(exclusive));
  return faults.map((fault) => ({
    fault,
    after: random.chance(0.5) ? 0 : random.between(0, 2500),
    lasting: random.between(300, 5500),
  }));
}

async function startSingle(random: Random): Promise<Stage> {
  const fleet = await startSingleFleet(random);
  const faults = createSingleFaults(fleet);
  const { killed, emptied, frozen, flushed, feedsKilled, forbidden } = faults;
  const { feedLost, dataLost, allLost, abandoned, feedSlow, cut } = faults;
  const exclusive = [killed, emptied, frozen, flushed, feedsKilled, forbidden];
  const others = [feedLost, dataLost, allLost, abandoned, feedSlow, cut, appFrozen, flooded];
  return {
    fleet,
    plan: (chance) => ({ faults: planFaults(chance, exclusive, others), workspaces: WORKSPACES }),
    recover: () => Promise.resolve(),
    close: () => fleet.close(),
  };
}

async function startCluster(isDurable: boolean): Promise<Stage> {
  const servers = await startClusterServers();
  try {
    const fleet = await startClusterFleet(servers, isDurable ? DURABLE : {});
    const faults = createClusterFaults(servers);
    const exclusive = [faults.killed, faults.frozen, faults.slotsMoved];
    return {
      fleet,
      plan(random) {
        const planned = planFaults(random, exclusive, [appFrozen, flooded]);
        return { faults: planned, workspaces: WORKSPACES, failsOver: true, mayLose: !isDurable };
      },
      recover: () => Promise.resolve(),
      async close() {
        await fleet.close();
        await servers.stop();
      },
    };
  } catch (error) {
    await servers.stop();
    throw error;
  }
}

async function startSentinel(isDurable: boolean): Promise<Stage> {
  const fleet = await startSentinelFleet(isDurable ? DURABLE : {});
  const faults = createSentinelFaults(fleet);
  const exclusive = [faults.killed, faults.frozen, faults.demoted];
  return {
    fleet,
    plan(random) {
      const planned = planFaults(random, exclusive, [appFrozen, flooded]);
      return { faults: planned, workspaces: WORKSPACES, failsOver: true, mayLose: !isDurable };
    },
    recover: () => faults.rejoined(),
    close: () => fleet.close(),
  };
}

export const EPISODES: readonly Episode[] = [
  { name: 'single server', weight: 6, rounds: { from: 4, to: 8 }, start: startSingle },
  { name: 'cluster', weight: 2, rounds: { from: 2, to: 4 }, start: () => startCluster(false) },
  { name: 'cluster, durable', weight: 2, rounds: { from: 2, to: 4 }, start: () => startCluster(true) },
  { name: 'sentinel', weight: 1, rounds: { from: 1, to: 2 }, start: () => startSentinel(false) },
  { name: 'sentinel, durable', weight: 1, rounds: { from: 1, to: 2 }, start: () => startSentinel(true) },
];
