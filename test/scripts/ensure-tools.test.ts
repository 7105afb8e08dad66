import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const SCRIPT = path.join(__dirname, '..', '..', 'scripts', 'ensure-tools.sh');
/** What the script itself runs on, wherever this machine keeps it. */
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

test('where everything is there, nothing is done and nothing said', async () => {
  provide('redis-server', 'exit 0');
  expect(await ensure('redis-server')).toEqual({ code: 0, stderr: '' });
});

test('what is missing is installed, by apt-get where there is one', async () => {
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

test('lists that cannot be updated do not keep what they name from being installed', async () => {
  provide('sudo', 'shift; exec "$@"');
  provide(
    'apt-get',
    `[ "$1" = update ] && exit 100; touch "${machine}/redis-server"; chmod +x "${machine}/redis-server"`,
  );
  expect(await ensure('redis-server')).toMatchObject({ code: 0 });
});

test('where nothing can install it, the sentence says what to install and how', async () => {
  const { code, stderr } = await ensure('redis-server', 'chromium');
  expect(code).toBe(1);
  expect(stderr).toContain(
    'The tests need redis-server chromium, which could not be installed here: there is neither apt-get nor brew.',
  );
  expect(stderr).toContain('sudo apt-get install redis-server chromium');
  expect(stderr).toContain('brew install redis\n');
  expect(stderr).toContain('brew install --cask chromium\n');
});

test('an installation that fails, or installs nothing of use, is not taken for one that worked', async () => {
  provide('sudo', 'shift; exec "$@"');
  provide('apt-get', '[ "$1" = update ] || exit 100');
  expect(await ensure('redis-server')).toMatchObject({ code: 1, stderr: expect.stringContaining('apt-get failed') });
  provide('apt-get', 'exit 0');
  expect(await ensure('redis-server')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('still no redis-server'),
  });
});
