import type { Request } from 'express';
import { KeyscopeError } from '../errors';
import { JsonBounds } from './json-bounds';

const JSON_TYPE = /^application\/json[ \t]*(?:;[ \t]*charset[ \t]*=[ \t]*"?utf-8"?[ \t]*)?$/i;

function checkMediaType(req: Request): void {
  // A form on another site can send text/plain without a preflight request, so only JSON is accepted.
  if (!JSON_TYPE.test(req.headers['content-type'] ?? '')) {
    throw new KeyscopeError(
      'unsupported_media_type',
      'Send the body as JSON, in UTF-8: `Content-Type: application/json`.',
    );
  }
  if ((req.headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity') {
    throw new KeyscopeError('unsupported_media_type', 'Send the body without `Content-Encoding`.');
  }
}

function tooLarge(limit: number): KeyscopeError {
  return new KeyscopeError('payload_too_large', `Send at most ${limit} bytes.`);
}

function malformed(what: string): KeyscopeError {
  return new KeyscopeError('invalid_request', what, { issues: [{ path: '', message: what }] });
}

function tooComplex(): KeyscopeError {
  return malformed('The body has too many values, or is nested too deep.');
}

function receive(req: Request, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const bounds = new JsonBounds();
    let size = 0;

    function stop(): void {
      req.off('data', onData).off('end', onEnd).off('error', onAbort).off('close', onAbort);
    }
    function onData(chunk: Buffer): void {
      size += chunk.length;
      chunks.push(chunk);
      if (size <= limit && bounds.accept(chunk)) return;
      stop();
      reject(size > limit ? tooLarge(limit) : tooComplex());
    }
    function onEnd(): void {
      stop();
      resolve(Buffer.concat(chunks));
    }
    function onAbort(): void {
      stop();
      reject(malformed('The request ended before its body did.'));
    }
    if (req.destroyed) onAbort();
    else req.on('data', onData).on('end', onEnd).on('error', onAbort).on('close', onAbort);
  });
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Parses JSON. @throws {KeyscopeError} `invalid_request` */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch {
    // The parser's own message quotes the body.
    throw malformed('The body is not JSON in UTF-8.');
  }
}

/** Bytes that a middleware of the app has read; undefined if it has kept none. */
function bytesOf(body: unknown, limit: number): Uint8Array | undefined {
  if (typeof body !== 'string' && !(body instanceof Uint8Array)) return undefined;
  if (Buffer.byteLength(body) > limit) throw tooLarge(limit);
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  if (!new JsonBounds().accept(bytes)) throw tooComplex();
  return bytes;
}

/** The body as parsed by a middleware of the app, mounted before the router. */
function parsedByApp(req: Request, limit: number, router: string): unknown {
  const { body } = req as { body?: unknown };
  if (body === undefined) {
    throw new KeyscopeError(
      'internal_error',
      `A middleware before ${router} has read the body and left \`req.body\` empty.`,
    );
  }
  const bytes = bytesOf(body, limit);
  return bytes === undefined ? body : parseJson(bytes);
}

async function readOwn(req: Request, limit: number): Promise<Buffer> {
  // A parser that found no body has consumed the `end` event, which is not emitted again.
  return req.readableEnded ? Buffer.alloc(0) : receive(req, limit);
}

function checkLength(req: Request, limit: number): void {
  if (Number(req.headers['content-length'] ?? 0) > limit) throw tooLarge(limit);
}

/**
 * The JSON body of a request, whether or not the app has parsed it.
 *
 * @param router - Name of the function that the app has called, for a message.
 * @throws {KeyscopeError} `unsupported_media_type`, `payload_too_large`, `invalid_request`
 */
export async function readBody(req: Request, limit: number, router: string): Promise<unknown> {
  checkMediaType(req);
  checkLength(req, limit);
  if (req.readableDidRead) return parsedByApp(req, limit, router);
  return parseJson(await readOwn(req, limit));
}

/**
 * The bytes of a JSON body, for a signature over them. If a middleware of the app has read the body, it must have kept the
 * bytes, in `req.rawBody` or `req.body`.
 *
 * @param router - Name of the function that the app has called, for a message.
 * @throws {KeyscopeError} `unsupported_media_type`, `payload_too_large`, `invalid_request`
 */
export async function readRawBody(req: Request, limit: number, router: string): Promise<Uint8Array> {
  checkMediaType(req);
  checkLength(req, limit);
  if (!req.readableDidRead) return readOwn(req, limit);
  const { rawBody, body } = req as { rawBody?: unknown; body?: unknown };
  const bytes = bytesOf(rawBody, limit) ?? bytesOf(body, limit);
  if (bytes !== undefined) return bytes;
  throw new KeyscopeError(
    'internal_error',
    `A middleware before ${router} has parsed the body, and the signature is over its bytes. Mount ${router} before express.json().`,
  );
}
