// Runs a suite: `npm run bench -- <suite> [--json] [more for the suite]`. Installs the alternatives, builds the
// package, and starts the suite in a process of its own. Everything but the suite's own output goes to stderr.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(here);

/** A suite is `bench/<name>.mjs`, or `bench/<name>/index.mjs` if it has files of its own. */
function findSuites() {
  const suites = new Map();
  for (const entry of readdirSync(here, { withFileTypes: true })) {
    const { name } = entry;
    const index = path.join(here, name, 'index.mjs');
    if (entry.isFile() && name.endsWith('.mjs') && name !== 'run.mjs')
      suites.set(name.slice(0, -4), path.join(here, name));
    else if (entry.isDirectory() && existsSync(index)) suites.set(name, index);
  }
  return suites;
}

function step(command, args, cwd) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: ['ignore', process.stderr, process.stderr] });
  if (error) throw error;
  if (status !== 0) throw new Error(`\`${[command, ...args].join(' ')}\` ended with status ${status}.`);
}

/** npm leaves a copy of the lockfile behind only if it has installed everything in it. */
function isInstalled() {
  const lock = path.join(here, 'package-lock.json');
  const installed = path.join(here, 'node_modules', '.package-lock.json');
  return existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs;
}

const [name, ...args] = process.argv.slice(2);
const suites = findSuites();
const suite = suites.get(name);
if (suite === undefined) {
  const names = [...suites.keys()].join(', ');
  process.stderr.write(`${name ? `There is no suite '${name}'.` : 'Name a suite.'} There are: ${names}.\n`);
  process.stderr.write('Usage: npm run bench -- <suite> [--json]\n');
  process.exit(2);
}

if (!isInstalled()) step('npm', ['ci', '--no-audit', '--no-fund'], here);
step('bash', [path.join(root, 'scripts', 'ensure-tools.sh'), 'redis-server'], root);
step(process.execPath, [path.join(root, 'scripts', 'build.mjs')], root);

// gc() between samples keeps one variant's garbage out of the next one's bill.
const child = spawn(process.execPath, ['--expose-gc', suite, ...args], { cwd: root, stdio: 'inherit' });
child.on('exit', (code, signal) => {
  process.exitCode = signal === null ? code : 1;
});
