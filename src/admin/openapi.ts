import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../errors';
import type { AnswerHeader, Route } from './operation';
import { isWrite } from './operation';

/** A JSON Schema, or another part of an OpenAPI document. */
export type Json = Readonly<Record<string, unknown>>;

/** What may go wrong with every operation, and with every one that changes something. */
const ALWAYS: readonly ErrorCode[] = ['invalid_request', 'unauthenticated', 'internal_error', 'store_unavailable'];
const ON_WRITE: readonly ErrorCode[] = ['read_only', 'cross_origin'];
const WITH_BODY: readonly ErrorCode[] = ['payload_too_large', 'unsupported_media_type'];

const HEADERS: Readonly<Record<AnswerHeader, Json>> = {
  ETag: { description: "The key's revision, in quotes.", schema: { type: 'string' } },
  Location: { description: "The new key's path.", schema: { type: 'string', format: 'uri-reference' } },
  'Idempotent-Replayed': {
    description: '`true` where this is the answer to an earlier request with the same `Idempotency-Key`.',
    schema: { type: 'string', const: 'true' },
  },
};

const IF_MATCH: Json = {
  name: 'If-Match',
  in: 'header',
  description: 'The revision that was seen, in quotes: 412 where the key has changed since.',
  schema: { type: 'string' },
  example: '"3"',
};
const IDEMPOTENCY_KEY: Json = {
  name: 'Idempotency-Key',
  in: 'header',
  description:
    'A UUID or the like. The same request again, within ten minutes, gets the same answer; later, or from another process, 409: never a second key.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
};

function withoutDialect({ $schema: _, $id: __, ...schema }: Record<string, unknown>): Json {
  return schema;
}

const reference = (name: string) => `#/components/schemas/${name}`;

/** The JSON Schemas of all that has a name, referring to each other by it. */
function componentSchemas(named: ReadonlyMap<z.ZodType, string>): Json {
  const registry = z.registry<{ id: string }>();
  for (const [schema, id] of named) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { uri: reference, io: 'input' });
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, withoutDialect(schema)]));
}

function queryParameters(query: z.ZodObject): Json[] {
  return Object.entries(query.shape).map(([name, field]) => {
    const { description, ...schema } = withoutDialect(z.toJSONSchema(field as z.ZodType, { io: 'input' }));
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

/** Every code an operation may answer with, by status. */
function errorsOf(route: Route): Map<number, ErrorCode[]> {
  const codes = [
    ...(route.errors ?? []),
    ...(route.conditional ? (['precondition_failed'] as const) : []),
    ...(route.idempotent ? (['idempotency_key_reused'] as const) : []),
    ...(isWrite(route.method) ? ON_WRITE : []),
    ...(route.body ? WITH_BODY : []),
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

/** How the router's operations look to programs: the OpenAPI 3.1 document of its routes. */
export function createDocument(routes: readonly Route[], named: ReadonlyMap<z.ZodType, string>): Json {
  function contentOf(type: string, schema: z.ZodType): Json {
    const name = named.get(schema);
    if (name === undefined) throw new TypeError('A schema of a route has no name for the OpenAPI document.');
    return { [type]: { schema: { $ref: reference(name) } } };
  }
  const problem = { 'application/problem+json': { schema: { $ref: reference('Problem') } } };

  function responsesOf(route: Route): Json {
    const { status, description, schema, headers = [] } = route.answer;
    const responses: Record<string, Json> = {
      [status]: {
        description,
        ...(headers.length > 0 && { headers: Object.fromEntries(headers.map((name) => [name, HEADERS[name]])) }),
        ...(schema && { content: contentOf('application/json', schema) }),
      },
    };
    for (const [error, codes] of errorsOf(route)) {
      responses[error] = { description: codes.map(describeCode).join(' '), content: problem };
    }
    return responses;
  }

  function operationOf(route: Route): Json {
    const { operationId, summary, description, query, body } = route;
    const parameters = [
      ...(query ? queryParameters(query) : []),
      ...(route.conditional ? [IF_MATCH] : []),
      ...(route.idempotent ? [IDEMPOTENCY_KEY] : []),
    ];
    return {
      operationId,
      summary,
      ...(description && { description }),
      ...(parameters.length > 0 && { parameters }),
      ...(body && { requestBody: { required: true, content: contentOf('application/json', body) } }),
      responses: responsesOf(route),
    };
  }

  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    const parameters = pathParameters(route.path);
    paths[path] ??= parameters.length > 0 ? { parameters } : {};
    paths[path][route.method.toLowerCase()] = operationOf(route);
  }

  return {
    openapi: '3.1.0',
    info: {
      title: 'API keys',
      version: '1.0.0',
      description:
        "Manages API keys and what projects let out. Who may, and for which workspace, is decided by the application's own sign-in; an API key opens nothing here. Times are ISO 8601 text in UTC. Changes are only taken from pages of the same origin, and from programs that are no browsers.",
    },
    // Relative to the document itself, so under whichever path the router is mounted.
    servers: [{ url: '.' }],
    paths,
    components: { schemas: componentSchemas(named) },
  };
}
