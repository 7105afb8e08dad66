import { type Request, Router } from 'express';
import type { ApiKeys } from 'keyscope';
import type { Permission } from './api-keys';

/** The workspace and the name of the operator who sent a request; null without a sign-in. */
export type Operators = (req: Request) => { readonly workspaceId: string; readonly name: string } | null;

/** Management API and console, behind the app's own sign-in. */
export function createManagementRoutes(apiKeys: ApiKeys<Permission>, operators: Operators): Router {
  const routes = Router();
  routes.use(
    apiKeys.adminRouter({
      authenticate: (req) => {
        const operator = operators(req);
        return operator === null ? null : { workspaceId: operator.workspaceId, actor: operator.name };
      },
      // In an app of its own, from the table of the project.
      metricNames: (_workspaceId, project) => (project === 'support' ? ['sentiment', 'resolved'] : ['sentiment']),
      listAgents: () => [
        { id: 'sales', name: 'Sales' },
        { id: 'support', name: 'Support' },
      ],
    }),
  );
  return routes;
}
