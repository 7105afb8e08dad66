import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../errors';
import type { Operation, ResponseHeader } from './operation';
import { isWrite } from './operation';

/** A JSON Schema, or another part of an OpenAPI document. */
export type Json = Readonly<Record<string, unknown>>;

/** Error codes of every operation, of writes, and of operations with a body. */
const ALWAYS: readonly ErrorCode[] = ['invalid_request', 'unauthenticated', 'internal_error', 'store_unavailable'];
const ON_WRITE: readonly ErrorCode[] = ['read_only', 'cross_origin'];
const WITH_BODY: readonly ErrorCode[] = ['payload_too_large', 'unsupported_media_type'];

const HEADERS: Readonly<Record<ResponseHeader, Json>> = {
  ETag: { description: "The key's revision, in quotes.", schema: { type: 'string' } },
  Location: { description: "The new key's path.", schema: { type: 'string', format: 'uri-reference' } },
  'Idempotent-Replayed': {
    description: '`true` if this is the response to an earlier request with the same `Idempotency-Key`.',
    schema: { type: 'string', const: 'true' },
  },
};

const IF_MATCH: Json = {
  name: 'If-Match',
  in: 'header',
  description: 'The revision that you read, in quotes. 412 if the key has changed since.',
  schema: { type: 'string' },
  example: '"3"',
};
const IDEMPOTENCY_KEY: Json = {
  name: 'Idempotency-Key',
  in: 'header',
  description:
    'A UUID, for example. A repeated request gets the same response for ten minutes. Later, or from another process, it gets 409. It never creates a second key.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
};

/** JSON Schema of one schema. */
export function jsonSchemaOf(schema: z.ZodType): Json {
  return withoutDialect(z.toJSONSchema(schema, { io: 'input' }));
}

function withoutDialect({ $schema: _, $id: __, ...schema }: Record<string, unknown>): Json {
  return schema;
}

const reference = (name: string) => `#/components/schemas/${name}`;

/** JSON Schemas of all named schemas. They refer to each other by name. */
function componentSchemas(named: ReadonlyMap<z.ZodType, string>): Json {
  const registry = z.registry<{ id: string }>();
  for (const [schema, id] of named) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { uri: reference, io: 'input' });
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, withoutDialect(schema)]));
}

function queryParameters(query: z.ZodObject): Json[] {
  return Object.entries(query.shape).map(([name, field]) => {
    const { description, ...schema } = jsonSchemaOf(field as z.ZodType);
    const isRequired = !(field as z.ZodType).safeParse(undefined).success;
    return { name, in: 'query', ...(isRequired && { required: true }), description, schema };
  });
}

function pathParameters(path: string): Json[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

/** Error codes of an operation, by status. */
function errorsOf(operation: Operation): Map<number, ErrorCode[]> {
  const codes = [
    ...(operation.errors ?? []),
    ...(operation.conditional ? (['precondition_failed'] as const) : []),
    ...(operation.idempotent ? (['idempotency_key_reused'] as const) : []),
    ...(isWrite(operation.method) ? ON_WRITE : []),
    ...(operation.body ? WITH_BODY : []),
    ...ALWAYS,
  ];
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set(codes)) {
    const { status } = ERRORS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return byStatus;
}

function describeCode(code: ErrorCode): string {
  return `\`${code}\`: ${ERRORS[code].title}.`;
}

/** The OpenAPI 3.1 document of the router's operations. */
export function createDocument(operations: readonly Operation[], named: ReadonlyMap<z.ZodType, string>): Json {
  function contentOf(type: string, schema: z.ZodType): Json {
    const name = named.get(schema);
    if (name === undefined) throw new TypeError('A schema of an operation has no name for the OpenAPI document.');
    return { [type]: { schema: { $ref: reference(name) } } };
  }
  const problem = { 'application/problem+json': { schema: { $ref: reference('Problem') } } };

  function responsesOf(operation: Operation): Json {
    const { status, description, schema, type = 'application/json', headers = [] } = operation.response;
    const responses: Record<string, Json> = {
      [status]: {
        description,
        ...(headers.length > 0 && { headers: Object.fromEntries(headers.map((name) => [name, HEADERS[name]])) }),
        ...(schema && { content: contentOf(type, schema) }),
      },
    };
    for (const [error, codes] of errorsOf(operation)) {
      responses[error] = { description: codes.map(describeCode).join(' '), content: problem };
    }
    return responses;
  }

  function operationOf(operation: Operation): Json {
    const { operationId, summary, description, query, body } = operation;
    const parameters = [
      ...(query ? queryParameters(query) : []),
      ...(operation.conditional ? [IF_MATCH] : []),
      ...(operation.idempotent ? [IDEMPOTENCY_KEY] : []),
    ];
    return {
      operationId,
      summary,
      ...(description && { description }),
      ...(parameters.length > 0 && { parameters }),
      ...(body && { requestBody: { required: true, content: contentOf('application/json', body) } }),
      responses: responsesOf(operation),
    };
  }

  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations) {
    const path = operation.path.replaceAll(/:(\w+)/g, '{$1}');
    const parameters = pathParameters(operation.path);
    paths[path] ??= parameters.length > 0 ? { parameters } : {};
    paths[path][operation.method.toLowerCase()] = operationOf(operation);
  }

  return {
    openapi: '3.1.0',
    info: {
      title: 'API keys',
      version: '1.0.0',
      description:
        "Manages API keys and project configurations. The application's own sign-in decides who can use it, and for which workspace; API keys do not work here. Times are ISO 8601 strings in UTC. Changes are accepted from pages of the same origin, and from programs that are not browsers.",
    },
    // Relative to the document, so that it works under any mount path.
    servers: [{ url: '.' }],
    paths,
    components: { schemas: componentSchemas(named) },
  };
}
