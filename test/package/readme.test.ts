import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { ERRORS } from 'keyscope';
import { compile, createWorkshop, ROOT, stagePackage, writeFiles } from '../support/package';

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

/** Declarations for code blocks that are not whole programs. */
const GIVEN = `import type { Express, RequestHandler } from 'express';
import type { Redis } from 'ioredis';
import { createApiKeys, createTokenParser } from 'keyscope';
declare const app: Express;
declare const handler: RequestHandler;
declare const requireOldKey: RequestHandler;
declare const redis: Redis;
declare const [id, token]: [string, string];
declare const allAgents: string[];
declare function signedIn(req: unknown): Promise<{ workspaceId: string; email: string; isAdmin: boolean } | null>;
declare function agentsOf(workspaceId: string): Promise<{ id: string; name: string }[]>;
const permissions = { conversations: { label: 'Conversations data' }, handoff: { label: 'Handoff' } };
const apiKeys = createApiKeys({ permissions });
`;

function program({ code }: Block): string {
  return /^import /m.test(code) ? code : `${GIVEN}export async function page() {\n${code}\n}\n`;
}

jest.setTimeout(60_000);

let workshop: Awaited<ReturnType<typeof createWorkshop>>;

beforeAll(async () => {
  workshop = await createWorkshop();
  await stagePackage(path.join(workshop.folder, 'staged'));
  const modules = path.join(workshop.folder, 'node_modules');
  mkdirSync(modules);
  symlinkSync(path.join(workshop.folder, 'staged'), path.join(modules, 'keyscope'), 'junction');
  for (const name of ['express', 'ioredis', '@types', 'pino', 'pino-http']) {
    symlinkSync(path.join(ROOT, 'node_modules', name), path.join(modules, name), 'junction');
  }
}, 120_000);

afterAll(() => workshop.remove());

test('every piece of TypeScript on the pages compiles', async () => {
  const pieces = blocks.filter(({ language }) => language === 'ts');
  expect(pieces.length).toBeGreaterThan(10);
  const files = Object.fromEntries(
    pieces.map((block) => [block.title ?? `${block.place.replace(/\W/g, '_')}.ts`, program(block)]),
  );
  const compilerOptions = {
    ...{ module: 'nodenext', moduleResolution: 'nodenext', target: 'es2023', lib: ['es2023'], types: ['node'] },
    ...{ strict: true, skipLibCheck: true, noEmit: true },
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

test('the first example runs, prints a line to paste, and answers as the page shows', async () => {
  const [example] = blocks.filter(({ language, title }) => language === 'js' && title === 'server.mjs');
  const [shown] = blocks.filter(({ language }) => language === 'http');
  const port = await freePort();
  writeFiles(workshop.folder, { 'server.mjs': example!.code.replaceAll('3000', String(port)) });
  const child = spawn(process.execPath, ['server.mjs'], { cwd: workshop.folder });
  try {
    const [, url, token] = /^curl -i (\S+) -H 'x-api-key: (\S+)'$/.exec(await firstLine(child)) ?? [];
    const response = await fetch(url!, { headers: { 'x-api-key': token! } });
    const [head, body] = shown!.code.trim().split('\n\n');
    expect(head).toBe(`HTTP/1.1 ${response.status} OK\nRedacted: ${response.headers.get('redacted')}`);
    expect(await response.text()).toBe(body);
    expect((await fetch(url!)).status).toBe(401);
  } finally {
    child.kill();
    await once(child, 'close');
  }
});

function statusesIn(page: string): [string, number][] {
  return [...read(page).matchAll(/^\| (\d{3}) +\| `(\w+)`/gm)].map(([, status, code]) => [code!, Number(status)]);
}

test('the tables of errors have every code that there is, once, with its status', () => {
  const rows = [...statusesIn('README.md'), ...statusesIn('docs/management.md')].sort();
  const codes = Object.entries(ERRORS).filter(([code]) => code !== 'invalid_options');
  expect(rows).toEqual(codes.map(([code, { status }]) => [code, status]).sort());
});

test('every link inside the repository leads somewhere', () => {
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

test('every npm script that the pages name exists', () => {
  const { scripts } = JSON.parse(read('package.json'));
  const named = PAGES.flatMap((page) => [...read(page).matchAll(/npm (?:run (?:--silent )?([\w:]+)|(start|test)\b)/g)]);
  expect(named.map(([, run, short]) => run ?? short).filter((name) => !Object.hasOwn(scripts, name!))).toEqual([]);
});
