import type { NextFunction, Request, Response } from 'express';
import { ERRORS, type KeyscopeError } from '../errors';

/** Replaces the body of an error response. The status, challenge and retry headers are set before it is called. */
export type ErrorResponder = (error: KeyscopeError, req: Request, res: Response, next: NextFunction) => void;

/** Configuration of error responses. */
export interface ProblemOptions {
  /** `WWW-Authenticate` of a 401 response (RFC 9110 section 11.6.1). */
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
  return problem;
}

/** Whole seconds after which asking again makes sense: the store's trouble is usually a restart or a failover. */
const RETRY_AFTER_SECONDS = '1';

/**
 * Answers a request with an error. Where the response has begun, nothing truthful can be said any more, so the
 * connection is cut: an ended response would look whole.
 */
export function sendProblem(
  error: KeyscopeError,
  req: Request,
  res: Response,
  next: NextFunction,
  options: ProblemOptions,
): void {
  if (res.headersSent) {
    res.destroy(error);
    return;
  }
  res.statusCode = error.status;
  res.setHeader('Cache-Control', 'no-store');
  if (error.status === 401) res.setHeader('WWW-Authenticate', options.challenge(error));
  if (error.code === 'store_unavailable') res.setHeader('Retry-After', RETRY_AFTER_SECONDS);
  if (options.onError) {
    options.onError(error, req, res, next);
    return;
  }
  res.setHeader('Content-Type', 'application/problem+json; charset=utf-8');
  res.end(req.method === 'HEAD' ? undefined : JSON.stringify(problemOf(error)));
}
