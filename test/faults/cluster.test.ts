import type { Fleet } from './harness/app-processes';
import { expectKept } from './harness/expect';
import { createRandom, type Random } from './harness/random';
import { runRound } from './harness/trial';
import { type ClusterServers, createClusterFaults, startClusterFleet, startClusterServers } from './scenarios/cluster';

const TIMEOUT = 60_000;
const WORKSPACES = Array.from({ length: 6 }, (_, i) => `ws-${i}`);
const LASTING = 2000;

let random: Random;
let servers: ClusterServers;
let faults: ReturnType<typeof createClusterFaults>;
beforeAll(async () => {
  random = createRandom(20_26);
  servers = await startClusterServers();
  faults = createClusterFaults(servers);
}, TIMEOUT);
afterAll(() => servers.stop());

describe('with changes that are acknowledged by one node', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await startClusterFleet(servers);
  }, TIMEOUT);
  afterAll(() => fleet.close());

  test('while slots are moved', async () => {
    const planned = [{ fault: faults.slotsMoved, after: 0, lasting: LASTING }];
    const report = await runRound(fleet, { faults: planned, random, workspaces: WORKSPACES, failsOver: true });
    expectKept(report);
    expect(report.notes).toContainEqual(expect.stringMatching(/^[1-9]\d* slots moved, with [1-9]/));
  }, 60_000);

  test('while a master is killed and a replica takes over, which may not know what was acknowledged last', async () => {
    const planned = [{ fault: faults.killed, after: 0, lasting: LASTING }];
    const options = { faults: planned, random, workspaces: WORKSPACES, failsOver: true, mayLose: true };
    const report = await runRound(fleet, options);
    expectKept(report);
    expect(report.counts['503 store_unavailable']).toBeGreaterThan(0);
  }, 90_000);
});

describe('with changes that are on a replica before they are acknowledged', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await startClusterFleet(servers, { durability: { replicas: 1, timeout: 400 } });
  }, TIMEOUT);
  afterAll(() => fleet.close());

  test('while a master is killed and a replica takes over, which knows everything', async () => {
    const planned = [{ fault: faults.killed, after: 0, lasting: LASTING }];
    const report = await runRound(fleet, { faults: planned, random, workspaces: WORKSPACES, failsOver: true });
    expectKept(report);
    expect(report.counts['503 store_unavailable']).toBeGreaterThan(0);
  }, 90_000);
});
