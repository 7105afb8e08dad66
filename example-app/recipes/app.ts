import compression from 'compression';
import cors from 'cors';
import express, { type ErrorRequestHandler, type Express, type Request } from 'express';
import helmet from 'helmet';
import type { ApiKeys, GithubSecretScanningOptions } from 'keyscope';
import type { Logger } from 'pino';
import { pinoHttp } from 'pino-http';
import type { Permission } from './api-keys';
import { createCallRoutes } from './calls';
import { createExportRoutes } from './exports';
import { limitFailures } from './floods';
import { createLeakRoutes } from './leaks';
import { createManagementRoutes, type Operators } from './management';
import { createMessageRoutes } from './messages';
import { type OldCheck, watchTrial } from './trial';

export interface AppOptions {
  readonly apiKeys: ApiKeys<Permission>;
  readonly logger: Logger;
  /** Base URL of the service that stores messages. */
  readonly messageService: string;
  readonly operators: Operators;
  /** The check that keyscope is to replace on one route. */
  readonly oldCheck: OldCheck;
  /** Fetches the keys by which GitHub signs reports of leaked tokens. */
  readonly githubKeys: GithubSecretScanningOptions['publicKeys'];
}

/** Failures of handlers. Those of keyscope are answered by its own problem documents. */
const sendError: ErrorRequestHandler = (error, req, res, next) => {
  if (res.headersSent) {
    next(error);
    return;
  }
  req.log.error(error);
  res.status(500).json({ title: 'The request failed.', status: 500 });
};

/** An API with the middleware that most have in front of their routes. */
export function createApp(options: AppOptions): Express {
  const { apiKeys, logger, messageService, operators, oldCheck, githubKeys } = options;
  const app = express();
  // One proxy in front: `allowedIps` of keys then sees the address of the client.
  app.set('trust proxy', 1);
  app.use(
    pinoHttp({
      logger,
      redact: ['req.headers.authorization', 'req.headers["x-api-key"]'],
      // Is called at the beginning, when there is no key yet, and when the response has ended.
      customProps: (req) => ({ keyId: (req as Request).apiKey?.id }),
    }),
  );
  app.use(helmet());
  // Before requireApiKey, so that preflights, which carry no key, are answered here.
  app.use(cors({ origin: 'https://app.example.com', exposedHeaders: ['Redacted', 'RateLimit', 'RateLimit-Policy'] }));
  app.use(compression({ threshold: 0 }));
  app.use(limitFailures(30));
  app.use('/v1/projects/:project/calls', createCallRoutes(apiKeys));
  app.use('/v1/exports', createExportRoutes(apiKeys));
  app.use('/v1/messages', createMessageRoutes(apiKeys, messageService));
  app.use('/v0', watchTrial(apiKeys, oldCheck, logger));
  app.use('/leaks', createLeakRoutes(apiKeys, githubKeys));
  app.use('/admin', createManagementRoutes(apiKeys, operators));
  app.use(sendError);
  return app;
}
