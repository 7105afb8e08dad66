import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { z } from 'zod';
import { KeyscopeError } from '../errors';
import type { Features } from '../features';
import { createReadParameter, type ParameterSource } from '../http/route-parameter';
import type { ProjectFeatures } from '../projects/project-features';
import { parseInput } from '../validate-input';
import { parameterSource } from './permission-requirement';
import type { RequestContexts } from './request-context';

/** What a project can enable: its transcripts, or one metric by name. */
export type Feature = 'transcript' | `metric:${string}`;

export interface RequireFeatureOptions {
  /** Where the request names its project. Left out: the agent that the route declared to `requireApiKey`. */
  readonly project?: ParameterSource;
}

const METRIC = 'metric:';

const featureSchema = z.custom<Feature>(
  (value) => value === 'transcript' || (typeof value === 'string' && value.startsWith(METRIC) && value !== METRIC),
  { error: "Give 'transcript', or 'metric:' and a metric's name." },
);
const optionsSchema = z.strictObject({
  project: parameterSource.optional(),
});

function isEnabled(features: Features, feature: Feature): boolean {
  if (feature === 'transcript') return features.transcript === true;
  return features.metrics === 'all' || features.metrics.includes(feature.slice(METRIC.length));
}

/** For routes whose whole body is the feature, such as the audio of a call: nothing can be cut out, so all is refused. */
export function createRequireFeature(deps: {
  readonly projectFeatures: ProjectFeatures;
  readonly contexts: RequestContexts;
  readonly fail: (error: KeyscopeError, req: Request, res: Response, next: NextFunction) => void;
}) {
  const { projectFeatures, contexts, fail } = deps;

  return function requireFeature(feature: Feature, options: RequireFeatureOptions = {}): RequestHandler {
    const wanted = parseInput(featureSchema, feature, 'requireFeature', 'invalid_options');
    const { project } = parseInput(optionsSchema, options, 'requireFeature', 'invalid_options');
    const notEnabled = `The project has not enabled ${wanted === 'transcript' ? 'its transcript' : `the metric ${wanted.slice(METRIC.length)}`} in API responses. Who manages its API keys can enable it.`;

    const readProject = project === undefined ? undefined : createReadParameter(project);

    return function featureMiddleware(req, res, next) {
      const target = contexts.get(req);
      if (target === undefined) {
        next(
          new KeyscopeError(
            'invalid_options',
            'requireFeature() found no requireApiKey() before it. Put that one first.',
          ),
        );
        return;
      }
      const projectId = readProject ? readProject(req).value : target.agentId;
      const { workspaceId, apiKey } = target;

      function settle(features: Features | null): void {
        if (features !== null && isEnabled(features, wanted)) next();
        else fail(new KeyscopeError('feature_not_enabled', notEnabled), req, res, next);
      }

      if (workspaceId === undefined || projectId === undefined || apiKey?.scope.allowsAgent(projectId) === false) {
        settle(null);
        return;
      }
      const found = projectFeatures.get(workspaceId);
      if (typeof found === 'function') {
        settle(found(projectId));
        return;
      }
      found
        .then(
          (featuresFor) => settle(featuresFor(projectId)),
          (error: unknown) => {
            // Not 403: that the project has not enabled it is more than anyone knows now.
            if (!(error instanceof KeyscopeError)) throw error;
            fail(error, req, res, next);
          },
        )
        .catch(next);
    };
  };
}
