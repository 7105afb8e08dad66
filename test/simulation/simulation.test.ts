import { execFile } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const TSX = pathToFileURL(require.resolve('tsx')).href;
/** About half a minute. */
const SCHEDULES = 2000;

test('createApiKeys keeps its invariants when simulated faults are injected', async () => {
  const file = path.join(__dirname, 'run.ts');
  const options = ['--seed', '1', '--schedules', String(SCHEDULES), '--seconds', '3600'];
  const { stdout } = await run(process.execPath, ['--import', TSX, file, ...options]).catch(
    (error: { stdout: string; stderr: string }) => {
      throw new Error(`${error.stdout}\n${error.stderr}`);
    },
  );
  expect(stdout).toContain(`${SCHEDULES} schedules`);
}, 900_000);
