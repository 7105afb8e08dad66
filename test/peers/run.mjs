// Runs another package's own tests with keyscope in front of it, and prints which of them fail only then.
//
//   npm run build
//   node test/peers/run.mjs [--key] [--list] [--skip=<text of a test's name>]... <folder>...
//
// Each folder holds the sources of a package with its development dependencies installed, for example a checkout of Express.
// Supported are packages that test with mocha, vitest, or node:test and tsx. Tests that reach other hosts are to be left out with --skip.
// --key: requireApiKey alone. --list: the names of new failures.
//
// A response with keyscope differs in `Cache-Control: private` and `Vary`. Tests that check an exact value of these, or count
// headers, are told apart by a third run, in which no keyscope but only these two headers are set: "fail with the two headers".
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const hook = fileURLToPath(new URL('hook.cjs', import.meta.url));
const args = process.argv.slice(2);
const skipped = args.filter((arg) => arg.startsWith('--skip=')).map((arg) => arg.slice('--skip='.length));
const folders = args.filter((arg) => !arg.startsWith('--')).map((folder) => path.resolve(folder));
/** Milliseconds. */
const TIMEOUT = 240_000;

/** `[command, arguments]` that runs the tests and writes the results to `file`, and how to read it. */
function runnerOf(folder, file) {
  const { scripts = {} } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const script = Object.values(scripts).find((text) => /\bmocha\b/.test(text));
  if (script !== undefined) {
    const own = script.slice(script.search(/\bmocha\b/) + 'mocha'.length).split(/\s+/);
    const kept = own.filter(
      (arg, index) => arg && !/^--(?:reporter|bail)/.test(arg) && own[index - 1] !== '--reporter',
    );
    // Mocha 6, which Express 4 uses, writes this report to no file.
    return { command: ['mocha', ...kept, '--reporter', 'json', '--exit'], read: readMocha, isPrinted: true };
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
  const { tests } = JSON.parse(text.slice(text.lastIndexOf('{\n  "stats"')));
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
    const { command, read, isPrinted = false } = runnerOf(folder, file);
    const [program, ...rest] = command;
    const { error } = spawnSync(path.join(folder, 'node_modules', '.bin', program), rest, {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ['ignore', isPrinted ? openSync(file, 'w') : 'ignore', 'ignore'],
      timeout: TIMEOUT,
      killSignal: 'SIGKILL',
    });
    if (!existsSync(file)) return { results: [], note: error?.code === 'ETIMEDOUT' ? 'timed out' : 'no results' };
    const text = readFileSync(file, 'utf8');
    if (text === '') return { results: [], note: 'no results' };
    const all = read(text);
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

/** The names of tests that pass in `plain` and not in `guarded`, as often as they do. */
function newFailures(plain, guarded) {
  const passes = countPasses(guarded);
  return [...countPasses(plain)].flatMap(([name, expected]) =>
    Array.from({ length: Math.max(0, expected - (passes.get(name) ?? 0)) }, () => name),
  );
}

/** `names` without those in `others`, each as often as it occurs there. */
function beyond(names, others) {
  const left = [...others];
  return names.filter((name) => {
    const at = left.indexOf(name);
    if (at !== -1) left.splice(at, 1);
    return at === -1;
  });
}

function runGuarded(folder, mode) {
  return run(folder, { NODE_OPTIONS: `--require ${hook}`, KEYSCOPE_PEERS: mode });
}

function compare(folder) {
  const plain = run(folder, {});
  const guarded = runGuarded(folder, args.includes('--key') ? 'key' : 'redaction');
  const failures = newFailures(plain.results, guarded.results);
  const headers = failures.length > 0 ? runGuarded(folder, 'headers') : { results: plain.results, note: '' };
  const allowed = newFailures(plain.results, headers.results);
  const rest = beyond(failures, allowed);
  return {
    tests: plain.results.length,
    failing: plain.results.filter(([, passed]) => !passed).length,
    allowed: beyond(failures, rest),
    failures: rest,
    note: plain.note || guarded.note || headers.note,
  };
}

if (folders.length === 0) {
  process.stderr.write('Usage: node test/peers/run.mjs [--key] [--list] [--skip=<text>]... <folder>...\n');
  process.exit(2);
}
const COLUMNS = [
  ['package', 25],
  ['tests', -6],
  ['fail without keyscope', -23],
  ['fail with the two headers', -27],
  ['new failures', -14],
];
const row = (values) =>
  COLUMNS.map(([, width], i) => (width < 0 ? String(values[i]).padStart(-width) : String(values[i]).padEnd(width)));

process.stdout.write(`${row(COLUMNS.map(([title]) => title)).join('')}\n`);
for (const folder of folders) {
  const { tests, failing, allowed, failures, note } = compare(folder);
  const values = [path.basename(folder), tests, failing, allowed.length, failures.length];
  process.stdout.write(`${row(values).join('')}${note && `  ${note}`}\n`);
  if (args.includes('--list')) {
    for (const name of allowed) process.stdout.write(`    with the two headers: ${name}\n`);
    for (const name of failures) process.stdout.write(`    new: ${name}\n`);
  }
  if (failures.length > 0) process.exitCode = 1;
}
