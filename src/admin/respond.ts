import type { Request, Response } from 'express';
import { KeyscopeError } from '../errors';
import { problemOf } from '../http/problem-response';
import { inputError } from '../validate-input';
import type { Answer } from './handler';

const JSON_TYPE = 'application/json; charset=utf-8';
const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/** For every answer: nothing is kept by caches, taken for another type, or embedded by other sites. */
export function setCommonHeaders(res: Response): void {
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('X-Content-Type-Options', 'nosniff');
  res.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
}

function end(req: Request, res: Response, body: unknown, type: string): void {
  const text = JSON.stringify(body);
  res.setHeader('Content-Type', type);
  res.setHeader('Content-Length', Buffer.byteLength(text));
  res.end(req.method === 'HEAD' ? undefined : text);
}

export function sendAnswer(req: Request, res: Response, { status, body, headers = {} }: Answer): void {
  res.statusCode = status;
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  if (body === undefined) res.end();
  else end(req, res, body, JSON_TYPE);
}

const UNFORESEEN = 'Something went wrong on the server. It is not the request; what it was has been reported there.';

/** The error to report and to answer with. What nobody foresaw says nothing of itself to the caller. */
export function toKeyscopeError(thrown: unknown): KeyscopeError {
  const foreseen = thrown instanceof KeyscopeError && thrown.code !== 'invalid_options';
  return foreseen ? thrown : new KeyscopeError('internal_error', UNFORESEEN, { cause: thrown });
}

/** What was wrong with an input, in the words of a request rather than of the function behind it. */
function inRequestWords(error: KeyscopeError): KeyscopeError {
  const { code, issues } = error;
  const isInput = (code === 'invalid_request' || code === 'immutable_field') && issues.length > 0;
  return isInput ? inputError('The request cannot be taken', issues, code) : error;
}

export function sendError(req: Request, res: Response, error: KeyscopeError, challenge: string): void {
  if (res.headersSent) {
    res.destroy(error);
    return;
  }
  res.statusCode = error.status;
  if (error.status === 401) res.setHeader('WWW-Authenticate', challenge);
  if (error.code === 'store_unavailable') res.setHeader('Retry-After', '1');
  // The rest of the body is not worth waiting for, and an endless one would never be read.
  if (error.code === 'payload_too_large') res.setHeader('Connection', 'close');
  end(req, res, problemOf(inRequestWords(error)), PROBLEM_TYPE);
}
