import type { Deployment } from './harness/app-processes';
import { expectNoViolation } from './harness/expect';
import { createRandom, type Random } from './harness/random';
import { runTrial } from './harness/trial';
import {
  type ClusterServers,
  createClusterFaults,
  startClusterDeployment,
  startClusterServers,
} from './scenarios/cluster';

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

describe('Cluster without durability', () => {
  let deployment: Deployment;
  beforeAll(async () => {
    deployment = await startClusterDeployment(servers);
  }, TIMEOUT);
  afterAll(() => deployment.close());

  test('requireApiKey responds within the documented limits while slots are moved', async () => {
    const planned = [{ fault: faults.slotsMoved, after: 0, lasting: LASTING }];
    const report = await runTrial(deployment, { faults: planned, random, workspaces: WORKSPACES, failsOver: true });
    expectNoViolation(report);
    expect(report.notes).toContainEqual(expect.stringMatching(/^[1-9]\d* slots moved, with [1-9]/));
  });

  test('requireApiKey responds within the documented limits when a master is killed and its replica lacks the last changes', async () => {
    const planned = [{ fault: faults.killed, after: 0, lasting: LASTING }];
    const options = { faults: planned, random, workspaces: WORKSPACES, failsOver: true, mayLose: true };
    const report = await runTrial(deployment, options);
    expectNoViolation(report);
    expect(report.counts['503 store_unavailable']).toBeGreaterThan(0);
  }, 90_000);
});

describe('Cluster with durability', () => {
  let deployment: Deployment;
  beforeAll(async () => {
    deployment = await startClusterDeployment(servers, { durability: { replicas: 1, timeout: 400 } });
  }, TIMEOUT);
  afterAll(() => deployment.close());

  test('requireApiKey loses no acknowledged change when a master is killed and durability is set', async () => {
    const planned = [{ fault: faults.killed, after: 0, lasting: LASTING }];
    const report = await runTrial(deployment, { faults: planned, random, workspaces: WORKSPACES, failsOver: true });
    expectNoViolation(report);
    expect(report.counts['503 store_unavailable']).toBeGreaterThan(0);
  }, 90_000);
});
