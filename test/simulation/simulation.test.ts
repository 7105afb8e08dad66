import { execFile } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const TSX = pathToFileURL(require.resolve('tsx')).href;
/** About half a minute. */
const SCHEDULES = 2000;

/** The output of a run from a seed, which takes as long as it must. */
async function run(seed: number, schedules: number, ...more: string[]): Promise<string> {
  const options = ['--seed', String(seed), '--schedules', String(schedules), '--seconds', '3600', ...more];
  const file = path.join(__dirname, 'run.ts');
  const { stdout } = await execute(process.execPath, ['--import', TSX, file, ...options], {
    maxBuffer: 2 ** 26,
  }).catch((error: { stdout: string; stderr: string }) => {
    throw new Error(`${error.stdout}\n${error.stderr}`);
  });
  return stdout;
}

test('createApiKeys keeps its invariants when simulated faults are injected', async () => {
  expect(await run(1, SCHEDULES)).toContain(`${SCHEDULES} schedules`);
}, 900_000);

test('a machine that is suspended while it is suspended loses the time once', async () => {
  expect(await run(696177, 1)).toContain('0 schedules with a violation');
}, 240_000);

test('a schedule logs the same events when it is run alone and after others', async () => {
  // In the second one a key is created.
  for (const seed of [3, 8]) await expectSameLog(seed);
}, 240_000);

async function expectSameLog(seed: number): Promise<void> {
  const alone = (await run(seed, 1, '--log')).split('\n').slice(1, -2);
  const after = (await run(seed - 2, 3, '--log')).split('\n').slice(1, -2);
  expect(alone.length).toBeGreaterThan(50);
  expect(after.slice(-alone.length)).toEqual(alone);
}
