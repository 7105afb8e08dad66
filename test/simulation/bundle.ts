import { createRequire } from 'node:module';
import path from 'node:path';
import { compileFunction } from 'node:vm';
import { buildSync } from 'esbuild';

type Body = (module: object, exports: object, require: NodeJS.Require, folder: string) => void;

/**
 * Loads the search as one piece of JavaScript. Loaders for TypeScript name each function when it is created, which takes
 * a fifth of the time of a schedule.
 */
export function loadSearch(): typeof import('./search') {
  const entry = path.join(__dirname, 'search.ts');
  const { outputFiles } = buildSync({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    logLevel: 'error',
  });
  const names = ['module', 'exports', 'require', '__dirname'];
  const body = compileFunction(outputFiles[0]!.text, names, { filename: 'simulation.js' }) as Body;
  const module = { exports: {} };
  body(module, module.exports, createRequire(entry), __dirname);
  return module.exports as typeof import('./search');
}
