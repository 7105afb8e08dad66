import type { Request } from 'express';
import { KeyscopeError } from '../errors';
import type { Events } from '../events';
import { type Features, NOTHING_ENABLED } from '../features';
import type { ProjectFeatures } from '../projects/project-features';
import type { RequestContexts } from './request-context';

/** Whose data a response contains, and what its projects enable. */
export interface RoutePolicy {
  /** The agent (= project) that the route declared to `requireApiKey`. */
  readonly routeProject: string | undefined;
  /** What a project of the request's workspace enables. Nothing for `undefined` and unknown projects. */
  featuresFor(projectId: string | undefined): Features;
}

/** Creates the function that finds the redaction policy of a request that `requireApiKey` has allowed. */
export function createResolvePolicy(deps: {
  readonly projectFeatures: ProjectFeatures;
  readonly contexts: RequestContexts;
  readonly events: Events;
  /** Rejects if the installed Express lets responses past the redaction. Undefined once it has succeeded. */
  readonly testRedaction: () => Promise<void> | undefined;
}): (req: Request) => RoutePolicy | Promise<RoutePolicy> {
  const { projectFeatures, contexts, events, testRedaction } = deps;

  function resolvePolicy(req: Request): RoutePolicy | Promise<RoutePolicy> {
    const context = contexts.get(req);
    if (context === undefined) {
      throw new KeyscopeError(
        'invalid_options',
        'redactResponse() found no requireApiKey() before it. Put that one first.',
      );
    }
    const { workspaceId, agentId: routeProject, apiKey } = context;
    const toPolicy = (featuresFor: RoutePolicy['featuresFor']): RoutePolicy => ({
      routeProject,
      // Data of agents that the key does not cover has nothing enabled, if a handler sends it.
      featuresFor: (projectId) =>
        apiKey === undefined || apiKey.scope.allowsAgent(projectId as string)
          ? featuresFor(projectId)
          : NOTHING_ENABLED,
    });
    if (workspaceId === undefined) return toPolicy(() => NOTHING_ENABLED);
    if (req.res?.closed === false) req.res.once('close', projectFeatures.keepFresh(workspaceId));
    const found = projectFeatures.get(workspaceId);
    if (typeof found === 'function') return toPolicy(found);
    return found.then(toPolicy, (error: unknown) => {
      if (!(error instanceof KeyscopeError)) throw error;
      events.emit('error', error);
      return toPolicy(() => NOTHING_ENABLED);
    });
  }

  // Not every app waits for `ready()`, which runs the test, too.
  return function resolveTestedPolicy(req) {
    const running = testRedaction();
    return running === undefined ? resolvePolicy(req) : running.then(() => resolvePolicy(req));
  };
}
