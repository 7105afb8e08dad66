import { z } from 'zod';
import { KeyscopeError } from '../../errors';
import { externalId } from '../../field-schemas';
import { parseInput } from '../../validate-input';
import { defineOperation, type Operation } from '../operation';
import { type AdminSettings, isHttpUrl } from '../options';
import { agentListSchema, metricListSchema, permissionListSchema, sessionSchema } from '../schemas';

export interface FormOptionDeps {
  /** The declared permissions, by name, in the order of their declaration. */
  readonly permissions: Readonly<Record<string, { readonly label: string; readonly description?: string }>>;
  /** The request header that carries API keys. */
  readonly keyHeader: string;
  /** In milliseconds. */
  readonly defaultLifetime: number;
}

const agentChoicesSchema = z.array(z.object({ id: externalId, name: z.string() }));
const namesSchema = z.array(z.string());
const urlSchema = z.string().refine(isHttpUrl, 'Expected a URL such as https://api.example.com/v1/agents.').nullable();

/** The validated result of a function of the app. If it is invalid, the server is at fault, not the operator. */
async function callApp<S extends z.ZodType>(name: string, schema: S, call: () => unknown): Promise<z.output<S>> {
  try {
    return parseInput(schema, await call(), name, 'invalid_options');
  } catch (cause) {
    const message = `\`${name}\` of the app failed. The server has reported the cause.`;
    throw new KeyscopeError('internal_error', message, { cause });
  }
}

/** The choices in forms. They are no limit: other agents and metrics can be typed. */
export function createFormOptionOperations(deps: FormOptionDeps, settings: AdminSettings): Operation[] {
  const permissions = Object.entries(deps.permissions).map(([name, { label, description = null }]) => ({
    name,
    label,
    description,
  }));
  const { keyHeader, defaultLifetime } = deps;
  const { listAgents, metricNames, exampleUrl, signInUrl } = settings;

  return [
    defineOperation({
      method: 'GET',
      path: '/session',
      operationId: 'getSession',
      summary: 'Get the signed-in operator',
      response: { status: 200, description: 'The operator.', schema: sessionSchema },
      async handle({ operator: { workspaceId, actor, readOnly } }) {
        const url = await callApp('exampleUrl', urlSchema, () => exampleUrl(workspaceId));
        const body = { workspaceId, actor, readOnly, keyHeader, exampleUrl: url, signInUrl, defaultLifetime };
        return { status: 200, body };
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
      handle: () => ({ status: 200, body: { permissions } }),
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
      response: { status: 200, description: 'The choices.', schema: metricListSchema },
      async handle({ operator }) {
        const metrics = await callApp('metricNames', namesSchema, () => metricNames(operator.workspaceId));
        return { status: 200, body: { metrics } };
      },
    }),
  ];
}
