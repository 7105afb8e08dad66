import { createRequire } from 'node:module';
import path from 'node:path';
import { compileFunction } from 'node:vm';
import { buildSync } from 'esbuild';
import type { ApiKeys, KeyscopeError } from '../../../src';
import type { EventLoop } from '../kernel/event-loop';
import type { Random } from '../kernel/random';

/** The part of the package that the simulator uses. */
export interface Package {
  createApiKeys(options: object): ApiKeys<'read' | 'write'>;
  KeyscopeError: typeof KeyscopeError;
  /** Name of the option that allows imported tokens. */
  readonly importedTokensOption: string;
}

/** Globals for time and chance. Parameters of the same names shadow them. */
const SHADOWED = [
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'clearImmediate',
  'performance',
  'Date',
  'Math',
  'process',
  'queueMicrotask',
] as const;

const ENTRY = "export { createApiKeys } from './create-api-keys'; export { KeyscopeError } from './errors';";

/** Schemas of inputs depend on the names of permissions only, and take most of the time of `createApiKeys`. */
const SHARED_SCHEMAS = `
if (typeof createKeySchemas === 'function') {
  let schemas;
  const create = createKeySchemas;
  createKeySchemas = (permissions, now) => (schemas ??= create(permissions, now));
}`;

type Body = (...values: unknown[]) => void;

/** The package's code, bundled once, to be run once for each simulated process. */
export class Source {
  readonly #body: Body;
  readonly #importedTokensOption: string;
  readonly #require: NodeJS.Require;

  /** @param transform - Changes the bundled code, for mutations. */
  constructor(folder: string, transform: (code: string) => string = (code) => code) {
    const { outputFiles } = buildSync({
      stdin: { contents: ENTRY, resolveDir: folder, loader: 'ts' },
      bundle: true,
      write: false,
      format: 'cjs',
      platform: 'node',
      target: 'node20',
      packages: 'external',
      logLevel: 'error',
    });
    const code = transform(outputFiles[0]!.text) + SHARED_SCHEMAS;
    this.#importedTokensOption = code.includes('importedTokens') ? 'importedTokens' : 'foreignTokens';
    const names = ['module', 'exports', 'require', ...SHADOWED];
    this.#body = compileFunction(code, names, { filename: 'keyscope.js' }) as Body;
    this.#require = createRequire(path.join(__dirname, 'load-source.ts'));
  }

  /** Runs the code with a process' own timers, clocks and random numbers. */
  instantiate(environment: ProcessEnvironment): Package {
    const module: { exports: Partial<Package> } = { exports: {} };
    const load = (name: string): unknown => {
      const loaded = this.#require(name) as object;
      if (name !== 'node:crypto') return loaded;
      const randomBytes = (size: number) => environment.random.bytes(size);
      return { ...loaded, randomBytes, randomUUID: () => randomBytes(16).toString('hex') };
    };
    const globals = createGlobals(environment);
    this.#body(module, module.exports, load, ...SHADOWED.map((name) => globals[name]));
    return { ...(module.exports as Package), importedTokensOption: this.#importedTokensOption };
  }
}

/** The loop and the random numbers of the process that the code runs in now; another run brings others. */
export interface ProcessEnvironment {
  loop: EventLoop;
  random: Random;
}

function createGlobals(environment: ProcessEnvironment): Record<(typeof SHADOWED)[number], unknown> {
  class SimulatedDate extends Date {
    constructor(...args: [] | [number]) {
      super(...((args.length === 0 ? [environment.loop.wall()] : args) as [number]));
    }

    static override now(): number {
      return environment.loop.wall();
    }
  }
  type Parameters_<Name extends keyof EventLoop> = EventLoop[Name] extends (...args: infer Args) => unknown
    ? Args
    : never;
  const clear = (timer: never) => environment.loop.clearTimer(timer);
  return {
    setTimeout: (...args: Parameters_<'setTimeout'>) => environment.loop.setTimeout(...args),
    setInterval: (...args: Parameters_<'setInterval'>) => environment.loop.setInterval(...args),
    setImmediate: (...args: Parameters_<'setImmediate'>) => environment.loop.setImmediate(...args),
    clearTimeout: clear,
    clearInterval: clear,
    clearImmediate: (...args: Parameters_<'clearImmediate'>) => environment.loop.clearImmediate(...args),
    performance: { now: () => environment.loop.monotonic() },
    Date: SimulatedDate,
    Math: Object.assign(Object.create(Math) as object, { random: () => environment.random.unit() }),
    process: Object.assign(Object.create(process) as object, {
      nextTick: (...args: Parameters_<'nextTick'>) => environment.loop.nextTick(...args),
    }),
    queueMicrotask,
  };
}
