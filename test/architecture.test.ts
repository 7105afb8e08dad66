import { readFileSync } from 'node:fs';
import path from 'node:path';
import { findCycle, listFiles, parseSources, readSources } from './support/source-graph';
import {
  againstTheDirections,
  expressElsewhere,
  ioredisAnywhere,
  redisElsewhere,
  tooLong,
  withMember,
  withText,
} from './support/source-rules';

const root = path.join(__dirname, '..');
const src = readSources(path.join(root, 'src'));
const tests = readSources(__dirname);
const exampleApp = readSources(path.join(root, 'example-app'));

/** Spelled apart, so that this file is not among what it finds. */
const UNFINISHED = new RegExp(
  `\\b(?:${['TO-DO', 'FIX-ME', 'HA-CK'].map((word) => word.replace('-', '')).join('|')})\\b`,
);
/** By its methods: `console` is also what the web page for operators is called. */
const CONSOLE = /^console\.(?:log|error|warn|info|debug|trace|dir|table|assert|time|timeEnd|group|count)$/;
const ENVIRONMENT = /^process\.env$/;
const LEFT_OUT = /^(?:test|it|describe)\.(?:skip|only|todo|failing)$/;
const LINES = 300;

/** Everything that is written by hand, as text. */
function readAll(): { path: string; text: string }[] {
  const skip = (name: string) =>
    /^(?:node_modules|dist|coverage|\.git|screenshots|package-lock\.json|.*\.png)$/.test(name);
  return listFiles(root, skip).map((file) => ({ path: file, text: readFileSync(path.join(root, file), 'utf8') }));
}

describe('the sources', () => {
  test('the sources import only downwards', () => {
    expect(againstTheDirections(src)).toEqual([]);
  });

  test('the sources import each other without cycles', () => {
    expect(findCycle(src)).toBeNull();
    expect(findCycle(exampleApp)).toBeNull();
  });

  test('the sources import no missing file', () => {
    const files = new Set(src.map((source) => source.path));
    const missing = src.flatMap(({ path: file, imports }) =>
      imports.filter(({ target }) => target !== null && !files.has(target)).map(({ target }) => `${file}: ${target}`),
    );
    expect(missing).toEqual([]);
  });

  test('Express is used only in auth, admin, leaks, http and the response interceptor', () => {
    expect(expressElsewhere(src)).toEqual([]);
  });

  test('Redis commands are sent only in store/redis, and no client of Redis is loaded', () => {
    expect(redisElsewhere(src)).toEqual([]);
    expect(ioredisAnywhere(src)).toEqual([]);
  });

  test('every file of src has at most 300 lines', () => {
    expect(tooLong(src, LINES)).toEqual([]);
  });

  test('the sources print nothing', () => {
    expect(withMember(src, CONSOLE)).toEqual([]);
  });

  test('the environment is read only in the command line, and NODE_ENV in create-store', () => {
    expect(
      withMember(
        src.filter(({ path: file }) => !file.startsWith('cli/') && file !== 'create-store.ts'),
        ENVIRONMENT,
      ),
    ).toEqual([]);
  });

  test('no file has a note for later', () => {
    expect(withText([...src, ...tests, ...exampleApp], UNFINISHED)).toEqual([]);
  });
});

describe('the tests', () => {
  test('no test is left out', () => {
    expect(withMember(tests, LEFT_OUT, /\b(?:skip|only|todo|failing)\b/)).toEqual([]);
  });

  test('tests print nothing', () => {
    const quiet = tests.filter(
      (source) => !/^(?:support\/|faults\/|(?:simulation|redaction\/fuzz)\/run\.ts$)/.test(source.path),
    );
    expect(withMember(quiet, CONSOLE, /\bconsole\b/)).toEqual([]);
  });
});

test('no file refers to a path outside the repository', () => {
  expect(withText(readAll(), new RegExp(['\\.\\.', 'shared', ''].join('/')))).toEqual([]);
});

test('the package exports these values and no others', async () => {
  const keyscope = await import('keyscope');
  expect(Object.keys(keyscope).sort()).toEqual([
    'ERRORS',
    'KeyscopeError',
    'createApiKeys',
    'createTokenParser',
    'isKeyId',
    'problemOf',
    'tokenPattern',
  ]);
});

