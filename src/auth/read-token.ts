import type { IncomingMessage } from 'node:http';
import type { KeyscopeError } from '../errors';
import type { Denial } from '../keys/authorize';
import { explainMalformed } from '../token/explain-malformed';

/** Headers that Node reads by default. Further ones are ignored: `server.maxHeadersCount`. */
const DEFAULT_HEADER_LIMIT = 1000;
/** Node reads the headers in batches of 32. A request with fewer is always complete. */
const BATCH = 32;

/** Source of the token in a request, and how responses and documents describe it. All other modules see only the token. */
export interface TokenReader {
  /** The token, if the request carries exactly one value that can be one. */
  read(req: IncomingMessage): string | undefined;
  /** Whether the request carries no token at all. An empty header counts as a token, because its caller meant to send one. */
  isAbsent(req: IncomingMessage): boolean;
  /** Denial of a request without a well-formed token. Called only then, so that other requests do not pay for it. */
  explain(req: IncomingMessage): Denial;
  /** The value of `WWW-Authenticate` for a 401 response. */
  challenge(error: KeyscopeError): string;
  /** Name of the request header that carries the token, for `Vary` and for examples. */
  readonly header: string;
  /** Name of the source, for the hint of `missing`. */
  readonly description: string;
  /** The OpenAPI security scheme. */
  readonly securityScheme: Readonly<Record<string, string>>;
}

/** Denial for malformed, unknown, deleted and wrong tokens. The response is the same for all of them, to prevent probing. */
export function invalidKey(reason: Denial['reason'], hint?: string): Denial {
  return { code: 'invalid_key', reason, message: 'The API key is not valid.', hint };
}

/** Denial of a string that is no token of this app. */
export function malformedKey(text: string, prefix: string): Denial {
  const { reason, hint } = explainMalformed(text, prefix);
  return invalidKey(reason, hint);
}

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

/** Counts a header up to 2. Node joins repeated headers into one string; only the raw ones show the repetition. */
function countRaw(rawHeaders: RawHeaders, header: string): number {
  if (rawHeaders === undefined) return 0;
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (name.length === header.length && name.toLowerCase() === header && ++count === 2) break;
  }
  return count;
}

/**
 * Reads tokens from a request header.
 *
 * @param header Name in lower case.
 * @param prefix Prefix of this app's tokens, for diagnosis.
 */
export function createTokenReader(options: {
  readonly header: string;
  readonly realm: string;
  readonly prefix: string;
}): TokenReader {
  const { header, realm, prefix } = options;
  const missing = (message: string): Denial => ({ code: 'missing_key', reason: 'missing', message });
  const duplicate = (message: string): Denial => ({ code: 'duplicate_key', reason: 'malformed', message });
  const MISSING = missing(`Send an API key in the ${header} header.`);
  const EMPTY = missing(`The ${header} header is empty. Send an API key in it.`);
  const DUPLICATE = duplicate(`Send the ${header} header once; it came more than once.`);
  const TOO_MANY_HEADERS = duplicate(
    'The request has too many headers to tell whether it has one API key. Send fewer.',
  );

  /** Own properties only: a header that objects have come to inherit authenticates no request. */
  function headerValue(req: IncomingMessage): unknown {
    const { headers } = req;
    return Object.hasOwn(headers, header) ? headers[header] : undefined;
  }

  /** Node joins repeated values with a comma and a space. No token contains a space. */
  function isRepeated(rawHeaders: RawHeaders, value: unknown): boolean {
    if (rawHeaders !== undefined) return countRaw(rawHeaders, header) > 1;
    return Array.isArray(value) || String(value).includes(', ');
  }

  return {
    read(req) {
      const value = headerValue(req);
      if (typeof value !== 'string' || value === '') return undefined;
      // Read once: V8 searches each property of Express' requests, because each has a hidden class of its own.
      const { rawHeaders } = req;
      return isRepeated(rawHeaders, value) || isAtHeaderLimit(req, rawHeaders) ? undefined : value;
    },
    isAbsent(req) {
      const { rawHeaders } = req;
      return headerValue(req) === undefined && countRaw(rawHeaders, header) === 0 && !isAtHeaderLimit(req, rawHeaders);
    },
    explain(req) {
      const value = headerValue(req);
      const { rawHeaders } = req;
      if (isRepeated(rawHeaders, value)) return DUPLICATE;
      if (isAtHeaderLimit(req, rawHeaders)) return TOO_MANY_HEADERS;
      if (value === undefined) return MISSING;
      if (value === '') return EMPTY;
      return malformedKey(String(value), prefix);
    },
    challenge: ({ code }) => `ApiKey realm="${realm}", error="${code}"`,
    header,
    description: `the ${header} header`,
    securityScheme: { type: 'apiKey', in: 'header', name: header, description: 'An API key, in one header.' },
  };
}
