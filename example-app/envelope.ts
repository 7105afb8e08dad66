import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import { KeyscopeError } from 'keyscope';
import { ApiError } from './api-error';

export const CORRELATION_HEADER = 'X-PolyAI-Correlation-Id';

/** Gives every response an id of its own, which its error envelope repeats as `error_id`. */
export const correlate: RequestHandler = function correlate(_req, res, next) {
  res.setHeader(CORRELATION_HEADER, randomUUID());
  next();
};

/** Handoff and External events are older than the envelope: their errors are `{ error_message }`. */
export const plainErrors: RequestHandler = function plainErrors(_req, res, next) {
  res.locals.plainErrors = true;
  next();
};

function bodyOf(res: Response, status: number, code: string, message: string): Record<string, unknown> {
  if (res.locals.plainErrors === true) return { error_message: message };
  return {
    success: false,
    error: STATUS_CODES[status] ?? 'Error',
    error_id: res.getHeader(CORRELATION_HEADER),
    error_code: code,
    error_message: message,
    data: null,
  };
}

function send(res: Response, status: number, code: string, message: string): void {
  res.status(status).json(bodyOf(res, status, code, message));
}

/** For keyscope's `onError`: its refusals in the platform's own envelope. Status and challenge are set already. */
export function sendKeyscopeError(error: KeyscopeError, _req: unknown, res: Response): void {
  send(res, error.status, error.code.toUpperCase(), error.message);
}

export const notFound: RequestHandler = function notFound(req) {
  throw new ApiError(404, 'NOT_FOUND', `There is no ${req.method} ${req.path}.`);
};

/** What Express and its body parsers raise for bad requests: a status, and `expose` where the message is the caller's. */
function isHttpError(error: unknown): error is Error & { status: number } {
  const { status, expose } = error as { status?: unknown; expose?: unknown };
  return error instanceof Error && typeof status === 'number' && status >= 400 && status < 500 && expose !== false;
}

/** The last word on every error. Anything unforeseen is reported, and told to the caller as nothing but a 500. */
export function createErrorHandler(report: (error: unknown) => void): ErrorRequestHandler {
  return function answerError(error: unknown, _req, res, _next) {
    if (res.headersSent) {
      // The response has begun. Ending it would make half an answer look whole.
      report(error);
      res.destroy();
      return;
    }
    if (error instanceof ApiError) send(res, error.status, error.code, error.message);
    else if (error instanceof KeyscopeError) send(res, error.status, error.code.toUpperCase(), error.message);
    else if (isHttpError(error)) {
      const code = (STATUS_CODES[error.status] ?? 'BAD_REQUEST').toUpperCase().replaceAll(/[^A-Z]+/g, '_');
      send(res, error.status, code, error.message);
    } else {
      report(error);
      send(
        res,
        500,
        'INTERNAL_SERVER_ERROR',
        'Something went wrong on our side. Quote the correlation id of this response.',
      );
    }
  };
}
