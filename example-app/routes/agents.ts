import type { Request, RequestHandler, Response } from 'express';
import type { Platform } from './project';

/** `GET /v1/agents`: the agents that the key reaches. Any key may ask which ones those are. */
export function agentsList({ apiKeys, data }: Platform): RequestHandler[] {
  function listAgents(req: Request, res: Response): void {
    const { apiKey } = req;
    const reachable = data.projects.filter(
      (project) => apiKey?.workspaceId === project.workspaceId && apiKey.scope.allowsAgent(project.id),
    );
    res.set('Cache-Control', 'private, no-store').json(
      reachable.map((project) => ({
        accountId: project.workspaceId,
        agentId: project.id,
        agentName: project.name,
        createdAt: project.createdAt,
        updatedAt: project.updatedAt,
        branchCount: 1,
      })),
    );
  }

  return [apiKeys.requireApiKey(undefined, { agent: false }), listAgents];
}
