import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const SCRIPT = path.join(__dirname, '..', '..', 'scripts', 'ensure-tools.sh');
/** Programs that the script itself needs. */
const BASICS = ['bash', 'id', 'env', 'touch', 'chmod'];

let machine: string;

beforeEach(() => {
  machine = mkdtempSync(path.join(os.tmpdir(), 'keyscope-tools-'));
  for (const name of BASICS) {
    const folder = (process.env.PATH ?? '').split(path.delimiter).find((place) => existsSync(path.join(place, name)));
    symlinkSync(path.join(folder!, name), path.join(machine, name));
  }
});

afterEach(() => rmSync(machine, { recursive: true, force: true }));

/** Gives the machine a program. */
function provide(name: string, script: string): void {
  writeFileSync(path.join(machine, name), `#!${machine}/bash\n${script}\n`);
  chmodSync(path.join(machine, name), 0o755);
}

/** Runs the script on a machine that has the basics and what was provided, and nothing else. */
function ensure(...tools: string[]): Promise<{ code: number; stderr: string }> {
  return new Promise((resolve) => {
    const env = { PATH: machine, LOG: path.join(machine, 'log') };
    execFile(path.join(machine, 'bash'), [SCRIPT, ...tools], { env }, (error, stdout, stderr) => {
      expect(stdout).toBe('');
      resolve({ code: error ? Number(error.code) : 0, stderr });
    });
  });
}

test('ensure-tools does nothing and prints nothing when every program is installed', async () => {
  provide('redis-server', 'exit 0');
  expect(await ensure('redis-server')).toEqual({ code: 0, stderr: '' });
});

test('ensure-tools installs a missing program with apt-get', async () => {
  provide('redis-server', 'exit 0');
  provide('sudo', 'shift; exec "$@"');
  provide(
    'apt-get',
    `echo "$*" >> "$LOG"; [ "$1" = update ] || { touch "${machine}/chromium"; chmod +x "${machine}/chromium"; }`,
  );
  const { code, stderr } = await ensure('redis-server', 'chromium');
  expect({ code, stderr }).toEqual({ code: 0, stderr: 'Installing chromium …\n' });
  const log = readFileSync(path.join(machine, 'log'), 'utf8');
  expect(log).toBe('update -qq\ninstall -y -qq --no-install-recommends chromium\n');
});

test('ensure-tools installs a missing program when apt-get cannot update its lists', async () => {
  provide('sudo', 'shift; exec "$@"');
  provide(
    'apt-get',
    `[ "$1" = update ] && exit 100; touch "${machine}/redis-server"; chmod +x "${machine}/redis-server"`,
  );
  expect(await ensure('redis-server')).toMatchObject({ code: 0 });
});

test('ensure-tools exits 1 and prints the commands when there is no package manager', async () => {
  const { code, stderr } = await ensure('redis-server', 'chromium');
  expect(code).toBe(1);
  expect(stderr).toContain(
    'The tests need redis-server chromium, not installed here: neither apt-get nor brew was found.',
  );
  expect(stderr).toContain('sudo apt-get install redis-server chromium');
  expect(stderr).toContain('brew install redis\n');
  expect(stderr).toContain('brew install --cask chromium\n');
});

test('ensure-tools exits 1 when the installation fails or leaves no program', async () => {
  provide('sudo', 'shift; exec "$@"');
  provide('apt-get', '[ "$1" = update ] || exit 100');
  expect(await ensure('redis-server')).toMatchObject({ code: 1, stderr: expect.stringContaining('apt-get failed') });
  provide('apt-get', 'exit 0');
  expect(await ensure('redis-server')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('left no redis-server'),
  });
});

test('ensure-tools --check exits 1 with the commands and installs nothing when a program is missing', async () => {
  provide('sudo', 'echo "sudo $*" >> "$LOG"');
  provide('apt-get', 'echo "apt-get $*" >> "$LOG"');
  const { code, stderr } = await ensure('--check', 'redis-server', 'chromium');
  expect(code).toBe(1);
  expect(stderr).toContain('The tests need redis-server chromium, not installed here.');
  expect(stderr).toContain('sudo apt-get install redis-server chromium');
  expect(stderr).toContain('npm run test:unit');
  expect(existsSync(path.join(machine, 'log'))).toBe(false);
});
