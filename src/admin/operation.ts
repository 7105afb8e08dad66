import type { z } from 'zod';
import type { ErrorCode } from '../errors';
import type { OperationRequest, OperationResponse } from './handler';

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
export type ResponseHeader = 'ETag' | 'Location' | 'Idempotent-Replayed';

/** One REST operation: its handler, and its part of the OpenAPI document. */
export interface Operation {
  readonly method: HttpMethod;
  /** Path below the mount path. `:name` stands for one segment. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly query?: z.ZodObject;
  /** Documents the body. The router checks its field names; the service behind the handler validates the values, once. */
  readonly body?: z.ZodObject;
  /** Runs before the field names are checked, for fields with an error code of their own. */
  readonly checkBody?: (body: unknown) => void;
  /** True if the operation honours `If-Match`. */
  readonly conditional?: boolean;
  /** True if the operation honours `Idempotency-Key`: a repeated request gets the first one's response. */
  readonly idempotent?: boolean;
  readonly response: {
    readonly status: OperationResponse['status'];
    readonly description: string;
    /** Media type of the body. Default `application/json`. */
    readonly type?: string;
    /** Schema of the body; with JSON lines, of one line. */
    readonly schema?: z.ZodType;
    readonly headers?: readonly ResponseHeader[];
  };
  /** Error codes in addition to those that every operation can respond with. */
  readonly errors?: readonly ErrorCode[];
  handle(request: OperationRequest): OperationResponse | Promise<OperationResponse>;
}

type QueryOf<S extends z.ZodType | undefined> = S extends z.ZodType ? z.output<S> : undefined;

interface TypedOperation<Q extends z.ZodObject | undefined> extends Omit<Operation, 'query' | 'handle'> {
  readonly query?: Q;
  handle(request: OperationRequest<QueryOf<Q>>): OperationResponse | Promise<OperationResponse>;
}

/** An operation whose handler is typed by the schema of its query. */
export function defineOperation<Q extends z.ZodObject | undefined = undefined>(
  operation: TypedOperation<Q>,
): Operation {
  return operation as Operation;
}

/** True if a method changes something. */
export function isWrite(method: string | undefined): boolean {
  return method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS';
}

/** The operations of one path, by method. */
interface Resource {
  readonly segments: readonly string[];
  readonly operations: ReadonlyMap<string, Operation>;
}

/** The resource at a path, with its path parameters. */
export interface Match {
  readonly params: Readonly<Record<string, string>>;
  /** Value of `Allow`. */
  readonly allowed: string;
  /** The operation for a method. HEAD uses GET's. Undefined if the resource has none. */
  operation(method: string | undefined): Operation | undefined;
}

/** A decoded path segment, or null if its percent-encoding is invalid. */
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

function allowedMethods(operations: ReadonlyMap<string, Operation>): string {
  const methods = [...operations.keys()].flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  return [...methods, 'OPTIONS'].join(', ');
}

/** Finds operations by path. Paths match as written: case-sensitive, and without a slash at the end. */
export function createOperationTable(operations: readonly Operation[]): (path: string) => Match | null {
  const resources = new Map<string, { segments: string[]; operations: Map<string, Operation> }>();
  for (const operation of operations) {
    const { path, method } = operation;
    const resource = resources.get(path) ?? { segments: path.split('/'), operations: new Map() };
    resources.set(path, resource);
    resource.operations.set(method, operation);
  }
  const table = [...resources.values()].map((resource: Resource) => ({
    ...resource,
    allowed: allowedMethods(resource.operations),
  }));

  return function findResource(path) {
    const segments = path.split('/');
    for (const { segments: pattern, operations: byMethod, allowed } of table) {
      const params = matchSegments(pattern, segments);
      if (params === null) continue;
      return { params, allowed, operation: (method = '') => byMethod.get(method === 'HEAD' ? 'GET' : method) };
    }
    return null;
  };
}
