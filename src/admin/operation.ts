import type { z } from 'zod';
import type { ErrorCode } from '../errors';
import type { Answer, Call } from './handler';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
export type AnswerHeader = 'ETag' | 'Location' | 'Idempotent-Replayed';

/** One operation: what the router does, and what the OpenAPI document says of it. */
export interface Route {
  readonly method: Method;
  /** Below the mount path; `:name` stands for one segment. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Refuses, before the schema does, what deserves an error of its own. */
  readonly checkBody?: (body: unknown) => void;
  /** Whether `If-Match` counts. */
  readonly conditional?: boolean;
  /** Whether `Idempotency-Key` counts: a repeated request gets the first one's answer. */
  readonly idempotent?: boolean;
  readonly answer: {
    readonly status: Answer['status'];
    readonly description: string;
    /** Of the body. */
    readonly schema?: z.ZodType;
    readonly headers?: readonly AnswerHeader[];
  };
  /** What may go wrong besides what may with every operation. */
  readonly errors?: readonly ErrorCode[];
  handle(call: Call): Answer | Promise<Answer>;
}

type Read<S extends z.ZodType | undefined> = S extends z.ZodType ? z.output<S> : undefined;

interface TypedRoute<Q extends z.ZodObject | undefined, B extends z.ZodType | undefined>
  extends Omit<Route, 'query' | 'body' | 'handle'> {
  readonly query?: Q;
  readonly body?: B;
  handle(call: Call<Read<Q>, Read<B>>): Answer | Promise<Answer>;
}

/** A route whose handler is typed by its own schemas. The router calls it with what those schemas made of the request. */
export function defineRoute<Q extends z.ZodObject | undefined = undefined, B extends z.ZodType | undefined = undefined>(
  route: TypedRoute<Q, B>,
): Route {
  return route as Route;
}

/** Whether an operation changes anything. */
export function isWrite(method: string | undefined): boolean {
  return method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS';
}

/** The routes of one path, by method. */
interface Resource {
  readonly segments: readonly string[];
  readonly routes: ReadonlyMap<string, Route>;
}

/** A path's resource, and what stands in the path. */
export interface Match {
  readonly params: Readonly<Record<string, string>>;
  /** For `Allow`. */
  readonly allowed: string;
  /** The route for a method; HEAD is GET's. Undefined where the resource does not take it. */
  route(method: string | undefined): Route | undefined;
}

/** A segment as it was meant; null where its percent-encoding is broken. */
function decodeSegment(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}

function matchSegments(pattern: readonly string[], segments: readonly string[]): Record<string, string> | null {
  if (pattern.length !== segments.length) return null;
  const params: Record<string, string> = Object.create(null);
  for (const [index, expected] of pattern.entries()) {
    const given = segments[index] as string;
    if (!expected.startsWith(':')) {
      if (given !== expected) return null;
      continue;
    }
    const value = decodeSegment(given);
    if (value === null || value === '') return null;
    params[expected.slice(1)] = value;
  }
  return params;
}

function allowedMethods(routes: ReadonlyMap<string, Route>): string {
  const methods = [...routes.keys()].flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  return [...methods, 'OPTIONS'].join(', ');
}

/** Finds routes by path. Paths match as written: no case folding, no slash at the end. */
export function createRouteTable(routes: readonly Route[]): (path: string) => Match | null {
  const resources = new Map<string, { segments: string[]; routes: Map<string, Route> }>();
  for (const route of routes) {
    const resource = resources.get(route.path) ?? { segments: route.path.split('/'), routes: new Map() };
    resources.set(route.path, resource);
    resource.routes.set(route.method, route);
  }
  const table = [...resources.values()].map((resource: Resource) => ({
    ...resource,
    allowed: allowedMethods(resource.routes),
  }));

  return function findRoute(path) {
    const segments = path.split('/');
    for (const { segments: pattern, routes: byMethod, allowed } of table) {
      const params = matchSegments(pattern, segments);
      if (params === null) continue;
      return { params, allowed, route: (method = '') => byMethod.get(method === 'HEAD' ? 'GET' : method) };
    }
    return null;
  };
}
