import { expectNoViolation } from './harness/expect';
import { createRandom } from './harness/random';
import { runTrial } from './harness/trial';
import { createSentinelFaults, type SentinelDeployment, startSentinelDeployment } from './scenarios/sentinel';

let deployment: SentinelDeployment;
beforeAll(async () => {
  deployment = await startSentinelDeployment();
});
afterAll(() => deployment.close());

test('requireApiKey responds within the documented limits when Sentinel replaces a killed master', async () => {
  const planned = [{ fault: createSentinelFaults(deployment).killed, after: 0, lasting: 2000 }];
  const report = await runTrial(deployment, {
    faults: planned,
    random: createRandom(20_26),
    workspaces: ['ws-1', 'ws-2', 'ws-3'],
    failsOver: true,
    mayLose: true,
  });
  expectNoViolation(report);
  expect(report.counts['503 store_unavailable']).toBeGreaterThan(0);
});
