import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { createWorkshop, install, ROOT, run, runNode, stagePackage, writeFiles } from '../support/package';

/** Protects, redacts, serves the console, sends itself requests and prints the responses. */
const APP = `
import express from 'express';
import { createApiKeys } from 'keyscope';

const apiKeys = createApiKeys({ permissions: { conversations: { label: 'Conversations data' } } });
const app = express();
app.get('/:project_id', apiKeys.requireApiKey('conversations', { agent: 'project_id' }), apiKeys.redactResponse(),
  (req, res) => { res.json({ caller: req.apiKey?.name, turns: ['Hello'] }); });
app.use('/admin/keys', apiKeys.adminRouter({ authenticate: () => ({ workspaceId: 'default', actor: 'ops' }) }));

async function main() {
  await apiKeys.ready();
  const { token } = await apiKeys.keys.create({ name: 'CRM', agents: 'all', permissions: ['conversations'] });
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const base = 'http://127.0.0.1:' + server.address().port;
  const redacted = await fetch(base + '/support', { headers: { 'x-api-key': token } });
  const body = await redacted.json();
  const page = await fetch(base + '/admin/keys/', { headers: { accept: 'text/html' } });
  const [script] = /assets\\/[\\w.-]+\\.js/.exec(await page.text()) ?? [];
  const file = await fetch(base + '/admin/keys/' + script);
  server.close();
  await apiKeys.close();
  console.log(JSON.stringify({ status: redacted.status, body, page: page.status, file: file.status }));
}
main();
`;

const SERVED = { status: 200, body: { caller: 'CRM', turns: [] }, page: 200, file: 200 };

/** A program that bundles `app.mjs` into the folder `out`, and the name of the result. */
interface Bundler {
  readonly name: string;
  readonly script: string;
  readonly result: string;
  /** True if Bun runs the result. Default: Node. */
  readonly runsInBun?: boolean;
}

/** Bun's binary, which is installed for this test alone: it is 100 MB. */
const BUN_VERSION = '1.4.5';
const BUN_PACKAGE = `@oven/bun-${process.platform}-${process.arch === 'arm64' ? 'aarch64' : 'x64-baseline'}`;

function bunBuild(target: string): string {
  return `const { execFileSync } = await import('node:child_process');
execFileSync(bun, ['build', 'app.mjs', '--target=${target}', '--outfile=out/app.mjs'], { stdio: ['ignore', 'ignore', 'pipe'] });`;
}

const BUNDLERS: readonly Bundler[] = [
  {
    name: 'esbuild, CommonJS',
    script:
      "await (await load('esbuild')).build({ entryPoints: ['app.mjs'], outfile: 'out/app.cjs', bundle: true, platform: 'node', format: 'cjs', logLevel: 'error' });",
    result: 'app.cjs',
  },
  {
    name: 'Rollup, ES module',
    script: `const { rollup } = await load('rollup');
const [commonjs, resolve, json] = await Promise.all(['@rollup/plugin-commonjs', '@rollup/plugin-node-resolve', '@rollup/plugin-json'].map(async (name) => (await load(name)).default));
const bundle = await rollup({ input: 'app.mjs', plugins: [resolve({ preferBuiltins: true, exportConditions: ['node'] }), commonjs(), json()], onwarn() {} });
await bundle.write({ file: 'out/app.mjs', format: 'es', inlineDynamicImports: true });`,
    result: 'app.mjs',
  },
  {
    name: 'Rolldown, ES module',
    script: `const bundle = await (await load('rolldown')).rolldown({ input: 'app.mjs', platform: 'node' });
await bundle.write({ file: 'out/app.mjs', format: 'es', codeSplitting: false });`,
    result: 'app.mjs',
  },
  {
    name: 'webpack, CommonJS',
    script: `const webpack = (await load('webpack')).default;
const output = { path: path.resolve('out'), filename: 'app.cjs' };
const stats = await new Promise((resolve, reject) => {
  webpack({ mode: 'none', target: 'node', entry: './app.mjs', output }, (error, done) => (error ? reject(error) : resolve(done)));
});
if (stats.hasErrors()) throw new Error(stats.toString());`,
    result: 'app.cjs',
  },
  {
    name: 'Vite SSR, ES module',
    script:
      "await (await load('vite')).build({ configFile: false, logLevel: 'error', ssr: { noExternal: true, target: 'node' }, build: { ssr: 'app.mjs', outDir: 'out', rollupOptions: { output: { entryFileNames: 'app.mjs' } } } });",
    result: 'app.mjs',
  },
  {
    name: 'ncc, ES module',
    script: `import { writeFileSync, mkdirSync } from 'node:fs';
const { code, assets } = await (await load('@vercel/ncc')).default(path.resolve('app.mjs'), { quiet: true, cache: false, esm: true });
mkdirSync('out', { recursive: true });
for (const [name, { source }] of Object.entries(assets)) { mkdirSync(path.dirname(path.join('out', name)), { recursive: true }); writeFileSync(path.join('out', name), source); }
writeFileSync('out/app.mjs', code);`,
    result: 'app.mjs',
  },
  { name: 'bun build for Node', script: bunBuild('node'), result: 'app.mjs' },
  { name: 'bun build for Bun', script: bunBuild('bun'), result: 'app.mjs', runsInBun: true },
];

