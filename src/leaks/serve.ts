import type { NextFunction, Request, Response } from 'express';
import { KeyscopeError } from '../errors';
import { type ErrorResponder, sendProblem } from '../http/problem-response';

/** Parts that the handlers of this folder share. */
export interface ServeDeps {
  readonly report: (error: KeyscopeError) => void;
  readonly onError?: ErrorResponder;
}

const UNEXPECTED_MESSAGE = 'Unexpected server error. The server has reported the cause.';

function toError(thrown: unknown): KeyscopeError {
  const isExpected = thrown instanceof KeyscopeError && thrown.code !== 'invalid_options';
  return isExpected ? thrown : new KeyscopeError('internal_error', UNEXPECTED_MESSAGE, { cause: thrown });
}

/** Runs a handler for POST requests. Errors become problem documents. */
export function servePost(
  handle: (req: Request, res: Response) => Promise<void>,
  { report, onError }: ServeDeps,
  challenge: string,
) {
  return function serve(req: Request, res: Response, next: NextFunction): void {
    res.setHeader('Cache-Control', 'no-store');
    async function run(): Promise<void> {
      if (req.method !== 'POST') {
        res.setHeader('Allow', 'POST');
        throw new KeyscopeError('method_not_allowed', 'This path accepts POST.');
      }
      await handle(req, res);
    }
    run()
      .catch((thrown: unknown) => {
        const error = toError(thrown);
        if (error.status >= 500) report(error);
        // The rest of the body is not read: it may never end.
        if (error.code === 'payload_too_large' && !res.headersSent) res.setHeader('Connection', 'close');
        sendProblem(error, req, res, next, { challenge: () => challenge, ...(onError && { onError }) });
      })
      // If sending the error failed.
      .catch(next);
  };
}

export function sendJson(res: Response, body: unknown): void {
  const json = JSON.stringify(body);
  res.statusCode = 200;
  res.setHeader('Content-Type', 'application/json; charset=utf-8');
  res.setHeader('Content-Length', Buffer.byteLength(json));
  res.end(json);
}
