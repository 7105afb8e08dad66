import type { Request } from 'express';

/** Where a request says something: the name of a parameter, or a function that finds it. */
export type ParameterSource = string | ((req: Request) => string | undefined);

/** What a request says: a value, nothing, or the same thing more than once (or as an object), which is never guessed at. */
export type Parameter = { readonly value: string | undefined; readonly ambiguous: boolean };

const ABSENT: Parameter = { value: undefined, ambiguous: false };
const AMBIGUOUS: Parameter = { value: undefined, ambiguous: true };

/**
 * Looks a parameter up in `req.params`, then in `req.query`; own properties only. An empty value counts as absent. A
 * query parameter that the parser did not turn into one string (`?a=1&a=2`, `?a[]=1`) is ambiguous: the handler might
 * read another one of them than we do.
 */
export function readParameter(req: Request, source: ParameterSource): Parameter {
  let value: unknown;
  if (typeof source === 'function') value = source(req);
  else if (Object.hasOwn(req.params ?? {}, source)) value = req.params[source];
  else {
    const query: unknown = req.query;
    if (typeof query === 'object' && query !== null && Object.hasOwn(query, source)) {
      value = (query as Record<string, unknown>)[source];
    }
  }
  if (value === undefined || value === null || value === '') return ABSENT;
  return typeof value === 'string' ? { value, ambiguous: false } : AMBIGUOUS;
}
