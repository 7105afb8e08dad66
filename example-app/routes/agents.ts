import type { Request, RequestHandler, Response } from 'express';
import { type Platform, single } from './project';

function listAgentsOf({ data }: Platform): RequestHandler {
  return function listAgents(req: Request, res: Response): void {
    const { apiKey } = req;
    const allowed = data.projects.filter(
      (project) => apiKey?.workspaceId === project.workspaceId && apiKey.scope.allowsAgent(project.id),
    );
    res.set('Cache-Control', 'private, no-store').json(
      allowed.map((project) => ({
        accountId: project.workspaceId,
        agentId: project.id,
        agentName: project.name,
        createdAt: project.createdAt,
        updatedAt: project.updatedAt,
        branchCount: 1,
      })),
    );
  };
}

/** `GET /v1/accounts/:accountId/agents`: the agents that the key may use. Every valid key may list them. */
export function agentsList(platform: Platform): RequestHandler[] {
  const { apiKeys, data } = platform;
  const workspace = (req: Request) => {
    const account = single(req.params.accountId);
    return account === undefined ? undefined : (data.workspace(account)?.id ?? account);
  };
  return [apiKeys.requireApiKey(undefined, { workspace, agent: false }), listAgentsOf(platform)];
}

/** `GET /v1/agents`: the predecessor, for the account of the key. */
export function ownAgentsList(platform: Platform): RequestHandler[] {
  return [platform.apiKeys.requireApiKey(undefined, { agent: false }), listAgentsOf(platform)];
}
