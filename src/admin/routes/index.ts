import type { AuditService } from '../../audit/service';
import type { KeyService } from '../../keys/types';
import type { LeakService } from '../../leaks/service';
import type { ProjectService } from '../../projects/service';
import type { ReadReports } from '../../usage/report-service';
import type { UsageService } from '../../usage/service';
import type { WebhookService } from '../../webhooks/service';
import { createDocument } from '../openapi';
import { defineOperation, type Operation } from '../operation';
import type { AdminSettings } from '../options';
import { createAgentResolver } from '../resolve-agents';
import { createKeyBodies, documentSchema, nameSchemas } from '../schemas';
import { createAuditOperations } from './audit';
import { createFormOptionOperations, type FormOptionDeps } from './form-options';
import { createKeyOperations } from './keys';
import { createLeakOperations } from './leaks';
import { createProjectOperations } from './projects';
import { createReportOperations } from './reports';
import { createUsageOperations } from './usage';
import { createWebhookOperations } from './webhooks';

export interface OperationDeps extends FormOptionDeps {
  readonly keys: KeyService;
  readonly projects: ProjectService;
  readonly audit: AuditService;
  readonly leaks: LeakService;
  readonly webhooks: WebhookService;
  readonly reports: ReadReports;
  readonly usage: UsageService;
}

/** All REST operations, including the one that sends their OpenAPI document. */
export function createOperations(deps: OperationDeps, settings: AdminSettings): readonly Operation[] {
  const agents = createAgentResolver(settings);
  const bodies = createKeyBodies(deps.keyInputs);
  // Created for the first request, because it takes longer than everything else at the start of an app.
  let document: ReturnType<typeof createDocument> | undefined;
  const documentOperation = defineOperation({
    method: 'GET',
    path: '/openapi.json',
    operationId: 'getDocument',
    summary: 'Get this document',
    response: { status: 200, description: 'The OpenAPI document of these operations.', schema: documentSchema },
    handle: () => {
      document ??= createDocument(operations, nameSchemas(bodies));
      return { status: 200, body: document };
    },
  });
  const operations = [
    ...createKeyOperations(deps.keys, bodies, agents),
    ...createUsageOperations(deps.usage),
    ...createProjectOperations(deps.projects, agents),
    ...createFormOptionOperations(deps, settings),
    ...createAuditOperations(deps.audit),
    ...createLeakOperations(deps.leaks),
    ...createWebhookOperations(deps.webhooks),
    ...createReportOperations(deps.reports),
    documentOperation,
  ];
  return operations;
}
