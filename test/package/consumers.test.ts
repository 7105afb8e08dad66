import { symlinkSync } from 'node:fs';
import path from 'node:path';
import {
  compile,
  createWorkshop,
  install,
  ownVersion,
  packPackage,
  ROOT,
  run,
  runNode,
  writeFiles,
} from '../support/package';
import { testRedis } from '../support/redis/test-redis';

/** The program of each consumer: it protects a route, creates a key, sends requests and prints the responses. */
const APP = `
const apiKeys = createApiKeys({ permissions: { conversations: { label: 'Conversations data' } } });
const app = express();
app.get('/v3/:account_id/:project_id/conversations',
  apiKeys.requireApiKey('conversations', { workspace: 'account_id', agent: 'project_id' }),
  apiKeys.redactResponse(),
  (req, res) => { res.json({ caller: req.apiKey?.name, num_turns: 1, turns: ['Hello'] }); });

async function main() {
  await apiKeys.ready();
  const { key, token } = await apiKeys.keys.create({ workspaceId: 'ws-1', name: 'CRM', agents: 'all', permissions: ['conversations'] });
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const ask = async (headers: Record<string, string>) => {
    const response = await fetch('http://127.0.0.1:' + address.port + '/v3/ws-1/PROJECT-1/conversations', { headers });
    return { status: response.status, body: await response.json() };
  };
  const answers = [await ask({}), await ask({ 'x-api-key': token }), await ask({ 'x-api-key': key.masked })];
  server.close();
  await apiKeys.close();
  console.log(JSON.stringify(answers));
}
main();
`;
const IMPORTS = "import { createApiKeys } from 'keyscope';\nimport express from 'express';\n";
const REQUIRES = "const { createApiKeys } = require('keyscope');\nconst express = require('express');\n";
const APP_JS = APP.replace(/\(headers: [^)]*\)/, '(headers)');

const STRICT = { strict: true, skipLibCheck: false, target: 'es2022', outDir: 'out', types: ['node'] };
const NODENEXT = { ...STRICT, module: 'nodenext', moduleResolution: 'nodenext' };
const BUNDLER = { ...STRICT, module: 'esnext', moduleResolution: 'bundler' };

// Compilers and npm are slow on a busy machine. The limit is only against hangs.
jest.setTimeout(300_000);

let workshop: Awaited<ReturnType<typeof createWorkshop>>;

function project(name: string, files: Readonly<Record<string, string | object>>): string {
  const folder = path.join(workshop.folder, name);
  writeFiles(folder, files);
  return folder;
}

// One installation for all projects, in the folder above them. ioredis is not part of it: keys in memory do not need it.
beforeAll(async () => {
  workshop = await createWorkshop();
  await install(workshop.folder, {
    keyscope: `file:${await packPackage(workshop.folder)}`,
    express: ownVersion('express'),
    '@types/express': ownVersion('@types/express'),
    '@types/node': ownVersion('@types/node'),
  });
}, 180_000);

afterAll(() => workshop.remove());

async function expectToServe(folder: string, file: string): Promise<void> {
  const { code, stdout, stderr } = await runNode([file], folder);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toEqual([
    { status: 401, body: expect.objectContaining({ code: 'missing_key' }) },
    { status: 200, body: { caller: 'CRM', num_turns: 1, turns: [] } },
    { status: 401, body: expect.objectContaining({ code: 'invalid_key' }) },
  ]);
}

test('a CommonJS program runs', async () => {
  const folder = project('cjs', { 'package.json': { type: 'commonjs' }, 'app.js': REQUIRES + APP_JS });
  await expectToServe(folder, 'app.js');
});

test('an ES module program runs', async () => {
  const folder = project('esm', { 'package.json': { type: 'module' }, 'app.js': IMPORTS + APP_JS });
  await expectToServe(folder, 'app.js');
});

