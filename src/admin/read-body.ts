import type { Request } from 'express';
import { KeyscopeError } from '../errors';

const JSON_TYPE = /^application\/json[ \t]*(?:;[ \t]*charset[ \t]*=[ \t]*"?utf-8"?[ \t]*)?$/i;

function checkMediaType(req: Request): void {
  // A form of another site can send text/plain without asking; only what says JSON counts.
  if (!JSON_TYPE.test(req.headers['content-type'] ?? '')) {
    throw new KeyscopeError(
      'unsupported_media_type',
      'Send the body as JSON, in UTF-8: `Content-Type: application/json`.',
    );
  }
  if ((req.headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity') {
    throw new KeyscopeError('unsupported_media_type', 'Send the body as it is, without `Content-Encoding`.');
  }
}

function tooLarge(limit: number): KeyscopeError {
  return new KeyscopeError('payload_too_large', `Send at most ${limit} bytes.`);
}

function malformed(what: string): KeyscopeError {
  return new KeyscopeError('invalid_request', what, { issues: [{ path: '', message: what }] });
}

function readBytes(req: Request, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;

    function stop(): void {
      req.off('data', onData).off('end', onEnd).off('error', onCut).off('close', onCut);
    }
    function onData(chunk: Buffer): void {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else {
        stop();
        reject(tooLarge(limit));
      }
    }
    function onEnd(): void {
      stop();
      resolve(Buffer.concat(chunks));
    }
    function onCut(): void {
      stop();
      reject(malformed('The request ended before its body did.'));
    }
    if (req.destroyed) onCut();
    else req.on('data', onData).on('end', onEnd).on('error', onCut).on('close', onCut);
  });
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function parseJson(bytes: Uint8Array | string): unknown {
  try {
    return JSON.parse(typeof bytes === 'string' ? bytes : utf8.decode(bytes));
  } catch {
    // What the parser says quotes the body.
    throw malformed('The body is not JSON in UTF-8.');
  }
}

/** What a body parser of the app, mounted before us, has made of the body. */
function parsedBefore(req: Request, limit: number): unknown {
  const { body } = req as { body?: unknown };
  if (body === undefined) {
    throw new KeyscopeError(
      'internal_error',
      'Something before adminRouter has read the body and left nothing in `req.body`.',
    );
  }
  if (typeof body !== 'string' && !(body instanceof Uint8Array)) return body;
  if (Buffer.byteLength(body) > limit) throw tooLarge(limit);
  return parseJson(body);
}

/**
 * The JSON body of a request, whether or not the app has parsed it before.
 *
 * @throws {KeyscopeError} `unsupported_media_type`, `payload_too_large`, `invalid_request`
 */
export async function readBody(req: Request, limit: number): Promise<unknown> {
  checkMediaType(req);
  if (Number(req.headers['content-length'] ?? 0) > limit) throw tooLarge(limit);
  if (req.readableDidRead) return parsedBefore(req, limit);
  // A parser that found nothing has read the end all the same, and it does not come again.
  return parseJson(req.readableEnded ? '' : await readBytes(req, limit));
}
