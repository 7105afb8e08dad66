import type { Request } from 'express';
import { callSource } from './call-source';
import { ABSENT, AMBIGUOUS, type Parameter, type ReadParameter } from './parameter';
import { createReadQueryParameter } from './query-parameter';

/**
 * Where a request states a value: the name of a route parameter, a query parameter, or a function of the request.
 *
 * @example 'project_id'               // req.params.project_id, and nothing else
 * @example { query: 'project_id' }    // ?project_id=…, if the URL states it exactly once
 * @example (req) => req.get('x-project')
 */
export type ParameterSource = string | { readonly query: string } | ((req: Request) => string | undefined);

/** An empty string counts as absent. */
function toParameter(value: unknown): Parameter {
  if (value === undefined || value === null || value === '') return ABSENT;
  return typeof value === 'string' ? { value, ambiguous: false } : AMBIGUOUS;
}

/**
 * Compiles a source into a function that reads the parameter from a request.
 *
 * @param option - Name of the option that it was given in, for errors.
 */
export function createReadParameter(source: ParameterSource, option: string): ReadParameter {
  if (typeof source === 'function') return (req) => toParameter(callSource(source, req, option));
  if (typeof source === 'object') return createReadQueryParameter(source.query);
  return function readRouteParameter({ params }) {
    return params && Object.hasOwn(params, source) ? toParameter(params[source]) : ABSENT;
  };
}
