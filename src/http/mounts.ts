import type { Request } from 'express';
import { mightName, type RoutePath } from './path-names';

/** What routers of Express 4, and of Express 5 from router 2.3 on, let be seen of what they are made of. */
interface Layer {
  readonly handle?: unknown;
  readonly route?: unknown;
  /** Express 5: what it was made with. */
  readonly rawPath?: RoutePath;
  readonly matchers?: readonly ((path: string) => { readonly path: string } | false)[];
  /** Mounted at `/`: it takes nothing of the URL. */
  readonly slash?: boolean;
  /** Express 4: the parameters it names, and what it takes of the URL. */
  readonly keys?: readonly { readonly name: string | number }[];
  readonly regexp?: RegExp & { readonly fast_slash?: boolean; readonly fast_star?: boolean };
}

interface Application {
  readonly parent?: Application;
  readonly mountpath?: RoutePath;
  readonly router?: { readonly stack?: readonly Layer[] };
  readonly _router?: { readonly stack?: readonly Layer[] };
}

/** What lies on a way is not what the request has come through. */
const ELSEWHERE = Symbol('elsewhere');
/** It cannot be understood, or might say the name. */
const DOUBT = Symbol('doubt');

/** What is left of a mounted URL behind a layer. */
type Advance = (rest: string, name: string) => string | typeof ELSEWHERE | typeof DOUBT;

function behind(rest: string, taken: string): string {
  return rest.slice(taken.replace(/\/$/, '').length);
}

/** As Express 5 compiles paths. */
function advanceBy(rawPath: RoutePath, matchers: NonNullable<Layer['matchers']>): Advance {
  return function advance(rest, name) {
    for (const match of matchers) {
      const found = match(rest === '' ? '/' : rest);
      if (found !== false) return mightName(rawPath, name) ? DOUBT : behind(rest, found.path);
    }
    return ELSEWHERE;
  };
}

/** As Express 4 does: numbers stand for what a `*` or a group takes, which might be anything. */
function advanceByPattern(regexp: RegExp, keys: NonNullable<Layer['keys']>): Advance {
  return function advance(rest, name) {
    const found = regexp.exec(rest === '' ? '/' : rest);
    if (found === null) return ELSEWHERE;
    const mightSay = keys.some((key) => key.name === name || typeof key.name === 'number');
    return mightSay || found.index !== 0 ? DOUBT : behind(rest, found[0]);
  };
}

function advanceOf({ slash, rawPath, matchers, keys, regexp }: Layer): Advance {
  if (slash === true || regexp?.fast_slash === true) return (rest) => rest;
  if (rawPath !== undefined && matchers !== undefined) return advanceBy(rawPath, matchers);
  if (regexp !== undefined && keys !== undefined && regexp.fast_star !== true) return advanceByPattern(regexp, keys);
  return () => DOUBT;
}

/** The ways from a router's layers down to a route: each a list of what lies on it. */
function waysTo(route: unknown, stack: readonly Layer[], above: readonly Advance[], seen: Set<unknown>): Advance[][] {
  const ways: Advance[][] = [];
  for (const layer of stack) {
    if (layer.route === route) ways.push([...above]);
    const inner = (layer.handle as { stack?: unknown } | undefined)?.stack;
    if (!Array.isArray(inner) || layer.route !== undefined || seen.has(inner)) continue;
    ways.push(...waysTo(route, inner as Layer[], [...above, advanceOf(layer)], new Set([...seen, inner])));
  }
  return ways;
}

/** Express 4 has a getter for `router` that throws. */
function stackOf(app: Application): readonly Layer[] | undefined {
  return (app._router ?? app.router)?.stack;
}

/** What an application's own place takes of the URL, from the outermost down; only plain texts are understood. */
function placeOf(app: Application): Advance[] {
  if (app.parent === undefined) return [];
  const { mountpath } = app;
  const text =
    typeof mountpath === 'string' && !/[:*(){}[\]?+!\\]/.test(mountpath) ? mountpath.replace(/\/$/, '') : null;
  function advance(rest: string): ReturnType<Advance> {
    if (text === null) return DOUBT;
    return rest.toLowerCase().startsWith(text.toLowerCase()) ? rest.slice(text.length) : ELSEWHERE;
  }
  return [...placeOf(app.parent), advance];
}

/** Whether a way leads to where the request is. */
function arrival(way: readonly Advance[], baseUrl: string, name: string): boolean | typeof DOUBT {
  let rest = baseUrl;
  for (const advance of way) {
    const left = advance(rest, name);
    if (left === ELSEWHERE) return false;
    if (left === DOUBT) return DOUBT;
    rest = left;
  }
  return rest === '';
}

/**
 * Whether it is certain that nothing above a route, on the way by which the request came, is a parameter of that name. Each
 * way that can have been taken must be understood, and one must account for the whole of `req.baseUrl`: a router behind a
 * function, or an application in a router, cannot be seen from here.
 */
export function mountsAreSilent(req: Request, name: string): boolean {
  const app = req.app as unknown as Application | undefined;
  const stack = app && stackOf(app);
  if (app === undefined || stack === undefined) return false;
  const ways = waysTo(req.route, stack, placeOf(app), new Set([stack]));
  const arrivals = ways.map((way) => arrival(way, req.baseUrl, name));
  return arrivals.includes(true) && !arrivals.includes(DOUBT);
}
