import type { ProjectConfiguration, ProjectInput, ProjectService } from '../../projects/service';
import type { OperationRequest } from '../handler';
import { defineOperation, type Operation } from '../operation';
import type { AgentResolver } from '../resolve-agents';
import {
  configurationBodySchema,
  configurationListSchema,
  configurationSchema,
  type WireConfiguration,
} from '../schemas';

function toWire({ projectId, transcript, metrics, updatedAt, configured }: ProjectConfiguration): WireConfiguration {
  return {
    projectId,
    transcript,
    metrics: metrics === 'all' ? 'all' : [...metrics],
    updatedAt: updatedAt?.toISOString() ?? null,
    configured,
  };
}

const PATH = '/projects/:id/configuration';

export function createProjectOperations(projects: ProjectService, agents: AgentResolver): Operation[] {
  const idOf = ({ params, operator }: OperationRequest) =>
    agents.resolveProject(params.id as string, operator.workspaceId);

  function contextOf({ operator: { workspaceId, actor }, source }: OperationRequest) {
    return { workspaceId, actor, source };
  }

  return [
    defineOperation({
      method: 'GET',
      path: '/projects',
      operationId: 'listConfigurations',
      summary: 'List the configured projects of the workspace, by id',
      response: { status: 200, description: 'The configurations.', schema: configurationListSchema },
      async handle({ operator: { workspaceId } }) {
        const found = await projects.list({ workspaceId });
        return { status: 200, body: { projects: found.map(toWire) } };
      },
    }),
    defineOperation({
      method: 'GET',
      path: PATH,
      operationId: 'getConfiguration',
      summary: 'Get the configuration of a project',
      response: { status: 200, description: 'The configuration.', schema: configurationSchema },
      errors: ['not_found'],
      async handle(request) {
        const { workspaceId } = request.operator;
        return { status: 200, body: toWire(await projects.get(await idOf(request), { workspaceId })) };
      },
    }),
    defineOperation({
      method: 'PUT',
      path: PATH,
      operationId: 'setConfiguration',
      summary: 'Set the configuration of a project',
      body: configurationBodySchema,
      response: { status: 200, description: 'The configuration as it is now.', schema: configurationSchema },
      errors: ['not_found'],
      async handle(request) {
        const id = await idOf(request);
        return {
          status: 200,
          body: toWire(await projects.set(id, request.body as ProjectInput, contextOf(request))),
        };
      },
    }),
    defineOperation({
      method: 'DELETE',
      path: PATH,
      operationId: 'clearConfiguration',
      summary: 'Clear the configuration of a project',
      response: { status: 204, description: 'Nothing is enabled now.' },
      async handle(request) {
        const { params, operator } = request;
        const id = await agents.resolveOrKeep(params.id as string, operator.workspaceId);
        await projects.clear(id, contextOf(request));
        return { status: 204 };
      },
    }),
  ];
}
