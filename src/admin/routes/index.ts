import type { AuditService } from '../../audit/service';
import type { KeyService } from '../../keys/service';
import type { ProjectService } from '../../projects/service';
import type { UsageService } from '../../usage/service';
import { createDocument } from '../openapi';
import { defineRoute, type Route } from '../operation';
import type { AdminSettings } from '../options';
import { createKeyBodies, documentSchema, nameSchemas } from '../schemas';
import { createAuditRoutes } from './audit';
import { type ChoiceDeps, createChoiceRoutes } from './form-options';
import { createKeyRoutes } from './keys';
import { createProjectRoutes } from './projects';
import { createUsageRoutes } from './usage';

export interface RouteDeps extends ChoiceDeps {
  readonly keys: KeyService;
  readonly projects: ProjectService;
  readonly audit: AuditService;
  readonly usage: UsageService;
}

/** Every REST route there is, the one of their OpenAPI document among them. */
export function createRoutes(deps: RouteDeps, settings: AdminSettings): readonly Route[] {
  const bodies = createKeyBodies(Object.keys(deps.permissions));
  const documentRoute = defineRoute({
    method: 'GET',
    path: '/openapi.json',
    operationId: 'getDocument',
    summary: 'This document',
    answer: { status: 200, description: 'The OpenAPI document of these operations.', schema: documentSchema },
    handle: () => ({ status: 200, body: document }),
  });
  const routes = [
    ...createKeyRoutes(deps.keys, bodies),
    ...createUsageRoutes(deps.usage),
    ...createProjectRoutes(deps.projects),
    ...createChoiceRoutes(deps, settings),
    ...createAuditRoutes(deps.audit),
    documentRoute,
  ];
  const document = createDocument(routes, nameSchemas(bodies));
  return routes;
}