const LOADER = `import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
const load = (name) => import(pathToFileURL(createRequire(${JSON.stringify(path.join(ROOT, 'package.json'))}).resolve(name)).href);
`;

// Bundlers on a busy machine. The limit is only against hangs.
jest.setTimeout(300_000);

let workshop: Awaited<ReturnType<typeof createWorkshop>>;
let bun: string;

beforeAll(async () => {
  workshop = await createWorkshop();
  await stagePackage(path.join(workshop.folder, 'staged'));
  const tools = path.join(workshop.folder, 'tools');
  await install(tools, { [BUN_PACKAGE]: BUN_VERSION });
  bun = path.join(tools, 'node_modules', BUN_PACKAGE, 'bin', 'bun');
}, 300_000);

afterAll(() => workshop.remove());

/** A project with the package copied into its `node_modules`, where bundlers resolve its dependencies. */
function createProject(name: string, peers: readonly string[]): string {
  const folder = path.join(workshop.folder, name);
  const modules = path.join(folder, 'node_modules');
  mkdirSync(path.join(modules, '@opentelemetry'), { recursive: true });
  cpSync(path.join(workshop.folder, 'staged'), path.join(modules, 'keyscope'), {
    recursive: true,
    filter: (file) => path.basename(file) !== 'node_modules',
  });
  const scoped = readdirSync(path.join(ROOT, 'node_modules')).filter((each) => !/^(?:\.|@opentelemetry$)/.test(each));
  for (const each of [...scoped, ...peers]) {
    const target = path.join(modules, each);
    if (!existsSync(target)) symlinkSync(path.join(ROOT, 'node_modules', each), target, 'junction');
  }
  writeFiles(folder, { 'package.json': { type: 'module' }, 'app.mjs': APP });
  return folder;
}

test.each([
  ...BUNDLERS.map((bundler) => ({ ...bundler, peers: [], state: 'is not installed' })),
  // These resolve an optional package in ways of their own.
  ...BUNDLERS.filter(({ name }) => /^(?:Rollup|Rolldown|Vite|bun)/.test(name)).map((bundler) => ({
    ...bundler,
    peers: ['@opentelemetry/api'],
    state: 'is installed',
  })),
])('an app bundled by $name starts, redacts and serves the console when @opentelemetry/api $state', async (bundler) => {
  const folder = createProject(`${bundler.name} ${bundler.state}`.replace(/\W+/g, '-'), bundler.peers);
  writeFiles(folder, { 'bundle.mjs': `${LOADER}const bun = ${JSON.stringify(bun)};\n${bundler.script}` });
  expect(await runNode(['bundle.mjs'], folder)).toMatchObject({ code: 0, stderr: '' });
  // As on a server that has nothing but the bundle.
  rmSync(path.join(folder, 'node_modules'), { recursive: true });
  const { code, stdout, stderr } = await run(
    bundler.runsInBun ? bun : process.execPath,
    [bundler.result],
    path.join(folder, 'out'),
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toEqual(SERVED);
});
