import type { Request } from 'express';
import { z } from 'zod';
import { KeyscopeError } from '../errors';
import { parseInput } from '../validate-input';
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

function readBytes(req: Request, limit: number): Promise<Buffer> {
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

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch {
    // The parser's own message quotes the body.
    throw malformed('The body is not JSON in UTF-8.');
  }
}

/** The body as parsed by a middleware of the app, mounted before this router. */
function parsedByApp(req: Request, limit: number): unknown {
  const { body } = req as { body?: unknown };
  if (body === undefined) {
    throw new KeyscopeError(
      'internal_error',
      'A middleware before adminRouter has read the body and left `req.body` empty.',
    );
  }
  if (typeof body !== 'string' && !(body instanceof Uint8Array)) return body;
  if (Buffer.byteLength(body) > limit) throw tooLarge(limit);
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  if (!new JsonBounds().accept(bytes)) throw tooComplex();
  return parseJson(bytes);
}

/**
 * The JSON body of a request, whether or not the app has parsed it.
 *
 * @throws {KeyscopeError} `unsupported_media_type`, `payload_too_large`, `invalid_request`
 */
export async function readBody(req: Request, limit: number): Promise<unknown> {
  checkMediaType(req);
  if (Number(req.headers['content-length'] ?? 0) > limit) throw tooLarge(limit);
  if (req.readableDidRead) return parsedByApp(req, limit);
  // A parser that found no body has consumed the `end` event, which is not emitted again.
  return parseJson(req.readableEnded ? Buffer.alloc(0) : await readBytes(req, limit));
}

/**
 * Checks that a body is an object with the fields of a schema only. The values are validated later, by the service.
 *
 * @throws {KeyscopeError} `invalid_request`
 */
export function checkFieldNames(schema: z.ZodObject, body: unknown): void {
  const names = Object.keys(schema.shape).map((name) => [name, z.unknown().optional()]);
  parseInput(z.strictObject(Object.fromEntries(names)), body, 'The request');
}
