import type { IncomingMessage } from 'node:http';
import { KeyscopeError } from '../errors';

/** How often the request carries the header. Node joins repeated headers into one text; only the raw ones tell. */
function countRaw(req: IncomingMessage, header: string): number {
  let count = 0;
  for (let index = 0; index < req.rawHeaders.length; index += 2) {
    if (req.rawHeaders[index]?.toLowerCase() === header) count += 1;
  }
  return count;
}

/** No header at all: the one case that `optional: true` lets pass. An empty header is a client that meant to send a key. */
export function isAnonymous(req: IncomingMessage, header: string): boolean {
  return req.headers[header] === undefined && countRaw(req, header) === 0;
}

/**
 * Why a request has no well-formed token. Called only once that is certain, so that the usual request does not pay for
 * it: a repeated header is never well formed, because Node joins the values with a comma, which no token contains.
 */
export function missingOrMalformedToken(req: IncomingMessage, header: string): KeyscopeError {
  if (countRaw(req, header) > 1 || Array.isArray(req.headers[header])) {
    return new KeyscopeError('duplicate_key', `Send the ${header} header once; it came more than once.`);
  }
  const value = req.headers[header];
  if (value === undefined) return new KeyscopeError('missing_key', `Send an API key in the ${header} header.`);
  if (value === '') {
    return new KeyscopeError('missing_key', `The ${header} header is empty. Send an API key in it.`);
  }
  return invalidKey();
}

/** One answer for malformed, unknown, deleted and wrong: which of them it was is nobody's business. */
export function invalidKey(): KeyscopeError {
  return new KeyscopeError('invalid_key', 'The API key is not valid. Check that it was copied whole.');
}
