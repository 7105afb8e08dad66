import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

const ROOT = path.join(__dirname, '../..');
const VITEST = path.join(ROOT, 'node_modules/vitest/vitest.mjs');
const CONFIG = path.join(ROOT, 'example-app/recipes/vitest.config.mts');

interface Report {
  readonly numTotalTests: number;
  readonly testResults: readonly {
    readonly assertionResults: readonly { fullName: string; status: string; failureMessages: readonly string[] }[];
  }[];
}

test('every recipe passes its own tests in vitest', async () => {
  // It is not in the environment of a Jest test.
  const { JEST_WORKER_ID: _, NODE_ENV: __, ...env } = process.env;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [VITEST, 'run', '--config', CONFIG, '--reporter=json', '--testTimeout=60000'],
    { cwd: ROOT, env, maxBuffer: 2 ** 26 },
  ).catch((error: { stdout: string; stderr: string }) => {
    if (error.stdout.startsWith('{')) return error;
    throw new Error(`${error.stdout}\n${error.stderr}`);
  });
  const { testResults, numTotalTests } = JSON.parse(stdout) as Report;
  const failed = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status !== 'passed')
    .map(({ fullName, failureMessages }) => [fullName, ...failureMessages].join('\n'));
  expect(failed).toEqual([]);
  expect(numTotalTests).toBeGreaterThan(25);
}, 240_000);
