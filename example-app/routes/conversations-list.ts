import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { type Filter, parseFilter } from '../query/filter';
import { find } from '../query/find';
import { sendPage } from '../stream-page';
import { inPath, type Platform, projectOf, requireProject } from './project';

/** `turns` and `metrics` are keyscope's defaults. These two members repeat a metric, so they are sent only with it. */
export const LIST_REDACTION = {
  metricAliases: { HANDOFF_REASON: 'handoff_reason', HANDOFF_TO: 'handoff_destination' },
} as const;

function readFilter(req: Request, res: Response, next: NextFunction): void {
  res.locals.filter = parseFilter(req.query, projectOf(res));
  next();
}

function filterOf(res: Response): Filter {
  return res.locals.filter as Filter;
}

/** The handlers before the page itself; the proxied copy of this route has the same. */
export function guardConversations(platform: Platform): RequestHandler[] {
  const requireTranscript = platform.apiKeys.requireFeature('transcript');

  /**
   * Clearing `turns` is not enough if the caller may search: with enough searches the results spell the transcript out.
   * A search requires the feature.
   */
  function guardSearch(req: Request, res: Response, next: NextFunction): void {
    if (filterOf(res).search === null) next();
    else requireTranscript(req, res, next);
  }

  return [
    ...requireProject(platform, 'conversations', inPath),
    readFilter,
    guardSearch,
    platform.apiKeys.redactResponse(LIST_REDACTION),
  ];
}

/** `GET /v3/:account_id/:project_id/conversations` */
export function conversationsList(platform: Platform): RequestHandler[] {
  async function listConversations(req: Request, res: Response): Promise<void> {
    const project = projectOf(res);
    const filter = filterOf(res);
    const page = find(project, platform.data.conversationsOf(project), filter);
    await sendPage(req, res, page, filter.limit);
  }

  return [...guardConversations(platform), listConversations];
}
