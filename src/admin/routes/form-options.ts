import { z } from 'zod';
import { FEATURE_NAMES } from '../../features';
import { externalId } from '../../field-schemas';
import type { KeyInputSettings } from '../../keys/input-schemas';
import type { LeakPolicy } from '../../store/leak-report';
import { callApp } from '../call-app';
import { defineOperation, type Operation } from '../operation';
import { type AdminSettings, isHttpUrl } from '../options';
import { agentListSchema, metricListSchema, metricQuerySchema, permissionListSchema, sessionSchema } from '../schemas';

interface PermissionChoice {
  readonly label: string;
  readonly description?: string;
  readonly features?: readonly string[];
}

export interface FormOptionDeps {
  /** The declared permissions, by name, in the order of their declaration. */
  readonly permissions: Readonly<Record<string, PermissionChoice>>;
  /** True if the app has a route that redacts responses or requires a feature. */
  readonly usesFeatures: () => boolean;
  /** Where an example request has the token. Null if only the app knows. */
  readonly tokenExample: { readonly in: 'header' | 'query'; readonly name: string; readonly value: string } | null;
  /** True if the app has a route with `mode: 'report'`. */
  readonly usesReports: () => boolean;
  /** True if the app has the option `webhooks`. */
  readonly sendsWebhooks: boolean;
  /** Policy for leaked keys. */
  readonly leakPolicy: LeakPolicy;
  /** In milliseconds. */
  readonly defaultLifetime: number;
  /** The settings of the inputs of `keys`, for the OpenAPI document and forms. */
  readonly keyInputs: KeyInputSettings;
}

const agentChoicesSchema = z.array(z.object({ id: externalId, name: z.string() }));
const namesSchema = z.array(z.string());
const urlSchema = z.string().refine(isHttpUrl, 'Expected a URL such as https://api.example.com/v1/agents.').nullable();

/** The choices in forms. Other metrics can be typed, and other agents unless `resolveAgent` restricts them. */
export function createFormOptionOperations(deps: FormOptionDeps, settings: AdminSettings): Operation[] {
  const { tokenExample, defaultLifetime, keyInputs, usesFeatures, usesReports, sendsWebhooks, leakPolicy } = deps;
  const { keysWithoutExpiry = false } = keyInputs;
  const { listAgents, metricNames, exampleUrl, signInUrl, title, homeUrl, signOutUrl } = settings;
  const metricsByProject = metricNames.length > 1;
  const allowsOtherAgents = settings.resolveAgent === null;

  function permissionChoices() {
    const usual = usesFeatures() ? [...FEATURE_NAMES] : [];
    return Object.entries(deps.permissions).map(([name, { label, description = null, features = usual }]) => ({
      name,
      label,
      description,
      features: [...features],
    }));
  }

  return [
    defineOperation({
      method: 'GET',
      path: '/session',
      operationId: 'getSession',
      summary: 'Get the signed-in operator',
      response: { status: 200, description: 'The operator.', schema: sessionSchema },
      async handle({ operator: { workspaceId, actor, readOnly, workspaceName } }) {
        const url = await callApp('exampleUrl', urlSchema, () => exampleUrl(workspaceId));
        const operator = { workspaceId, actor, readOnly, ...(workspaceName !== undefined && { workspaceName }) };
        const page = { title, homeUrl, signInUrl, signOutUrl };
        return {
          status: 200,
          body: {
            ...operator,
            ...page,
            tokenExample,
            exampleUrl: url,
            defaultLifetime,
            keysWithoutExpiry,
            allowsOtherAgents,
            metricsByProject,
            webhooks: sendsWebhooks,
            leakPolicy,
            reports: usesReports(),
          },
        };
      },
    }),
    defineOperation({
      method: 'GET',
      path: '/permissions',
      operationId: 'listPermissions',
      summary: 'List the declared permissions',
      response: {
        status: 200,
        description: 'The permissions, in the order of their declaration.',
        schema: permissionListSchema,
      },
      handle: () => ({ status: 200, body: { permissions: permissionChoices() } }),
    }),
    defineOperation({
      method: 'GET',
      path: '/agents',
      operationId: 'listAgents',
      summary: 'List agents (= projects) for forms',
      response: { status: 200, description: 'The choices.', schema: agentListSchema },
      async handle({ operator }) {
        const agents = await callApp('listAgents', agentChoicesSchema, () => listAgents(operator.workspaceId));
        return { status: 200, body: { agents } };
      },
    }),
    defineOperation({
      method: 'GET',
      path: '/metrics',
      operationId: 'listMetrics',
      summary: 'List metric names for forms',
      query: metricQuerySchema,
      response: { status: 200, description: 'The choices.', schema: metricListSchema },
      async handle({ operator, query: { project = null } }) {
        const metrics = await callApp('metricNames', namesSchema, () => metricNames(operator.workspaceId, project));
        return { status: 200, body: { metrics } };
      },
    }),
  ];
}
