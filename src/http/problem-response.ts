import type { NextFunction, Request, Response } from 'express';
import { ERRORS, type KeyscopeError } from '../errors';
import { destroyResponse } from './destroy-response';

/**
 * Replaces the body of an error response. Status, `WWW-Authenticate`, `Retry-After` and `RateLimit` are set before it is called. If it
 * throws or rejects, the error goes to `next`.
 */
export type ErrorResponder = (error: KeyscopeError, req: Request, res: Response, next: NextFunction) => unknown;

/** The configuration of error responses. */
export interface ProblemOptions {
  /** The value of `WWW-Authenticate` (RFC 9110 section 11.6.1) in a 401 response. */
  readonly challenge: (error: KeyscopeError) => string;
  readonly onError?: ErrorResponder;
}

/** The RFC 9457 document of an error. */
export function problemOf(error: KeyscopeError): Record<string, unknown> {
  const problem: Record<string, unknown> = {
    type: `urn:keyscope:problem:${error.code}`,
    title: ERRORS[error.code].title,
    status: error.status,
    detail: error.message,
    code: error.code,
  };
  if (error.issues.length > 0) problem.issues = error.issues;
  // draft-ietf-httpapi-ratelimit-headers-10, section 3.
  if (error.limit !== null) problem['violated-policies'] = [error.limit.name];
  return problem;
}

/**
 * A thrown value as an error for `next`. Without it, `next(undefined)` and `next('route')` would run the handler of a denied request.
 */
export function errorForNext(thrown: unknown): object {
  if (typeof thrown === 'object' && thrown !== null) return thrown;
  return new Error('A function of the application failed without an error.', { cause: thrown });
}

/** Seconds after which a caller can retry. Most outages of a store are restarts or failovers. */
const RETRY_AFTER_SECONDS = '1';

/**
 * Responds to a request with an error. If the headers have been sent, the connection is destroyed: an ended response
 * would look complete.
 */
export function sendProblem(
  error: KeyscopeError,
  req: Request,
  res: Response,
  next: NextFunction,
  { challenge, onError }: ProblemOptions,
): void {
  if (res.headersSent) {
    destroyResponse(res, error);
    return;
  }
  res.statusCode = error.status;
  res.setHeader('Cache-Control', 'no-store');
  if (error.status === 401) res.setHeader('WWW-Authenticate', challenge(error));
  if (error.code === 'store_unavailable') res.setHeader('Retry-After', RETRY_AFTER_SECONDS);
  if (error.limit !== null) res.setHeader('Retry-After', String(error.limit.retryAfter));
  if (onError !== undefined) {
    const forward = (thrown: unknown): void => next(errorForNext(thrown));
    try {
      // An async responder that rejects would otherwise end the process.
      Promise.resolve(onError(error, req, res, next)).catch(forward);
    } catch (thrown) {
      forward(thrown);
    }
    return;
  }
  res.setHeader('Content-Type', 'application/problem+json; charset=utf-8');
  res.end(req.method === 'HEAD' ? undefined : JSON.stringify(problemOf(error)));
}
