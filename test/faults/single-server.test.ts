import { expectNoViolation } from './harness/expect';
import { createRandom, type Random } from './harness/random';
import { type Report, wasUndisturbed } from './harness/report';
import { type Fault, runTrial } from './harness/trial';
import { appFrozen, flooded } from './scenarios/any';
import { createSingleFaults, type SingleServerDeployment, startSingleServer } from './scenarios/single';

const TIMEOUT = 60_000;
const WORKSPACES = ['ws-1', 'ws-2', 'ws-3'];
/** Longer than `maxRevocationLag`. */
const LASTING = 2000;

let random: Random;
let deployment: SingleServerDeployment;
let faults: ReturnType<typeof createSingleFaults>;
beforeAll(async () => {
  random = createRandom(20_26);
  deployment = await startSingleServer(random);
  faults = createSingleFaults(deployment);
}, TIMEOUT);
afterAll(() => deployment.close());

async function runSingleFault(fault: Fault | null, lasting = LASTING): Promise<Report> {
  const planned = fault === null ? [] : [{ fault, after: 0, lasting }];
  const report = await runTrial(deployment, { faults: planned, random, workspaces: WORKSPACES });
  expectNoViolation(report);
  return report;
}

/** Fails if the fault had no effect. */
const expectUnavailable = ({ counts }: Report) => expect(counts['503 store_unavailable']).toBeGreaterThan(0);

test('requireApiKey responds within the documented limits without a fault', async () => {
  const report = await runSingleFault(null);
  if (wasUndisturbed(report)) expect(report.modes).toEqual([]);
});

test('requireApiKey responds within the documented limits while Redis is killed and restarted with its data', async () => {
  const report = await runSingleFault(faults.killed);
  expectUnavailable(report);
  expect(report.modes).toEqual(expect.arrayContaining(['down', 'tracking']));
});

test('requireApiKey responds within the documented limits while Redis is killed and restarted empty', async () => {
  expectUnavailable(await runSingleFault(faults.emptied));
});

test('requireApiKey responds within the documented limits while Redis is frozen', async () => {
  expectUnavailable(await runSingleFault(faults.frozen));
});

test('requireApiKey responds within the documented limits while invalidation feeds are dead', async () => {
  const report = await runSingleFault(faults.feedLost);
  if (wasUndisturbed(report)) expect(report.modes).toEqual(expect.arrayContaining(['per-entry', 'tracking']));
});

test('requireApiKey responds within the documented limits while data connections are dead', async () => {
  expectUnavailable(await runSingleFault(faults.dataLost));
});

test('requireApiKey responds within the documented limits while all connections are dead', async () => {
  expectUnavailable(await runSingleFault(faults.allLost));
});

test('requireApiKey responds within the documented limits while invalidation feeds are killed at random', async () => {
  const report = await runSingleFault(faults.feedsKilled);
  expect(report.notes).toContainEqual(expect.stringMatching(/^[1-9]\d* feeds killed$/));
});

test('requireApiKey responds within the documented limits when FLUSHALL deletes all keys', async () => {
  await runSingleFault(faults.flushed, 1200);
});

test('requireApiKey responds within the documented limits when a process was suspended', async () => {
  const { stalls } = await runSingleFault(appFrozen);
  expect(Math.max(...stalls.map(({ lasting }) => lasting))).toBeGreaterThan(LASTING / 2);
});

test('requireApiKey responds within the documented limits while invalidation feeds are slow', async () => {
  await runSingleFault(faults.feedSlow);
});

test('requireApiKey responds within the documented limits when existing data connections are dead and new ones work', async () => {
  expectUnavailable(await runSingleFault(faults.abandoned));
});

test('requireApiKey responds within the documented limits while connections are cut and refused', async () => {
  expectUnavailable(await runSingleFault(faults.cut));
});

test('requireApiKey responds within the documented limits during a flood of forged tokens', async () => {
  await runSingleFault(flooded);
});

test('requireApiKey responds within the documented limits while Redis refuses tracking', async () => {
  const report = await runSingleFault(faults.forbidden);
  expect(report.modes).toEqual(expect.arrayContaining(['per-entry', 'tracking']));
});
