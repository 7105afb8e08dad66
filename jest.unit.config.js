const { existsSync, readdirSync, readFileSync } = require('node:fs');
const path = require('node:path');
const base = require('./jest.config.js');

// A tenth of the random documents and requests of `npm test`.
process.env.KEYSCOPE_FUZZ_FACTOR ??= '0.1';

/**
 * Helpers that bring a Redis server, a browser or a build of the package, and tests with other frameworks. A unit test
 * imports none of them, and starts no process.
 */
const HEAVY = [
  'test/support/redis/',
  'test/admin/console/browser.ts',
  'test/support/package.ts',
  'test/faults/harness/',
  'test/frameworks/',
];

/**
 * Tests over gigabytes, thousands of conversations, documents or plans, or every way to write a response, and those that
 * collect the garbage of the whole process again and again: together they take longer than all others. And two that
 * parse every file of the repository, which is the same on each version of Node. `npm test` runs them.
 */
const LONG = [
  'test/architecture.test.ts',
  'test/language.test.ts',
  'test/example-app/data/platform-data.test.ts',
  'test/example-app/query/find.test.ts',
  'test/example-app/routes/conversations-list.test.ts',
  'test/example-app/routes/proxied-conversations.test.ts',
  'test/redaction/object-vs-stream.test.ts',
  'test/redaction/response/back-pressure.test.ts',
  'test/redaction/response/final-rejection.test.ts',
  'test/redaction/response/isolation.test.ts',
  'test/redaction/response/long-stream.test.ts',
  'test/redaction/response/retention.test.ts',
  'test/redaction/response/streams.test.ts',
  'test/redaction/response/write-methods.test.ts',
  'test/redaction/secrets.test.ts',
  'test/redaction/stream/json.test.ts',
  'test/redaction/transparency.test.ts',
  'test/simulation/simulation.test.ts',
];

/** The TypeScript files that a text imports by a relative path. */
function importsIn(text, file) {
  return [...text.matchAll(/(?:from|import|require\()\s*'(\.[^']+)'/g)].flatMap(([, specifier]) => {
    const target = path.posix.join(path.posix.dirname(file), specifier);
    return [`${target}.ts`, `${target}/index.ts`].filter((name) => existsSync(path.join(__dirname, name)));
  });
}

function reachesHeavy(file, seen = new Set()) {
  if (HEAVY.some((start) => file.startsWith(start))) return true;
  if (seen.has(file) || !file.startsWith('test/')) return false;
  seen.add(file);
  const text = readFileSync(path.join(__dirname, file), 'utf8');
  return text.includes("'node:child_process'") || importsIn(text, file).some((target) => reachesHeavy(target, seen));
}

const tests = readdirSync(path.join(__dirname, 'test'), { recursive: true })
  .map((name) => `test/${name.replaceAll(path.sep, '/')}`)
  .filter((name) => name.endsWith('.test.ts') && !LONG.includes(name) && !reachesHeavy(name));

/** The tests that need nothing but Node, chosen by their imports. */
module.exports = { ...base, testMatch: tests.map((name) => `<rootDir>/${name}`) };
