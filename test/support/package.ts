import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

export const ROOT = path.join(__dirname, '..', '..');

/** Exit code and output of a program. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** An `npm test` around us must not tell an npm below which package it works on. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const inherited =
    /^npm_(?:package_|lifecycle_|command$|config_(?:local_prefix|prefix|global_prefix)$)|^(?:INIT_CWD|NODE_OPTIONS|NODE_PATH)$/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !inherited.test(name)));
}

/** Runs a program to its end, which comes within five minutes. */
export function run(command: string, args: readonly string[], cwd: string): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const options = {
      cwd,
      env: cleanEnvironment(),
      timeout: 300_000,
      shell: process.platform === 'win32' && command === 'npm',
    };
    execFile(command, args, options, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') reject(error);
      else resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

export function runNode(args: readonly string[], cwd: string): Promise<Outcome> {
  return run(process.execPath, args, cwd);
}

/** Runs a compiler on another project. Default: the repository's own. */
export function compile(project: string, modules = path.join(ROOT, 'node_modules'), name = 'typescript') {
  const compiler = path.join(modules, name, 'bin', 'tsc');
  return runNode([compiler, '-p', path.join(project, 'tsconfig.json'), '--pretty', 'false'], project);
}

/** A folder outside the repository, so that nothing in it is found by accident. */
export async function createWorkshop(): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await realpath(await mkdtemp(path.join(os.tmpdir(), 'keyscope-package-')));
  return { folder, remove: () => rm(folder, { recursive: true, force: true, maxRetries: 3 }) };
}

/** Writes files given by their path below `folder`. Objects are written as JSON. */
export function writeFiles(folder: string, files: Readonly<Record<string, string | object>>): void {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content, null, 2));
  }
}

/**
 * Builds the package from the sources as they are now, apart from dist/, which may be old, missing or in use. Its
 * dependencies are those of the repository; packed, it is as it will be published.
 */
export async function stagePackage(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const name of ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md']) {
    if (existsSync(path.join(ROOT, name))) copyFileSync(path.join(ROOT, name), path.join(folder, name));
  }
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'), 'junction');
  const { code, stdout, stderr } = await runNode(
    [path.join(ROOT, 'scripts', 'build.mjs'), path.join(folder, 'dist')],
    ROOT,
  );
  if (code !== 0) throw new Error(`The package does not build:\n${stdout}${stderr}`);
}

/** The version of a package in the repository, which npm's cache has without a network. */
export function ownVersion(name: string): string {
  return require(path.join(ROOT, 'node_modules', name, 'package.json')).version;
}

/** Installs packages into a folder, and nothing else: no scripts run, and no lock file is written. */
export async function install(folder: string, dependencies: Readonly<Record<string, string>>): Promise<void> {
  writeFiles(folder, { 'package.json': { private: true, dependencies } });
  const options = ['--prefer-offline', '--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts'];
  const { code, stderr } = await run('npm', ['install', ...options], folder);
  if (code !== 0) throw new Error(`npm install failed:\n${stderr}`);
}

/** Builds and packs the package as it will be published. Returns the path of the tarball. */
export async function packPackage(folder: string): Promise<string> {
  const staged = path.join(folder, 'staged');
  await stagePackage(staged);
  const { code, stdout, stderr } = await run(
    'npm',
    ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder],
    staged,
  );
  if (code !== 0) throw new Error(`npm pack failed:\n${stderr}`);
  return path.join(folder, stdout.trim());
}
