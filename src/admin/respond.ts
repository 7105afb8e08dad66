import { pipeline } from 'node:stream/promises';
import type { NextFunction, Request, Response } from 'express';
import { KeyscopeError } from '../errors';
import { sendProblem } from '../http/problem-response';
import { inputError } from '../validate-input';
import type { OperationResponse } from './handler';

/** Headers of every response: not cached, not sniffed, not embedded by other sites. */
export function setCommonHeaders(res: Response): void {
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('X-Content-Type-Options', 'nosniff');
  res.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
}

export function sendResponse(req: Request, res: Response, { status, body, headers = {} }: OperationResponse): void {
  res.statusCode = status;
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  if (body === undefined) {
    res.end();
    return;
  }
  const json = JSON.stringify(body);
  res.setHeader('Content-Type', 'application/json; charset=utf-8');
  res.setHeader('Content-Length', Buffer.byteLength(json));
  res.end(req.method === 'HEAD' ? undefined : json);
}

type Lines = Pick<OperationResponse, 'status' | 'headers'> & { readonly lines: AsyncGenerator<string> };

async function* continued(first: string, rest: AsyncGenerator<string>): AsyncGenerator<string> {
  yield first;
  yield* rest;
}

/**
 * Sends JSON lines as they are read. An error before the first line is thrown; after it, the connection is destroyed, so
 * that the body does not look complete.
 */
export async function sendLines(req: Request, res: Response, { status, headers = {}, lines }: Lines): Promise<void> {
  const first = await lines.next();
  res.statusCode = status;
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  res.setHeader('Content-Type', 'application/jsonl; charset=utf-8');
  if (first.done || req.method === 'HEAD') {
    await lines.return(undefined);
    res.end();
    return;
  }
  try {
    await pipeline(continued(first.value, lines), res);
  } catch (error) {
    // The client has left.
    if ((error as { code?: unknown }).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

const UNEXPECTED_MESSAGE = 'Unexpected server error. The server has reported the cause.';

/** The error to report and to send. An unexpected error shows nothing of its cause to the operator. */
export function toKeyscopeError(thrown: unknown): KeyscopeError {
  const isExpected = thrown instanceof KeyscopeError && thrown.code !== 'invalid_options';
  return isExpected ? thrown : new KeyscopeError('internal_error', UNEXPECTED_MESSAGE, { cause: thrown });
}

/** An input error that names the request instead of the function behind it. */
function namingRequest(error: KeyscopeError): KeyscopeError {
  const { code, issues } = error;
  const isInput = (code === 'invalid_request' || code === 'immutable_field') && issues.length > 0;
  return isInput ? inputError('Invalid request', issues, code) : error;
}

/** Sends a problem document. `challenge` is the `WWW-Authenticate` of a 401 response. */
export function sendError(
  error: KeyscopeError,
  req: Request,
  res: Response,
  next: NextFunction,
  challenge: string,
): void {
  // The rest of the body is not read: it may never end.
  if (error.code === 'payload_too_large' && !res.headersSent) res.setHeader('Connection', 'close');
  sendProblem(namingRequest(error), req, res, next, { challenge: () => challenge });
}
