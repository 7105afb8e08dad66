// Runs another package's own tests with keyscope in front of it, and prints which of them fail only then.
//
//   npm run build
//   node test/peers/run.mjs [--key] [--list] [--skip=<text of a test's name>]... <folder>...
//
// Each folder holds the sources of a package with its development dependencies installed, for example a checkout of Express.
// Supported are packages that test with mocha, vitest, or node:test and tsx. Tests that reach other hosts are to be left out with --skip.
// --key: requireApiKey alone. --list: the names of new failures.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const hook = fileURLToPath(new URL('hook.cjs', import.meta.url));
const args = process.argv.slice(2);
const skipped = args.filter((arg) => arg.startsWith('--skip=')).map((arg) => arg.slice('--skip='.length));
const folders = args.filter((arg) => !arg.startsWith('--')).map((folder) => path.resolve(folder));
/** Milliseconds. */
const TIMEOUT = 240_000;

/** `[command, arguments]` that runs the tests and writes what came of them to `file` as JSON, and how to read it. */
function runnerOf(folder, file) {
  const { scripts = {} } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const script = Object.values(scripts).find((text) => /\bmocha\b/.test(text));
  if (script !== undefined) {
    const own = script.slice(script.search(/\bmocha\b/) + 'mocha'.length).split(/\s+/);
    const kept = own.filter(
      (arg, index) => arg && !/^--(?:reporter|bail)/.test(arg) && own[index - 1] !== '--reporter',
    );
    const reporter = ['--reporter', 'json', '--reporter-option', `output=${file}`, '--exit'];
    return { command: ['mocha', ...kept, ...reporter], read: readMocha };
  }
  if (existsSync(path.join(folder, 'node_modules', '.bin', 'vitest'))) {
    return { command: ['vitest', 'run', '--reporter=json', `--outputFile=${file}`], read: readVitest };
  }
  const nodeTest = Object.values(scripts).find((text) => /\btsx --test\b/.test(text));
  if (nodeTest !== undefined) {
    const files = readdirSync(path.join(folder, 'test')).filter((name) => /\.test\.[jt]s$/.test(name));
    const reporter = ['--test-reporter=junit', `--test-reporter-destination=${file}`];
    return {
      command: ['tsx', '--test', ...reporter, ...files.map((name) => path.join('test', name))],
      read: readJunit,
    };
  }
  throw new Error(`${folder} tests neither with mocha, nor with vitest, nor with node:test and tsx.`);
}

function readMocha(text) {
  const { tests } = JSON.parse(text);
  return tests.map(({ fullTitle, err }) => [fullTitle, Object.keys(err).length === 0]);
}

function readVitest(text) {
  const { testResults } = JSON.parse(text);
  const all = testResults.flatMap(({ assertionResults }) => assertionResults);
  return all
    .filter(({ status }) => status !== 'skipped')
    .map(({ fullName, status }) => [fullName, status === 'passed']);
}

function readJunit(text) {
  return [...text.matchAll(/<testcase name="([^"]*)"[^>]*?(\/>|>(?:\s*)(<failure)?)/g)].map(([, name, , failed]) => [
    name,
    failed === undefined,
  ]);
}

/** `[name, passed]` of each test. None, and a note why, if the tests wrote no results. */
function run(folder, env) {
  const home = mkdtempSync(path.join(tmpdir(), 'keyscope-peers-'));
  try {
    const file = path.join(home, 'result.json');
    const { command, read } = runnerOf(folder, file);
    const [program, ...rest] = command;
    const { error } = spawnSync(path.join(folder, 'node_modules', '.bin', program), rest, {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: 'ignore',
      timeout: TIMEOUT,
      killSignal: 'SIGKILL',
    });
    if (!existsSync(file)) return { results: [], note: error?.code === 'ETIMEDOUT' ? 'timed out' : 'no results' };
    const all = read(readFileSync(file, 'utf8'));
    return { results: all.filter(([name]) => !skipped.some((text) => name.includes(text))), note: '' };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** Passes by name: several tests of a package may share a name. */
function countPasses(results) {
  const passes = new Map();
  for (const [name, passed] of results) passes.set(name, (passes.get(name) ?? 0) + (passed ? 1 : 0));
  return passes;
}

function compare(folder) {
  const { results: plain, note } = run(folder, {});
  const mode = args.includes('--key') ? 'key' : 'redaction';
  const guarded = run(folder, { NODE_OPTIONS: `--require ${hook}`, KEYSCOPE_PEERS: mode });
  const passes = countPasses(guarded.results);
  const failures = [...countPasses(plain)].flatMap(([name, expected]) =>
    Array.from({ length: Math.max(0, expected - (passes.get(name) ?? 0)) }, () => name),
  );
  return {
    tests: plain.length,
    failing: plain.filter(([, passed]) => !passed).length,
    failures,
    note: note || guarded.note,
  };
}

if (folders.length === 0) {
  process.stderr.write('Usage: node test/peers/run.mjs [--key] [--list] [--skip=<text>]... <folder>...\n');
  process.exit(2);
}
process.stdout.write('package                    tests  fail without keyscope  new failures\n');
for (const folder of folders) {
  const { tests, failing, failures, note } = compare(folder);
  const columns = [path.basename(folder).padEnd(25), String(tests).padStart(7), String(failing).padStart(23)];
  process.stdout.write(`${columns.join('')}${String(failures.length).padStart(14)}${note && `  ${note}`}\n`);
  if (args.includes('--list')) for (const name of failures) process.stdout.write(`    ${name}\n`);
  if (failures.length > 0) process.exitCode = 1;
}
