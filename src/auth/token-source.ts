import type { IncomingMessage } from 'node:http';
import type { Request } from 'express';
import { z } from 'zod';
import type { KeyscopeError } from '../errors';
import { callSource } from '../http/call-source';
import { countRawHeader, removeRequestHeaders } from '../http/edit-headers';
import { createReadQueryParameter, removeQueryParameter } from '../http/query-parameter';
import { headerName } from '../http/reserved-names';
import { type Denial, invalidKey } from '../keys/authorize';

/**
 * Where requests carry the token: a request header, `Authorization: Bearer` (RFC 6750), a query parameter, or a function of
 * the request.
 *
 * @example { header: 'x-api-key' }
 * @example 'bearer'
 * @example { query: 'api_key' }   // ends up in logs and histories; keyscope warns about it
 * @example (req) => req.cookies.api_key
 */
export type TokenSource =
  | 'bearer'
  | { readonly header: string }
  | { readonly query: string }
  | ((req: Request) => string | undefined);

/** A text that can be a token, null if the request carries none in this source, or the denial of what it carries. */
export type TokenFinding = string | Denial | null;

/** One source, compiled. */
export interface SourceReader {
  read(req: Request): TokenFinding;
  /** Removes the token from the request. Null: it cannot. */
  readonly hide: ((req: Request) => void) | null;
  /** The request headers that the token is read from, for `Vary`. */
  readonly vary: string;
  /** The end of "Send an API key …". */
  readonly place: string;
  /** Name of the source, for the hint of `missing`. */
  readonly description: string;
  /** The challenge of `WWW-Authenticate` in a 401 response. */
  challenge(error: KeyscopeError): string;
  readonly securityScheme: Readonly<Record<string, string>>;
  /** Where an example puts `{token}`. Null if only the app knows. */
  readonly example: TokenExample | null;
}

/** Header or query parameter of an example request. `{token}` in `value` stands for the token. */
export interface TokenExample {
  readonly in: 'header' | 'query';
  readonly name: string;
  readonly value: string;
}

/** Headers that Node reads by default. Further ones are ignored: `server.maxHeadersCount`. */
const DEFAULT_HEADER_LIMIT = 1000;
/** Node reads the headers in batches of 32. A request with fewer is always complete. */
const BATCH = 32;
const AUTHORIZATION = 'authorization';
const BEARER = 'bearer ';

const missing = (message: string): Denial => ({ code: 'missing_key', reason: 'missing', message });
export const duplicate = (message: string): Denial => ({ code: 'duplicate_key', reason: 'malformed', message });

const TOO_MANY_HEADERS = duplicate('The request has too many headers to tell whether it has one API key. Send fewer.');

/** Adapters for serverless platforms create requests without them. */
type RawHeaders = readonly string[] | undefined;

/** Whether Node can have dropped headers. */
function isAtHeaderLimit(req: IncomingMessage, rawHeaders: RawHeaders): boolean {
  const count = (rawHeaders?.length ?? 0) / 2;
  if (count < BATCH) return false;
  const { server } = (req.socket ?? {}) as { server?: { maxHeadersCount?: number | null } };
  const limit = server?.maxHeadersCount ?? DEFAULT_HEADER_LIMIT;
  return limit > 0 && count >= limit;
}

/** Node joins repeated values with a comma and a space. No token contains a space. */
function isRepeated(rawHeaders: RawHeaders, header: string, value: unknown): boolean {
  if (rawHeaders !== undefined) return countRawHeader(rawHeaders, header) > 1;
  return Array.isArray(value) || String(value).includes(', ');
}

/**
 * Compiles a reader of a header that the request must have at most once.
 *
 * @param tokenIn The token in the header's value. Empty if it has none, null if the value is about something else.
 */
function createReadHeader(header: string, tokenIn: (value: string) => string | null): SourceReader['read'] {
  const EMPTY = missing(`The ${header} header is empty. Send an API key in it.`);
  const REMOVED = missing(`Send an API key in the ${header} header.`);
  const DUPLICATE = duplicate(`Send the ${header} header once; it came more than once.`);

  return function readHeader(req) {
    // Each read once: V8 searches each property of Express' requests, because each has a hidden class of its own.
    const { headers, rawHeaders } = req;
    // Own properties only: a header that objects have come to inherit authenticates no request.
    const value = Object.hasOwn(headers, header) ? headers[header] : undefined;
    if (isRepeated(rawHeaders, header, value)) return DUPLICATE;
    if (isAtHeaderLimit(req, rawHeaders)) return TOO_MANY_HEADERS;
    // A middleware can have removed it from `headers`. Its caller meant to send a token, as with an empty header.
    if (value === undefined) return rawHeaders !== undefined && countRawHeader(rawHeaders, header) > 0 ? REMOVED : null;
    if (typeof value !== 'string') return invalidKey('malformed', `The ${header} header is not a string.`);
    const token = tokenIn(value);
    return token === '' ? EMPTY : token;
  };
}

