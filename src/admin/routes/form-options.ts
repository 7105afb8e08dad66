import { z } from 'zod';
import { KeyscopeError } from '../../errors';
import { externalId } from '../../field-schemas';
import { parseInput } from '../../validate-input';
import { defineRoute, type Route } from '../operation';
import { type AdminSettings, isHttpUrl } from '../options';
import { agentListSchema, metricListSchema, permissionListSchema, sessionSchema } from '../schemas';

export interface ChoiceDeps {
  /** The declared permissions, by name, in the order of their declaration. */
  readonly permissions: Readonly<Record<string, { readonly label: string; readonly description?: string }>>;
  /** The request header that carries API keys. */
  readonly keyHeader: string;
  /** Milliseconds. */
  readonly defaultLifetime: number;
}

const choicesSchema = z.array(z.object({ id: externalId, name: z.string() }));
const namesSchema = z.array(z.string());
const urlSchema = z.string().refine(isHttpUrl, 'Give a URL such as https://api.example.com/v1/agents.').nullable();

/** What a function of the app answers, checked. What is wrong with it is the app's, not the caller's. */
async function ask<S extends z.ZodType>(name: string, schema: S, answer: () => unknown): Promise<z.output<S>> {
  try {
    return parseInput(schema, await answer(), name, 'invalid_options');
  } catch (cause) {
    const message = `The choices could not be read, because \`${name}\` of the app failed. What it was has been reported there.`;
    throw new KeyscopeError('internal_error', message, { cause });
  }
}

/** What forms offer. None of it is a limit: other agents and metrics can be named. */
export function createChoiceRoutes(deps: ChoiceDeps, settings: AdminSettings): Route[] {
  const permissions = Object.entries(deps.permissions).map(([name, { label, description = null }]) => ({
    name,
    label,
    description,
  }));
  const { keyHeader, defaultLifetime } = deps;
  const { listAgents, metricNames, exampleUrl, signInUrl } = settings;

  return [
    defineRoute({
      method: 'GET',
      path: '/session',
      operationId: 'getSession',
      summary: 'Who is signed in',
      answer: { status: 200, description: 'Who is signed in.', schema: sessionSchema },
      async handle({ identity: { workspaceId, actor, readOnly } }) {
        const url = await ask('exampleUrl', urlSchema, () => exampleUrl(workspaceId));
        const body = { workspaceId, actor, readOnly, keyHeader, exampleUrl: url, signInUrl, defaultLifetime };
        return { status: 200, body };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/permissions',
      operationId: 'listPermissions',
      summary: 'The permissions that a key can have',
      answer: { status: 200, description: 'In the order of their declaration.', schema: permissionListSchema },
      handle: () => ({ status: 200, body: { permissions } }),
    }),
    defineRoute({
      method: 'GET',
      path: '/agents',
      operationId: 'listAgents',
      summary: 'Agents (= projects) to choose from; others can be named too',
      answer: { status: 200, description: 'The choices.', schema: agentListSchema },
      async handle({ identity }) {
        const agents = await ask('listAgents', choicesSchema, () => listAgents(identity.workspaceId));
        return { status: 200, body: { agents } };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/metrics',
      operationId: 'listMetrics',
      summary: 'Names of metrics to choose from; others can be named too',
      answer: { status: 200, description: 'The choices.', schema: metricListSchema },
      async handle({ identity }) {
        const metrics = await ask('metricNames', namesSchema, () => metricNames(identity.workspaceId));
        return { status: 200, body: { metrics } };
      },
    }),
  ];
}
