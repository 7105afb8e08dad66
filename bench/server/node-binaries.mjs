// Node binaries of other majors, from the npm package `node`, installed once into bench/node_modules.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../node_modules/.node-binaries', import.meta.url));

/** The path of a Node binary of this major. The running binary is used if its major is the same. */
export function nodeBinary(major) {
  if (process.versions.node.split('.')[0] === major) return process.execPath;
  const home = path.join(folder, major);
  const binary = path.join(home, 'node_modules', 'node', 'bin', 'node');
  if (!existsSync(binary)) {
    mkdirSync(home, { recursive: true });
    // The package's install script copies the binary of this platform into place.
    const args = ['install', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts=false', `node@${major}`];
    writeFileSync(path.join(home, 'package.json'), '{ "private": true }\n');
    const { status } = spawnSync('npm', args, { cwd: home, stdio: ['ignore', process.stderr, process.stderr] });
    if (status !== 0 || !existsSync(binary)) throw new Error(`Node ${major} could not be installed from npm.`);
  }
  return binary;
}
