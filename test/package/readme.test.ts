import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { transformSync } from '@swc/core';
import { ERRORS } from 'keyscope';
import { compile, createWorkshop, ROOT, run, stagePackage, writeFiles } from '../support/package';

interface Block {
  /** File and line, for messages: `README.md:12`. */
  readonly place: string;
  /** `ts`, `js`, `http` … */
  readonly language: string;
  /** The file it is said to be. */
  readonly title: string | undefined;
  readonly code: string;
}

const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  ...readdirSync(path.join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

function read(page: string): string {
  return readFileSync(path.join(ROOT, page), 'utf8');
}

function blocksOf(page: string): Block[] {
  const text = read(page);
  return [...text.matchAll(/^```(\w+)(?: title=(\S+))?\n(.*?)^```$/gms)].map(
    ({ 0: _, 1: language, 2: title, 3: code, index }) => ({
      place: `${page}:${text.slice(0, index).split('\n').length}`,
      language: language!,
      title,
      code: code!,
    }),
  );
}

const blocks = PAGES.flatMap(blocksOf);

jest.setTimeout(60_000);

let workshop: Awaited<ReturnType<typeof createWorkshop>>;

beforeAll(async () => {
  workshop = await createWorkshop();
  await stagePackage(path.join(workshop.folder, 'staged'));
  const modules = path.join(workshop.folder, 'node_modules');
  mkdirSync(modules);
  symlinkSync(path.join(workshop.folder, 'staged'), path.join(modules, 'keyscope'), 'junction');
  for (const name of [
    'express',
    'ioredis',
    '@types',
    'pino',
    'pino-http',
    'cors',
    'http-proxy-middleware',
    '@nestjs',
    'supertest',
    'vitest',
  ]) {
    symlinkSync(path.join(ROOT, 'node_modules', name), path.join(modules, name), 'junction');
  }
}, 120_000);

afterAll(() => workshop.remove());

test('TypeScript blocks of the pages compile strictly as they stand', async () => {
  const pieces = blocks.filter(({ language }) => language === 'ts');
  expect(pieces.length).toBeGreaterThan(10);
  const files = Object.fromEntries(pieces.map(({ place, code }) => [`${place.replace(/\W/g, '_')}.ts`, code]));
  const compilerOptions = {
    ...{ module: 'nodenext', moduleResolution: 'nodenext', target: 'es2023', lib: ['es2023'], types: ['node'] },
    ...{ strict: true, exactOptionalPropertyTypes: true, moduleDetection: 'force', skipLibCheck: true, noEmit: true },
    // As in every app of NestJS.
    experimentalDecorators: true,
  };
  writeFiles(path.join(workshop.folder, 'pages'), {
    'package.json': { type: 'module' },
    'tsconfig.json': { compilerOptions, include: ['*.ts'] },
    ...files,
  });
  expect(await compile(path.join(workshop.folder, 'pages'))).toMatchObject({ code: 0, stdout: '' });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** The first line that a program prints. Rejects with its errors if it ends without one. */
async function firstLine(child: ReturnType<typeof spawn>): Promise<string> {
  let out = '';
  let complaint = '';
  child.stderr?.on('data', (data) => {
    complaint += data;
  });
  return new Promise((resolve, reject) => {
    child.stdout?.on('data', (data) => {
      out += data;
      if (out.includes('\n')) resolve(out.slice(0, out.indexOf('\n')));
    });
    child.on('close', () => reject(new Error(`The program ended. ${complaint}`)));
  });
}

/** Runs a block of the README and sends the request of the line that it prints. */
async function runBlock(title: string, check: (url: string, token: string) => Promise<void>): Promise<void> {
  const example = blocks.find((block) => block.title === title)!;
  const port = await freePort();
  writeFiles(workshop.folder, { [title]: example.code.replaceAll('3000', String(port)) });
  const child = spawn(process.execPath, [title], { cwd: workshop.folder });
  try {
    const [, url, token] = /^curl -i (\S+) -H 'x-api-key: (\S+)'$/.exec(await firstLine(child)) ?? [];
    await check(url!, token!);
  } finally {
    child.kill();
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
  }
}

test.each(['server.mjs', 'server.cjs'])(
  'the quickstart %s runs and responds 200 with the key and 401 without',
  async (title) => {
    await runBlock(title, async (url, token) => {
      const response = await fetch(url, { headers: { 'x-api-key': token } });
      expect([response.status, await response.json()]).toEqual([200, { caller: 'CRM' }]);
      expect((await fetch(url)).status).toBe(401);
    });
  },
);

test('the example for Jest passes', async () => {
  const { title, code } = blocks.find((block) => block.title === 'orders.test.js')!;
  writeFiles(workshop.folder, { [title!]: code, 'jest.config.cjs': 'module.exports = {};' });
  const jestBin = path.join(ROOT, 'node_modules/jest/bin/jest.js');
  const result = await run(process.execPath, [jestBin, title!], workshop.folder);
  expect(result.stderr).toContain('Tests:       1 passed, 1 total');
});

test('the example for Vitest passes', async () => {
  const { title, code } = blocks.find((block) => block.title === 'orders.test.mjs')!;
  // The package is linked here, and Vitest would transform it as if it were part of the app.
  const config = 'export default { test: { server: { deps: { external: [/staged/] } } } };';
  writeFiles(workshop.folder, { [title!]: code, 'vitest.config.mjs': config });
  const vitest = path.join(ROOT, 'node_modules/vitest/vitest.mjs');
  const result = await run(process.execPath, [vitest, 'run', title!, '--reporter=json'], workshop.folder);
  expect(JSON.parse(result.stdout)).toMatchObject({ numPassedTests: 1, numTotalTests: 1 });
});

test('the quickstart exits with an error when its port is in use', async () => {
  const example = blocks.find((block) => block.title === 'server.mjs')!;
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  try {
    writeFiles(workshop.folder, { 'taken.mjs': example.code.replaceAll('3000', String(port)) });
    const { code, stdout, stderr } = await run(process.execPath, ['taken.mjs'], workshop.folder);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('EADDRINUSE');
  } finally {
    other.close();
  }
});

test('the redaction example runs and responds as the page shows', async () => {
  const shown = blocks.find(({ language }) => language === 'http')!;
  await runBlock('redaction.mjs', async (url, token) => {
    const response = await fetch(url, { headers: { 'x-api-key': token } });
    const [head, body] = shown.code.trim().split('\n\n');
    expect(head).toBe(`HTTP/1.1 ${response.status} OK\nRedacted: ${response.headers.get('redacted')}`);
    expect(await response.text()).toBe(body);
  });
});

test('programs of the pages that need no server run to their end', async () => {
  const alone = blocks.filter(
    ({ language, code }) =>
      language === 'ts' && /^(?:const .*= )?await /m.test(code) && !/ioredis|\.listen\(/.test(code),
  );
  expect(alone.length).toBeGreaterThan(3);
  for (const { place, code } of alone) {
    const name = `${place.replace(/\W/g, '_')}.mjs`;
    const { code: js } = transformSync(code, { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' } });
    writeFiles(workshop.folder, { [name]: js });
    const { code: exit, stderr } = await run(process.execPath, [name], workshop.folder);
    expect({ place, exit, stderr }).toEqual({ place, exit: 0, stderr: '' });
  }
});

test('the package contains the pages and images that the README links to', async () => {
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], ROOT);
  const [packed] = JSON.parse(stdout) as { files: { path: string }[] }[];
  const files = new Set(packed!.files.map((file) => file.path));
  const linked = [...read('README.md').matchAll(/\]\((docs\/[^)#]+)/g)].map(([, file]) => file!);
  expect(linked.filter((file) => !files.has(file))).toEqual([]);
});

test('the troubleshooting page has one section for each error code', () => {
  const headings = [...read('docs/troubleshooting.md').matchAll(/^## (\w+)$/gm)].map(([, code]) => code!);
  expect(headings.filter((heading) => heading in ERRORS).sort()).toEqual(Object.keys(ERRORS).sort());
});

function statusesIn(page: string): [string, number][] {
  return [...read(page).matchAll(/^\| (\d{3}) +\| `(\w+)`/gm)].map(([, status, code]) => [code!, Number(status)]);
}

test('the tables of errors have each code once, with its status', () => {
  const rows = [...statusesIn('README.md'), ...statusesIn('docs/management.md')].sort();
  const codes = Object.entries(ERRORS).filter(([code]) => code !== 'invalid_options');
  expect(rows).toEqual(codes.map(([code, { status }]) => [code, status]).sort());
});

test('links inside the repository have a target', () => {
  const anchor = (heading: string) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-');
  const broken = PAGES.flatMap((page) =>
    [...read(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)]
      .filter(([, file, fragment]) => {
        const target = file ? path.join(ROOT, path.dirname(page), file) : path.join(ROOT, page);
        if (!existsSync(target)) return true;
        const headings = [...readFileSync(target, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, text]) => anchor(text!));
        return fragment !== undefined && !headings.includes(fragment);
      })
      .map(([link]) => `${page}: ${link}`),
  );
  expect(broken).toEqual([]);
});

test('npm scripts that the pages name exist', () => {
  const { scripts } = JSON.parse(read('package.json'));
  const named = PAGES.flatMap((page) => [...read(page).matchAll(/npm (?:run (?:--silent )?([\w:]+)|(start|test)\b)/g)]);
  expect(named.map(([, run, short]) => run ?? short).filter((name) => !Object.hasOwn(scripts, name!))).toEqual([]);
});

test('the table of options has each option of createApiKeys', () => {
  const [, declared] = /export interface ApiKeysOptions<[^{]*\{\n(.*?)\n\}\n/s.exec(read('src/options.ts'))!;
  const names = [...declared!.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name]) => name);
  const [, section] = /\n## Options\n(.*?)\n## /s.exec(read('README.md'))!;
  const rows = [...section!.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
  expect(rows.sort()).toEqual(names.sort());
});

test.each(['README.md', 'docs/observability.md'])('the section of events in %s names each event', (page) => {
  const [, declared] = /export interface KeyscopeEvents \{\n(.*?)\n\}\n/s.exec(read('src/events.ts'))!;
  const names = [...declared!.matchAll(/^ {2}(\w+):/gm)].map(([, name]) => name!);
  const [, section] = /\n## Events\n(.*?)\n## /s.exec(read(page))!;
  expect(names.filter((name) => !section!.includes(`\`${name}\``))).toEqual([]);
});

test('files that CONTRIBUTING names exist', () => {
  const named = [...read('CONTRIBUTING.md').matchAll(/`((?:src|test|docs|scripts)\/[^`\s]*)`/g)].map(
    ([, file]) => file!,
  );
  expect(named.filter((file) => !existsSync(path.join(ROOT, file)))).toEqual([]);
});
