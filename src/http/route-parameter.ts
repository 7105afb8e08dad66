import type { NextFunction, Request, RequestHandler } from 'express';
import { createIsQuerys } from './standing';

/** Where a request says something: the name of a parameter, or a function that finds it. */
export type ParameterSource = string | ((req: Request) => string | undefined);

/** What a request says: a value, nothing, or the same thing more than once (or as an object), which is never guessed at. */
export type Parameter = { readonly value: string | undefined; readonly ambiguous: boolean };

const ABSENT: Parameter = { value: undefined, ambiguous: false };
const AMBIGUOUS: Parameter = { value: undefined, ambiguous: true };

/** `middleware` is who asks, as it stands in the route, and `next` what it was called with. */
export type ReadParameter = (req: Request, middleware: RequestHandler, next: NextFunction) => Parameter;

function parameterOf(value: unknown): Parameter {
  if (value === undefined || value === null || value === '') return ABSENT;
  return typeof value === 'string' ? { value, ambiguous: false } : AMBIGUOUS;
}

/**
 * Looks a parameter up in `req.params`, then, where it can only be meant there, in `req.query`; own properties only. An empty
 * value counts as absent. A query parameter that the parser did not turn into one string (`?a=1&a=2`, `?a[]=1`) is
 * ambiguous: the handler might read another one of them than we do.
 */
export function createReadParameter(source: ParameterSource): ReadParameter {
  if (typeof source === 'function') return (req) => parameterOf(source(req));
  const isQuerys = createIsQuerys(source);
  return function readParameter(req, middleware, next) {
    const { params } = req;
    if (params && Object.hasOwn(params, source)) return parameterOf(params[source]);
    const query: unknown = req.query;
    if (typeof query !== 'object' || query === null || !Object.hasOwn(query, source)) return ABSENT;
    if (!isQuerys(req, middleware, next)) return ABSENT;
    return parameterOf((query as Record<string, unknown>)[source]);
  };
}
