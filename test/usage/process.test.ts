import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const ROOT = path.join(__dirname, '../..');

const PROGRAM = `
const { createApiKeys } = require('./src/index.ts');
async function main() {
  const apiKeys = createApiKeys({ permissions: { a: { label: 'A' } }, usageFlushInterval: '1h' });
  const { token } = await apiKeys.keys.create({ name: 'x', agents: 'all', permissions: ['a'] });
  process.stdout.write(String((await apiKeys.verify(token)).ok));
}
main();
`;

test('a program ends when it is done, whatever waits to be stored', async () => {
  const program = spawn(process.execPath, ['--require', 'tsx/cjs', '--eval', PROGRAM], {
    cwd: ROOT,
    // A deadline that is far beyond the end of the process, if it ends by itself.
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  let written = '';
  for (const stream of [program.stdout, program.stderr]) {
    stream.on('data', (data) => {
      written += data;
    });
  }
  const [code] = await once(program, 'close');
  expect({ code, written }).toEqual({ code: 0, written: 'true' });
});