/** RFC 6750 section 3.1. A request without a token gets no error code. */
function bearerError({ code }: KeyscopeError): string {
  if (code === 'missing_key') return '';
  return `, error="${code === 'duplicate_key' ? 'invalid_request' : 'invalid_token'}"`;
}

const inHeader = (name: string) => ({
  hide: (req: Request) => removeRequestHeaders(req, [name]),
  vary: name,
});

function bearerSource(realm: string): SourceReader {
  const tokenIn = (value: string) => {
    if (value.length < BEARER.length) return value.toLowerCase() === BEARER.trim() ? '' : null;
    return value.slice(0, BEARER.length).toLowerCase() === BEARER ? value.slice(BEARER.length).trim() : null;
  };
  return {
    ...inHeader(AUTHORIZATION),
    read: createReadHeader(AUTHORIZATION, tokenIn),
    place: 'as a bearer token in the authorization header',
    description: 'the authorization header (scheme Bearer)',
    challenge: (error) => `Bearer realm="${realm}"${bearerError(error)}`,
    securityScheme: { type: 'http', scheme: 'bearer', description: 'An API key as a bearer token.' },
    example: { in: 'header', name: 'Authorization', value: 'Bearer {token}' },
  };
}

/** A scheme of our own: none is registered for API keys. */
const apiKeyChallenge = (realm: string) => (error: KeyscopeError) => `ApiKey realm="${realm}", error="${error.code}"`;

function headerSource(header: string, realm: string): SourceReader {
  return {
    ...inHeader(header),
    read: createReadHeader(header, (value) => value),
    place: `in the ${header} header`,
    description: `the ${header} header`,
    challenge: apiKeyChallenge(realm),
    securityScheme: { type: 'apiKey', in: 'header', name: header, description: 'An API key, in one header.' },
    example: { in: 'header', name: header, value: '{token}' },
  };
}

function querySource(name: string, realm: string): SourceReader {
  const readParameter = createReadQueryParameter(name);
  const DUPLICATE = duplicate(`State the query parameter ${name} once.`);
  return {
    read(req) {
      const { value, ambiguous } = readParameter(req);
      return ambiguous ? DUPLICATE : (value ?? null);
    },
    hide: (req) => removeQueryParameter(req, name),
    vary: '',
    place: `in the query parameter ${name}`,
    description: `the query parameter ${name}`,
    challenge: apiKeyChallenge(realm),
    securityScheme: { type: 'apiKey', in: 'query', name, description: 'An API key, in the URL.' },
    example: { in: 'query', name, value: '{token}' },
  };
}

function functionSource(source: (req: Request) => unknown, realm: string): SourceReader {
  return {
    read(req) {
      const value = callSource(source, req, 'tokenSource');
      if (value === undefined || value === null || value === '') return null;
      if (typeof value === 'string') return value;
      return invalidKey('malformed', 'The function in `tokenSource` returned neither a string nor undefined.');
    },
    hide: null,
    // It can read any part of a request.
    vary: '*',
    place: 'with the request',
    description: 'the function in `tokenSource`',
    challenge: apiKeyChallenge(realm),
    securityScheme: {
      type: 'http',
      scheme: 'apikey',
      description: 'An API key. The description of the API says where.',
    },
    example: null,
  };
}

export function compileTokenSource(source: TokenSource, realm: string): SourceReader {
  if (source === 'bearer') return bearerSource(realm);
  if (typeof source === 'function') return functionSource(source, realm);
  return 'query' in source ? querySource(source.query, realm) : headerSource(source.header, realm);
}

const FORMS =
  "Expected { header: 'x-api-key' }, 'bearer', { query: 'api_key' }, a function of the request, or an array of these.";

const sourceSchema = z.union(
  [
    z.literal('bearer'),
    z.strictObject({ header: headerName }),
    z.strictObject({ query: z.string().min(1).max(64) }),
    z.custom<(req: Request) => string | undefined>((value) => typeof value === 'function'),
  ],
  { error: FORMS },
);

/** The option `tokenSource`, as an array. */
export const tokenSourcesSchema = z
  .union([sourceSchema, z.array(sourceSchema).min(1).max(8)], { error: FORMS })
  .transform((given): readonly TokenSource[] => (Array.isArray(given) ? given : [given]));
