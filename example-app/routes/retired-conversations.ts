import type { NextFunction, Request, Response } from 'express';
import { ApiError } from '../api-error';

/** `GET /v1/:account_id/:project_id/conversations`: gone for every caller, so no key is required. */
export function retiredConversations(req: Request, res: Response, next: NextFunction): void {
  const { account_id: account, project_id: project } = req.params;
  // The pattern also fits /v1/agents/:agentId/conversations, which was never version 1 of this.
  if (account === 'agents') {
    next();
    return;
  }
  const path = `/v3/${encodeURIComponent(String(account))}/${encodeURIComponent(String(project))}/conversations`;
  res.set('Link', `<${path}>; rel="successor-version"`);
  throw new ApiError(
    410,
    'API_VERSION_GONE',
    `Version 1 of the Conversations API is no longer supported. Use ${path}.`,
  );
}
