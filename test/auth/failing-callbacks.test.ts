import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const ROOT = path.join(__dirname, '../..');
const PROGRAM = path.join(__dirname, 'failing-callbacks.program.ts');

test('onError and listeners that throw or reject neither end the process nor allow a request', async () => {
  const program = spawn(process.execPath, ['--require', 'tsx/cjs', '--disable-warning=KeyscopeWarning', PROGRAM], {
    cwd: ROOT,
  });
  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    program[name].on('data', (data) => {
      written[name] += data;
    });
  }
  const [code] = await once(program, 'close');
  expect({ code, stderr: written.stderr }).toEqual({ code: 0, stderr: '' });
  const results = Object.entries(JSON.parse(written.stdout) as Record<string, unknown>);
  expect(results.length).toBeGreaterThan(20);
  const body = '200 {"turns":[]}';
  const handled = '500 {"handled":true}';
  for (const [name, result] of results) {
    expect([name, result]).toEqual([
      name,
      {
        // Without a key; with one; a body that is rejected; an `agent` that throws.
        onError: [handled, body, handled, ...(name.includes(': throws') ? [handled] : [])],
        listeners: ['401 missing_key', body, '500 unredactable_response'],
        hasWarned: true,
      },
    ]);
  }
}, 60_000);
