import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { WorkspaceConversations } from '../data/platform-data';
import type { Paged } from '../query/cursor';
import { parseFilter } from '../query/filter';
import { find, type Listed } from '../query/find';
import { sendPage } from '../stream-page';
import { LIST_REDACTION } from './conversations-list';
import type { Platform } from './project';

/** The workspace of the key, as a list to page through. */
function pagedOf(workspaceId: string, { count }: WorkspaceConversations): Paged {
  return { id: workspaceId, conversations: count };
}

/**
 * `GET /v3/conversations`: the conversations of all projects that the key may use, each redacted by the configuration of
 * its own project. `project: { member }` tells keyscope which member of a conversation names it.
 */
export function workspaceConversations(platform: Platform): RequestHandler[] {
  const { apiKeys, data } = platform;

  /** A search reads the transcript, so it covers the projects that have it enabled. */
  async function projectsToShow(req: Request, searches: boolean): Promise<ReadonlySet<string>> {
    const { workspaceId, scope } = req.apiKey!;
    const allowed = data.projects.filter((each) => each.workspaceId === workspaceId && scope.allowsAgent(each.id));
    if (!searches) return new Set(allowed.map(({ id }) => id));
    const features = await Promise.all(allowed.map(({ id }) => apiKeys.projects.get(id, { workspaceId })));
    return new Set(allowed.filter((_, index) => features[index]?.transcript === true).map(({ id }) => id));
  }

  async function listConversations(req: Request, res: Response, _next: NextFunction): Promise<void> {
    const { workspaceId } = req.apiKey!;
    const conversations = data.conversationsOfWorkspace(workspaceId);
    const paged = pagedOf(workspaceId, conversations);
    const filter = parseFilter(req.query, paged);
    const projects = await projectsToShow(req, filter.search !== null);
    const listed: Listed = {
      ...conversations,
      shows: (position) => projects.has(conversations.projectAt(position).id),
    };
    await sendPage(req, res, find(paged, listed, filter), filter.limit);
  }

  return [
    apiKeys.requireApiKey('conversations', { agent: false }),
    apiKeys.redactResponse({ ...LIST_REDACTION, project: { member: 'project_id' } }),
    listConversations,
  ];
}
