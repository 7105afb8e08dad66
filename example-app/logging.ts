import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Request, RequestHandler, Response } from 'express';
import { type DestinationStream, pino } from 'pino';
import { pinoHttp } from 'pino-http';
import type { PlatformKeys } from './api-keys';

/** The path alone: queries can contain passwords, phone numbers and searches of transcripts. */
function pathOf(req: IncomingMessage): string {
  return ((req as Request).originalUrl ?? req.url ?? '').replace(/\?.*/s, '');
}

/**
 * One line of JSON per response: method, path, status, error code and the id of the key, never its token. Headers are not
 * logged at all.
 */
export function createRequestLog(apiKeys: PlatformKeys, destination?: DestinationStream): RequestHandler {
  const logger = pino({ base: null }, destination);
  apiKeys.on('store', (event) => logger.warn(event, 'store'));
  apiKeys.on('error', (error) => logger.error({ code: error.code, message: error.message }, 'keyscope'));

  return pinoHttp<Request, Response>({
    logger,
    serializers: {
      req: (req: { raw: IncomingMessage }) => ({ method: req.raw.method, path: pathOf(req.raw) }),
      res: (res: { raw: ServerResponse }) => ({ status: res.raw.statusCode }),
    },
    customProps: (req, res) => ({
      keyId: req.apiKey?.id,
      workspaceId: req.apiKey?.workspaceId,
      code: res.locals?.errorCode,
    }),
    // A 4xx is the caller's affair; a 5xx is ours.
    customLogLevel: (_req, res, error) => (error || res.statusCode >= 500 ? 'error' : 'info'),
  });
}
