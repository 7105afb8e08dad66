import { Router } from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import type { ApiKeys } from 'keyscope';
import type { Permission } from './api-keys';

/** Requests that another service answers. It is told which key was used, and never sees the token. */
export function createMessageRoutes(apiKeys: ApiKeys<Permission>, target: string): Router {
  const routes = Router();
  routes.use(
    apiKeys.requireApiKey('messages', {
      agent: false,
      hideCredentials: true,
      identityHeaders: { id: 'x-key-id', workspaceId: 'x-workspace-id', agents: 'x-key-agents' },
    }),
    createProxyMiddleware({ target }),
  );
  return routes;
}
