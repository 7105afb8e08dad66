import crypto, { type BinaryToTextEncoding } from 'node:crypto';
import { createRequire } from 'node:module';
import path from 'node:path';
import { compileFunction } from 'node:vm';
import { buildSync } from 'esbuild';
import type { ApiKeys, KeyscopeError } from '../../../src';
import type { EventLoop } from '../kernel/event-loop';

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

/**
 * Functions whose result depends on their arguments only, which are the same in all processes. Parsers take most of the time
 * of `createApiKeys`. Not every version of the package has all of these functions, nor of those below.
 */
const SHARED_RESULTS = ['createKeySchemas', 'createKeyInputs', 'parseRequirement', 'workspaceTag']
  .map(
    (name) => `
if (typeof ${name} === 'function') {
  const known = new Map();
  const create = ${name};
  ${name} = (...args) => {
    const key = JSON.stringify(args[0]?.permissions ?? args[0]) + JSON.stringify(args[2]);
    if (!known.has(key)) known.set(key, create(...args));
    return known.get(key);
  };
}`,
  )
  .join('');

/** Parts that no schedule uses. */
const SHARED_PARTS = ['createAdminRouter', 'createConsole', 'createOpenapiSecurity', 'createRedactResponse']
  .map(
    (name) => `
if (typeof ${name} === 'function') {
  const create = ${name};
  let known;
  ${name} = (...args) => (known ??= create(...args));
}`,
  )
  .join('');

/** The options of the processes of one schedule differ in functions only. */
const SHARED_OPTIONS = `
if (typeof resolveOptions === 'function') {
  const resolve = resolveOptions;
  let [lastKey, last] = ['', null];
  resolveOptions = ({ redis, onError, ...rest }) => {
    const key = JSON.stringify(rest);
    if (key !== lastKey) [lastKey, last] = [key, resolve({ redis, onError, ...rest })];
    return { ...last, redis, onError };
  };
}`;

/** Number of digests that are kept. */
const MAX_DIGESTS = 1000;

/** The same function. It keeps digests, because all schedules begin with the same tokens. */
function keepDigests(hash: typeof crypto.hash) {
  const known = new Map<string, string>();
  return (algorithm: string, text: string, encoding: BinaryToTextEncoding) => {
    const key = `${algorithm} ${encoding} ${text}`;
    let digest = known.get(key);
    if (digest === undefined) {
      digest = hash(algorithm, text, encoding);
      if (known.size >= MAX_DIGESTS) known.clear();
      known.set(key, digest);
    }
    return digest;
  };
}

type Body = (...values: unknown[]) => void;

/** The event loop that runs now, of the process that calls the code; null between two calls. */
export interface Current {
  loop: EventLoop | null;
}

/**
 * The package's code, which all simulated processes share: it keeps no state that is not an object's own. One copy for each
 * process would take three times as long, because compiled code is then for several classes of the same name.
 */
export class Source {
  readonly package: Package;
  readonly current: Current = { loop: null };

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
    const code = transform(outputFiles[0]!.text) + SHARED_RESULTS + SHARED_PARTS + SHARED_OPTIONS;
    const names = ['module', 'exports', 'require', ...SHADOWED];
    const body = compileFunction(code, names, { filename: 'keyscope.js' }) as Body;
    const module: { exports: Partial<Package> } = { exports: {} };
    const globals = createGlobals(this.current);
    body(module, module.exports, this.#createRequire(), ...SHADOWED.map((name) => globals[name]));
    const importedTokensOption = code.includes('importedTokens') ? 'importedTokens' : 'foreignTokens';
    this.package = { ...(module.exports as Package), importedTokensOption };
  }

  /** Random bytes and numbers are those of the process. */
  #createRequire(): (name: string) => unknown {
    const load = createRequire(path.join(__dirname, 'load-source.ts'));
    const randomBytes = (size: number) => this.current.loop!.random.bytes(size);
    const randomInt = (max: number) => this.current.loop!.random.below(max);
    const hash = keepDigests(crypto.hash);
    return (name) => {
      const loaded = load(name) as object;
      if (name !== 'node:crypto') return loaded;
      return { ...loaded, hash, randomBytes, randomInt, randomUUID: () => randomBytes(16).toString('hex') };
    };
  }
}

function createGlobals(current: Current): Record<(typeof SHADOWED)[number], unknown> {
  class SimulatedDate extends Date {
    constructor(...args: [] | [number]) {
      super(...((args.length === 0 ? [current.loop!.wall()] : args) as [number]));
    }

    static override now(): number {
      return current.loop!.wall();
    }
  }
  type Parameters_<Name extends keyof EventLoop> = EventLoop[Name] extends (...args: infer Args) => unknown
    ? Args
    : never;
  const clear = (timer: never) => current.loop!.clearTimer(timer);
  return {
    setTimeout: (...args: Parameters_<'setTimeout'>) => current.loop!.setTimeout(...args),
    setInterval: (...args: Parameters_<'setInterval'>) => current.loop!.setInterval(...args),
    setImmediate: (...args: Parameters_<'setImmediate'>) => current.loop!.setImmediate(...args),
    clearTimeout: clear,
    clearInterval: clear,
    clearImmediate: (...args: Parameters_<'clearImmediate'>) => current.loop!.clearImmediate(...args),
    performance: { now: () => current.loop!.monotonic() },
    Date: SimulatedDate,
    Math: Object.assign(Object.create(Math) as object, { random: () => current.loop!.random.unit() }),
    process: Object.assign(Object.create(process) as object, {
      nextTick: (...args: Parameters_<'nextTick'>) => current.loop!.nextTick(...args),
    }),
    queueMicrotask,
  };
}
