import { expectKept } from './harness/expect';
import { createRandom, type Random } from './harness/random';
import { type Report, wasCalm } from './harness/report';
import { type Fault, runRound } from './harness/trial';
import { appFrozen, flooded } from './scenarios/any';
import { createSingleFaults, type SingleFleet, startSingleFleet } from './scenarios/single';

const TIMEOUT = 60_000;
const WORKSPACES = ['ws-1', 'ws-2', 'ws-3'];
/** Longer than anything may be believed. */
const LASTING = 2000;

let random: Random;
let fleet: SingleFleet;
let faults: ReturnType<typeof createSingleFaults>;
beforeAll(async () => {
  random = createRandom(20_26);
  fleet = await startSingleFleet(random);
  faults = createSingleFaults(fleet);
}, TIMEOUT);
afterAll(() => fleet.close());

async function keepsItsPromise(fault: Fault | null, lasting = LASTING): Promise<Report> {
  const planned = fault === null ? [] : [{ fault, after: 0, lasting }];
  const report = await runRound(fleet, { faults: planned, random, workspaces: WORKSPACES });
  expectKept(report);
  return report;
}

/** So that a round in which nothing was broken cannot pass. */
const refusedMeanwhile = ({ counts }: Report) => expect(counts['503 store_unavailable']).toBeGreaterThan(0);

test('while nothing fails', async () => {
  const report = await keepsItsPromise(null);
  if (wasCalm(report)) expect(report.modes).toEqual([]);
}, 60_000);

test('while Redis is killed and restarted with its data', async () => {
  const report = await keepsItsPromise(faults.killed);
  refusedMeanwhile(report);
  expect(report.modes).toEqual(expect.arrayContaining(['down', 'tracking']));
}, 60_000);

test('while Redis is killed and restarted empty', async () => {
  refusedMeanwhile(await keepsItsPromise(faults.emptied));
}, 60_000);

test('while Redis is frozen', async () => {
  refusedMeanwhile(await keepsItsPromise(faults.frozen));
}, 60_000);

test('while feeds lead nowhere', async () => {
  const report = await keepsItsPromise(faults.feedLost);
  if (wasCalm(report)) expect(report.modes).toEqual(expect.arrayContaining(['per-entry', 'tracking']));
}, 60_000);

test('while data connections lead nowhere', async () => {
  refusedMeanwhile(await keepsItsPromise(faults.dataLost));
}, 60_000);

test('while all connections lead nowhere', async () => {
  refusedMeanwhile(await keepsItsPromise(faults.allLost));
}, 60_000);

test('while feeds are killed at random', async () => {
  const report = await keepsItsPromise(faults.feedsKilled);
  expect(report.notes).toContainEqual(expect.stringMatching(/^[1-9]\d* feeds killed$/));
}, 60_000);

test('when everything is flushed', async () => {
  await keepsItsPromise(faults.flushed, 1200);
}, 60_000);

test('while a process is frozen', async () => {
  const { stalls } = await keepsItsPromise(appFrozen);
  expect(Math.max(...stalls.map(({ lasting }) => lasting))).toBeGreaterThan(LASTING / 2);
}, 60_000);

test('while feeds are slow, and their speed varies', async () => {
  await keepsItsPromise(faults.feedSlow);
}, 60_000);

test('while data connections are dead for good, and only new ones lead anywhere', async () => {
  refusedMeanwhile(await keepsItsPromise(faults.abandoned));
}, 60_000);

test('while connections are cut and cannot be made anew', async () => {
  refusedMeanwhile(await keepsItsPromise(faults.cut));
}, 60_000);

test('while a flood of forged tokens comes in', async () => {
  await keepsItsPromise(flooded);
}, 60_000);

test('while Redis does not allow tracking', async () => {
  const report = await keepsItsPromise(faults.forbidden);
  expect(report.modes).toEqual(expect.arrayContaining(['per-entry', 'tracking']));
}, 60_000);
