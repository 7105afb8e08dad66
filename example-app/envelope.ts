import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import { KeyscopeError } from 'keyscope';
import { ApiError } from './api-error';

export const CORRELATION_HEADER = 'X-PolyAI-Correlation-Id';

/** Ids that callers may choose: short, and harmless in headers and logs. */
const CORRELATION_ID = /^[\w.-]{8,64}$/;

/** Gives every response the id that the caller sent, or a new one. Error envelopes repeat it as `error_id`. */
export const correlate: RequestHandler = function correlate(req, res, next) {
  const sent = req.get(CORRELATION_HEADER) ?? '';
  res.setHeader(CORRELATION_HEADER, CORRELATION_ID.test(sent) ? sent : randomUUID());
  next();
};

/** Handoff and External events are older than the envelope: their errors are `{ error_message }`. */
export const plainErrors: RequestHandler = function plainErrors(_req, res, next) {
  res.locals.plainErrors = true;
  next();
};

function bodyOf(res: Response, code: string, message: string): Record<string, unknown> {
  if (res.locals.plainErrors === true) return { error_message: message };
  return {
    success: false,
    error: message,
    error_id: res.getHeader(CORRELATION_HEADER),
    error_code: code,
    error_message: message,
    data: null,
  };
}

function send(res: Response, status: number, code: string, message: string): void {
  res.locals.errorCode = code;
  res.status(status).json(bodyOf(res, code, message));
}

/** For keyscope's `onError`: its errors in the platform's envelope. Status and `WWW-Authenticate` are set already. */
export function sendKeyscopeError(error: KeyscopeError, _req: unknown, res: Response): void {
  send(res, error.status, error.code.toUpperCase(), error.message);
}

export const notFound: RequestHandler = function notFound(req) {
  throw new ApiError(404, 'NOT_FOUND', `There is no ${req.method} ${req.path}.`);
};

/** Errors of Express and its body parsers for bad requests: a status, and `expose` if the message is for the caller. */
function isHttpError(error: unknown): error is Error & { status: number } {
  const { status, expose } = error as { status?: unknown; expose?: unknown };
  return error instanceof Error && typeof status === 'number' && status >= 400 && status < 500 && expose !== false;
}

/** Responds to every error. Unexpected errors are reported; the caller receives a bare 500. */
export function createErrorHandler(report: (error: unknown) => void): ErrorRequestHandler {
  return function sendError(error: unknown, _req, res, _next) {
    if (res.headersSent) {
      // The response has begun. Ending it would make half a body look whole.
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
