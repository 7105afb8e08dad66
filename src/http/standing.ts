import type { NextFunction, Request, RequestHandler } from 'express';
import { mountsAreSilent } from './mounts';
import { mightName } from './path-names';

interface Route {
  readonly path: unknown;
  readonly stack: readonly { readonly handle: unknown; readonly method?: string }[];
}

/** Verdicts kept for a route: one for each place at which it is mounted, as callers spell it. */
const MAX_KNOWN = 100;

/**
 * Whether a middleware stands in a route that answers the request itself. `req.route` alone says only that some route has
 * been met, perhaps one that passed the request on; and what stands last in a route is a gate before others.
 */
function standsIn(route: Route, middleware: RequestHandler, req: Request, next: NextFunction): boolean {
  // What `use` has mounted is given the router's own `next`.
  if (next === req.next) return false;
  const method = req.method.toLowerCase();
  // `app.all` puts one and the same there once for each method.
  const at = route.stack.map(({ handle }) => handle).lastIndexOf(middleware);
  return (
    at !== -1 &&
    route.stack
      .slice(at + 1)
      .some(
        (layer) =>
          layer.method === undefined || layer.method === method || (method === 'head' && layer.method === 'get'),
      )
  );
}

/** Whether a parameter that is not in `req.params` can only be the query's. */
export type IsQuerys = (req: Request, middleware: RequestHandler, next: NextFunction) => boolean;

/**
 * Tells where the query is what a route means by the parameter `name`: where the middleware stands in the very route that
 * answers, and neither that route's path nor a path it is mounted under might say it. Elsewhere (`app.use`, a router without
 * `mergeParams`, an optional segment) the handler may yet find it in the path, and a caller who adds a query to the URL must
 * not be believed.
 */
export function createIsQuerys(name: string): IsQuerys {
  const known = new WeakMap<Route, Map<string, boolean>>();

  function isSilent(req: Request, route: Route): boolean {
    let verdicts = known.get(route);
    if (verdicts === undefined) {
      verdicts = new Map();
      known.set(route, verdicts);
    }
    let silent = verdicts.get(req.baseUrl);
    if (silent === undefined) {
      silent = !mightName(route.path, name) && mountsAreSilent(req, name);
      if (verdicts.size >= MAX_KNOWN) verdicts.clear();
      verdicts.set(req.baseUrl, silent);
    }
    return silent;
  }

  return function isQuerys(req, middleware, next) {
    const route = req.route as Route | undefined;
    if (route === undefined || !Array.isArray(route.stack)) return false;
    return standsIn(route, middleware, req, next) && isSilent(req, route);
  };
}