describe('the rules', () => {
  const found = (rule: (sources: ReturnType<typeof parseSources>) => string[], texts: Record<string, string>) =>
    rule(parseSources(texts));

  test.each([
    ['a lower folder that imports a higher one', 'cache/lru.ts', "import { createKeyService } from '../keys/service';"],
    ['a type from a higher folder', 'store/store.ts', "import type { Scope } from '../keys/scope';"],
    ['an inline type from a higher folder', 'store/store.ts', "import { type Scope } from '../keys/scope';"],
    ['a re-export from a higher folder', 'token/parse.ts', "export { decide } from '../keys/decide';"],
    ['a star re-export from a higher folder', 'token/parse.ts', "export * from '../keys/decide';"],
    ['a deferred import', 'token/parse.ts', "const decide = () => import('../keys/decide');"],
    ['a require', 'token/parse.ts', "const decide = require('../keys/decide');"],
    ['a type named in place', 'token/parse.ts', "export type Scope = import('../keys/scope').Scope;"],
    ['a service that imports a face', 'keys/service.ts', "import { sendProblem } from '../http/problem';"],
    ['redaction that imports keys', 'redaction/values.ts', "import { decide } from '../keys/decide';"],
    [
      'redaction outside the interceptor that runs http',
      'redaction/values.ts',
      "import { f } from '../http/parameter';",
    ],
    ['http that imports more than errors', 'http/problem.ts', "import { systemClock } from '../clock';"],
    ['a file of the root that imports a folder', 'errors.ts', "import { maskToken } from './token/mask';"],
    ['a folder that imports the public API', 'auth/verify.ts', "import { createApiKeys } from '../index';"],
    ['a folder without a rule', 'billing/invoice.ts', "import { createLease } from '../store/lease';"],
  ])('againstTheDirections finds %s', (_, file, text) => {
    expect(found(againstTheDirections, { [file]: text })).toHaveLength(1);
  });

  test.each([
    ['a face that imports a service', 'auth/verify.ts', "import { decide } from '../keys/decide';"],
    ['a folder that imports itself', 'store/memory/index.ts', "import { Lease } from '../lease';"],
    ['the interceptor that runs http', 'redaction/response/write.ts', "import { f } from '../../http/parameter';"],
    ['redaction that names a type of http', 'redaction/options.ts', "import type { P } from '../http/parameter';"],
    ['the composition root', 'create-api-keys.ts', "import { createVerify } from './auth/verify';"],
  ])('againstTheDirections allows %s', (_, file, text) => {
    expect(found(againstTheDirections, { [file]: text })).toEqual([]);
  });

  test('findCycle finds a cycle through types and through a folder', () => {
    const texts = {
      'store/index.ts': "export { a } from './a';",
      'store/a.ts': "import type { B } from '../token/b';",
      'token/b.ts': "import { a } from '../store';",
    };
    expect(findCycle(parseSources(texts))).toEqual(['store/index.ts', 'store/a.ts', 'token/b.ts', 'store/index.ts']);
  });

  test('expressElsewhere, ioredisAnywhere and redisElsewhere find Express and Redis in the wrong folder', () => {
    expect(found(expressElsewhere, { 'keys/a.ts': "import type { Request } from 'express';" })).toHaveLength(1);
    expect(found(ioredisAnywhere, { 'store/redis/a.ts': "import Redis from 'ioredis';" })).toHaveLength(1);
    expect(found(redisElsewhere, { 'cache/a.ts': "send('HGETALL', key);" })).toHaveLength(1);
    expect(found(redisElsewhere, { 'cache/a.ts': 'redis.hset(key, 1);' })).toHaveLength(1);
    expect(found(redisElsewhere, { 'store/redis/a.ts': "client.call('HGETALL', key);" })).toEqual([]);
  });

  test('withMember finds calls, and no words in comments and strings', () => {
    const code = ["console['log'](1);", 'console.error(2);', 'const secret = process.env.SECRET;'].join('\n');
    const words = ['// console.log() and process.env are for others', "const text = 'console.log(process.env)';"].join(
      '\n',
    );
    const [loud, quiet] = parseSources({ 'a.ts': code, 'b.ts': words });
    expect(withMember([loud!], CONSOLE)).toHaveLength(2);
    expect(withMember([loud!], ENVIRONMENT)).toHaveLength(1);
    expect(withMember([quiet!], CONSOLE)).toEqual([]);
    expect(withMember([quiet!], ENVIRONMENT)).toEqual([]);
  });

  test('withMember, withText and tooLong find tests that are left out, notes for later and long files', () => {
    const leftOut = parseSources({ 'a.test.ts': "test.skip('a', f);\ndescribe.only('b', f);\nit.todo('c');" });
    expect(withMember(leftOut, LEFT_OUT)).toHaveLength(3);
    expect(withText([{ path: 'a.ts', text: `// ${'TO'}${'DO'}: more` }], UNFINISHED)).toHaveLength(1);
    expect(tooLong(parseSources({ 'a.ts': '\n'.repeat(LINES + 1) }), LINES)).toHaveLength(1);
  });
});
