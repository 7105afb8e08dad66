import type { ProjectConfiguration, ProjectService } from '../../projects/service';
import type { Call } from '../handler';
import { defineRoute, type Route } from '../operation';
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

export function createProjectRoutes(projects: ProjectService): Route[] {
  const idOf = ({ params }: Call) => params.id as string;

  function contextOf({ identity: { workspaceId, actor }, source }: Call) {
    return { workspaceId, actor, source };
  }

  return [
    defineRoute({
      method: 'GET',
      path: '/projects',
      operationId: 'listConfigurations',
      summary: 'Every configured project of the workspace, by id',
      answer: { status: 200, description: 'The configurations.', schema: configurationListSchema },
      async handle({ identity: { workspaceId } }) {
        const found = await projects.list({ workspaceId });
        return { status: 200, body: { projects: found.map(toWire) } };
      },
    }),
    defineRoute({
      method: 'GET',
      path: PATH,
      operationId: 'getConfiguration',
      summary: 'What a project lets out; nothing, where nobody has configured it',
      answer: { status: 200, description: 'The configuration.', schema: configurationSchema },
      async handle(call) {
        const { workspaceId } = call.identity;
        return { status: 200, body: toWire(await projects.get(idOf(call), { workspaceId })) };
      },
    }),
    defineRoute({
      method: 'PUT',
      path: PATH,
      operationId: 'setConfiguration',
      summary: 'Say what a project lets out',
      body: configurationBodySchema,
      answer: { status: 200, description: 'The configuration as it is now.', schema: configurationSchema },
      async handle(call) {
        return { status: 200, body: toWire(await projects.set(idOf(call), call.body, contextOf(call))) };
      },
    }),
    defineRoute({
      method: 'DELETE',
      path: PATH,
      operationId: 'clearConfiguration',
      summary: 'Let nothing out of a project any more',
      answer: { status: 204, description: 'Nothing is enabled now, whether or not something was.' },
      async handle(call) {
        await projects.clear(idOf(call), contextOf(call));
        return { status: 204 };
      },
    }),
  ];
}
