import { expectKept } from './harness/expect';
import { createRandom } from './harness/random';
import { runRound } from './harness/trial';
import { createSentinelFaults, type SentinelFleet, startSentinelFleet } from './scenarios/sentinel';

let fleet: SentinelFleet;
beforeAll(async () => {
  fleet = await startSentinelFleet();
}, 60_000);
afterAll(() => fleet.close());

test('while the master is killed and another server takes over', async () => {
  const planned = [{ fault: createSentinelFaults(fleet).killed, after: 0, lasting: 2000 }];
  const report = await runRound(fleet, {
    faults: planned,
    random: createRandom(20_26),
    workspaces: ['ws-1', 'ws-2', 'ws-3'],
    failsOver: true,
    mayLose: true,
  });
  expectKept(report);
  expect(report.counts['503 store_unavailable']).toBeGreaterThan(0);
}, 60_000);
