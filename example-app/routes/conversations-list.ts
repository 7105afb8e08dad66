import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { Conversation } from '../data/model';
import { type Filter, parseFilter } from '../query/filter';
import { type Continuation, find } from '../query/find';
import { streamPage } from '../stream-page';
import { inPath, type Platform, projectOf, requireProject } from './project';

/** Pages longer than this leave conversation by conversation instead of being put together first. */
export const LONGEST_WHOLE_PAGE = 100;

/**
 * `turns` and `metrics` are keyscope's defaults. These two members repeat metrics, so they are told only where the metric is.
 */
export const LIST_REDACTION = {
  metricAliases: { HANDOFF_REASON: 'handoff_reason', HANDOFF_TO: 'handoff_destination' },
} as const;

function readFilter(req: Request, res: Response, next: NextFunction): void {
  res.locals.filter = parseFilter(req.query, projectOf(res));
  next();
}

export function filterOf(res: Response): Filter {
  return res.locals.filter as Filter;
}

/** Everything before the page itself; the proxied copy of this route needs the same. */
export function guardConversations(platform: Platform): RequestHandler[] {
  const requireTranscript = platform.apiKeys.requireFeature('transcript');

  /**
   * Emptying `turns` is not enough where the caller may ask which conversations contain a text: with enough questions
   * the answers spell the transcript out. Searching it is reading it.
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

function collect(page: Generator<Conversation, Continuation>): Record<string, unknown> {
  const conversations: Conversation[] = [];
  let step = page.next();
  while (!step.done) {
    conversations.push(step.value);
    step = page.next();
  }
  return { conversations, ...step.value };
}

/** `GET /v3/:account_id/:project_id/conversations` */
export function conversationsList(platform: Platform): RequestHandler[] {
  async function listConversations(req: Request, res: Response): Promise<void> {
    const project = projectOf(res);
    const filter = filterOf(res);
    const page = find(project, platform.data.conversationsOf(project), filter);
    if (filter.limit <= LONGEST_WHOLE_PAGE) res.json(collect(page));
    else await streamPage(req, res, page);
  }

  return [...guardConversations(platform), listConversations];
}
