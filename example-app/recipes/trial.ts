import { type Request, type RequestHandler, Router } from 'express';
import type { ApiKeys } from 'keyscope';
import type { Logger } from 'pino';
import type { Permission } from './api-keys';

/** The home-made check that keyscope is to replace. */
export type OldCheck = (req: Request) => boolean;

/** A route whose requests are decided by the old check. keyscope decides beside it, and reports where it differs. */
export function watchTrial(apiKeys: ApiKeys<Permission>, oldCheck: OldCheck, logger: Logger): Router {
  const routes = Router();
  const requireOldKey: RequestHandler = (req, res, next) => {
    if (oldCheck(req)) next();
    else res.status(403).json({ title: 'This key may not do this.', status: 403 });
  };
  apiKeys.on('reported', (event) => logger.info(event, 'trial'));
  routes.get(
    '/projects/:project/calls',
    apiKeys.requireApiKey('calls', {
      mode: 'report',
      agent: 'project',
      compareWith: (_req, res) => res.statusCode !== 403,
    }),
    apiKeys.redactResponse({ mode: 'report', conversations: 'calls[*]', transcript: 'transcript' }),
    requireOldKey,
    (_req, res) => {
      res.json({ calls: [{ id: 'c1', transcript: 'Hello. I would like to order.' }] });
    },
  );
  return routes;
}
