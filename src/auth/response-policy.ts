import type { Request } from 'express';
import { KeyscopeError } from '../errors';
import type { Events } from '../events';
import { NOTHING_ENABLED, type RoutePolicy } from '../features';
import type { ProjectFeatures } from '../projects/project-features';
import type { RequestContexts } from './request-context';

/** Creates the function that finds the redaction policy of a request that `requireApiKey` has allowed. */
export function createResolvePolicy(deps: {
  readonly projectFeatures: ProjectFeatures;
  readonly contexts: RequestContexts;
  readonly events: Events;
}): (req: Request) => RoutePolicy | Promise<RoutePolicy> {
  const { projectFeatures, contexts, events } = deps;

  return function resolvePolicy(req: Request): RoutePolicy | Promise<RoutePolicy> {
    const context = contexts.get(req);
    if (context === undefined) {
      throw new KeyscopeError(
        'invalid_options',
        'redactResponse() found no requireApiKey() before it. Put that one first.',
      );
    }
    const { workspaceId, agentId: routeProject, apiKey } = context;
    // The first look at an open response comes a quarter of a lag later. A lease that ends before is watched from now on.
    if (context.leaseEndsSoon?.()) context.endStream?.();
    /** Called for responses that are still open at the first look, so that others pay nothing. */
    function keepFresh(): () => void {
      context?.endStream?.();
      return workspaceId === undefined ? () => {} : projectFeatures.keepFresh(workspaceId);
    }
    const toPolicy = (featuresFor: RoutePolicy['featuresFor']): RoutePolicy => ({
      routeProject,
      // Data of agents that the key does not cover has nothing enabled, if a handler sends it.
      featuresFor: (projectId) =>
        apiKey === undefined || apiKey.scope.allowsAgent(projectId as string)
          ? featuresFor(projectId)
          : NOTHING_ENABLED,
      ...(workspaceId !== undefined && { keepFresh }),
    });
    if (workspaceId === undefined) return toPolicy(() => NOTHING_ENABLED);
    const found = projectFeatures.get(workspaceId);
    if (typeof found === 'function') return toPolicy(found);
    return found.then(toPolicy, (error: unknown) => {
      if (!(error instanceof KeyscopeError)) throw error;
      events.emit('error', error);
      return toPolicy(() => NOTHING_ENABLED);
    });
  };
}