test.each([
  ['nodenext resolution, as an ES module', NODENEXT, 'module'],
  ['nodenext resolution, as CommonJS', NODENEXT, 'commonjs'],
  ['bundler resolution', BUNDLER, 'module'],
])('a TypeScript program with %s compiles, libraries checked too, and runs', async (name, compilerOptions, type) => {
  const folder = project(name.replace(/\W+/g, '-'), {
    'package.json': { type },
    'tsconfig.json': { compilerOptions, include: ['app.ts'] },
    'app.ts': IMPORTS + APP,
  });
  expect(await compile(folder)).toMatchObject({ code: 0, stdout: '' });
  await expectToServe(folder, 'out/app.js');
});

test('a misspelt permission does not compile in any call', async () => {
  const declare = "const apiKeys = createApiKeys({ permissions: { conversations: { label: 'Conversations' } } });\n";
  const key = (permission: string) => `{ name: 'CRM', agents: 'all', permissions: ['${permission}'] }`;
  const uses = (permission: string) =>
    [
      `apiKeys.requireApiKey('${permission}');`,
      `apiKeys.requireApiKey({ anyOf: ['${permission}'] });`,
      `apiKeys.requireApiKey({ allOf: ['${permission}'] });`,
      `apiKeys.verify('token', { permission: '${permission}' });`,
      `apiKeys.keys.create(${key(permission)});`,
    ].join('\n');
  const folder = project('mistyped', {
    'tsconfig.json': { compilerOptions: { ...NODENEXT, noEmit: true }, include: ['*.ts'] },
    'right.ts': IMPORTS + declare + uses('conversations'),
    'wrong.ts': IMPORTS + declare + uses('conversatoins'),
  });
  const { code, stdout } = await compile(folder);
  expect(code).not.toBe(0);
  const complaints = stdout.split('\n').filter((line) => /error TS/.test(line));
  expect(complaints.map((line) => line.replace(/\(.*/, ''))).toEqual(Array(5).fill('wrong.ts'));
  expect(complaints.every((line) => line.includes('"conversatoins"'))).toBe(true);
});

test('req.apiKey is typed and may be undefined', async () => {
  const folder = project('augmented', {
    'tsconfig.json': { compilerOptions: { ...NODENEXT, noEmit: true }, include: ['*.ts'] },
    'app.ts': `import 'keyscope';
import type { Request } from 'express';
export const reaches = (req: Request): boolean | undefined => req.apiKey?.scope.allowsAgent('PROJECT-1');
// @ts-expect-error A route without requireApiKey has none.
export const id = (req: Request): string => req.apiKey.id;
// @ts-expect-error It is the caller's to read.
export const rename = (req: Request): void => { if (req.apiKey) req.apiKey.name = 'other'; };`,
  });
  expect(await compile(folder)).toMatchObject({ code: 0, stdout: '' });
});

test('an app that declares another req.apiKey compiles with keyscope/unaugmented', async () => {
  const folder = project('unaugmented', {
    'tsconfig.json': { compilerOptions: { ...NODENEXT, noEmit: true }, include: ['*.ts'] },
    'app.ts': `import express, { type Request } from 'express';
import { createApiKeys, type RequestApiKey } from 'keyscope/unaugmented';
declare global { namespace Express { interface Request { apiKey?: string; callerKey?: RequestApiKey } } }
const apiKeys = createApiKeys({ permissions: { orders: { label: 'Orders' } }, requestProperty: 'callerKey' });
export const own = (req: Request): string | undefined => req.apiKey;
export const name = (req: Request): string => apiKeys.apiKeyOf(req).name;
express().get('/:id', apiKeys.requireApiKey('orders'), (req, res) => { res.json(req.params.id + req.callerKey?.name); });`,
    'run.cjs': `if (require('keyscope/unaugmented') !== require('keyscope')) throw new Error('Loaded twice.');`,
  });
  expect(await compile(folder)).toMatchObject({ code: 0, stdout: '' });
  expect(await runNode(['run.cjs'], folder)).toMatchObject({ code: 0 });
});

test('keyscope/testing compiles, and shares the package with keyscope', async () => {
  const folder = project('testing', {
    'tsconfig.json': { compilerOptions: { ...NODENEXT, noEmit: true }, include: ['*.ts'] },
    'app.ts': `import { createTestKeys } from 'keyscope/testing';
const { apiKeys, clock, tokenFor } = createTestKeys({ permissions: { orders: { label: 'Orders' } } });
export const token: Promise<string> = tokenFor({ permissions: ['orders'], expiresIn: '1d' });
clock.advance('25h');
// @ts-expect-error It is not declared.
apiKeys.requireApiKey('order');`,
    'run.cjs': `const { createTestKeys } = require('keyscope/testing');
const { KeyscopeError } = require('keyscope');
try { createTestKeys({}); } catch (error) { if (!(error instanceof KeyscopeError)) throw error; }`,
    'run.mjs': `import { createTestKeys } from 'keyscope/testing';
const { apiKeys, tokenFor } = createTestKeys({ permissions: { orders: { label: 'Orders' } } });
if (!(await apiKeys.verify(await tokenFor())).ok) throw new Error('Denied.');`,
  });
  expect(await compile(folder)).toMatchObject({ code: 0, stdout: '' });
  expect(await runNode(['run.cjs'], folder)).toMatchObject({ code: 0 });
  expect(await runNode(['run.mjs'], folder)).toMatchObject({ code: 0 });
});

test('clients of both supported majors of ioredis are accepted as they are', async () => {
  const folder = project('clients', {
    'tsconfig.json': { compilerOptions: { ...NODENEXT, noEmit: true }, include: ['*.ts'] },
    'app.ts': `import { createApiKeys } from 'keyscope';
import { Cluster as Cluster6, Redis as Redis6 } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5';
const permissions = { conversations: { label: 'Conversations data' } };
createApiKeys({ permissions, redis: new Redis6() });
createApiKeys({ permissions, redis: new Cluster6([]) });
createApiKeys({ permissions, redis: new Redis5() });
createApiKeys({ permissions, redis: new Cluster5([]) });
// @ts-expect-error A Map is no client.
createApiKeys({ permissions, redis: new Map() });`,
    'node_modules/.keep': '',
  });
  for (const name of ['ioredis', 'ioredis5']) {
    symlinkSync(path.join(ROOT, 'node_modules', name), path.join(folder, 'node_modules', name), 'junction');
  }
  expect(await compile(folder)).toMatchObject({ code: 0, stdout: '' });
});

test('a program that loads the package both ways has one of everything', async () => {
  const folder = project('both', {
    'app.mjs': `import { createRequire } from 'node:module';
import * as imported from 'keyscope';
const required = createRequire(import.meta.url)('keyscope');
const names = Object.keys(required);
console.log(JSON.stringify({
  same: names.every((name) => imported[name] === required[name]),
  equal: names.sort().join() === Object.keys(imported).sort().join(),
}));`,
  });
  const { stdout } = await runNode(['app.mjs'], folder);
  expect(JSON.parse(stdout)).toEqual({ same: true, equal: true });
});

test('the command line comes with the package, and takes the ioredis of the project', async () => {
  const help = await run('npx', ['--no-install', 'keyscope', 'help'], workshop.folder);
  expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining('Usage: keyscope COMMAND') });

  const redis = await testRedis();
  try {
    const folder = project('terminal', {
      'keyscope.config.json': { redis: redis.url, namespace: redis.namespace, permissions: ['conversations'] },
      'keys.csv': 'token,name,agents,permissions\nlegacy_0123456789abcdef0123,CRM,all,conversations\n',
      'node_modules/.keep': '',
    });
    const bin = path.join(workshop.folder, 'node_modules', '.bin', 'keyscope');
    expect(await run(bin, ['keys', 'list'], folder)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('npm install ioredis'),
    });
    symlinkSync(path.join(ROOT, 'node_modules', 'ioredis'), path.join(folder, 'node_modules', 'ioredis'), 'junction');
    expect(await run(bin, ['import', 'keys.csv', '--quiet'], folder)).toMatchObject({ code: 0, stderr: '' });
    const { code, stdout } = await run(bin, ['keys', 'list', '--json'], folder);
    expect({ code, key: JSON.parse(stdout) }).toMatchObject({ code: 0, key: { name: 'CRM', agents: 'all' } });
  } finally {
    await redis.stop();
  }
});
