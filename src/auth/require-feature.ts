import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { z } from 'zod';
import { KeyscopeError } from '../errors';
import { type Features, featuresIn } from '../features';
import { createReadParameter, type ParameterSource } from '../http/route-parameter';
import type { ProjectFeatures } from '../projects/project-features';
import { parseInput, rejectRequest } from '../validate-input';
import type { ConfirmRequest } from './confirm-request';
import type { FeatureRequirement, FeatureWatch } from './feature-watch';
import { parameterSource } from './permission-requirement';
import type { RequestContexts } from './request-context';

/** Feature of a project: `'transcript'`, or one metric by name, e.g. `'metric:CSAT'`. */
export type Feature = 'transcript' | `metric:${string}`;

export interface RequireFeatureOptions {
  /** Project of the request: `'project_id'`, `{ query: 'project_id' }` or a function. Default: the agent of `requireApiKey`. */
  readonly project?: ParameterSource;
}

const METRIC = 'metric:';

const featureSchema = z.custom<Feature>(
  (value) => value === 'transcript' || (typeof value === 'string' && value.startsWith(METRIC) && value !== METRIC),
  { error: "Expected 'transcript', or 'metric:' and the name of a metric, such as 'metric:CSAT'." },
);
const optionsSchema = z.strictObject({
  project: parameterSource.optional(),
});

function isEnabled(features: Features, feature: Feature): boolean {
  if (feature === 'transcript') return features.transcript === true;
  return features.metrics === 'all' || features.metrics.includes(feature.slice(METRIC.length));
}

/**
 * Creates `requireFeature()`: for routes whose whole body is the feature, such as the audio of a call. Nothing can be
 * redacted in it, so the request is denied.
 */
export function createRequireFeature(deps: {
  readonly projectFeatures: ProjectFeatures;
  readonly contexts: RequestContexts;
  readonly watch: FeatureWatch;
  readonly confirmRequest: ConfirmRequest;
  readonly fail: (error: KeyscopeError, req: Request, res: Response, next: NextFunction) => void;
}) {
  const { projectFeatures, contexts, watch, confirmRequest, fail } = deps;

  return function requireFeature(feature: Feature, options: RequireFeatureOptions = {}): RequestHandler {
    rejectRequest(feature, 'requireFeature');
    const wanted = parseInput(featureSchema, feature, 'requireFeature', 'invalid_options');
    const { project } = parseInput(optionsSchema, options, 'requireFeature', 'invalid_options');
    const name = wanted === 'transcript' ? 'its transcript' : `the metric ${wanted.slice(METRIC.length)}`;
    const notEnabled = `The project has not enabled ${name} in API responses. Ask an administrator to enable it.`;

    watch.hasRequirements = true;
    const requirement: FeatureRequirement = {
      watch,
      denial: { reason: 'feature', code: 'feature_not_enabled', message: notEnabled },
      isEnabled: (features) => isEnabled(features, wanted),
    };

    function deny(req: Request, res: Response, next: NextFunction): void {
      fail(new KeyscopeError('feature_not_enabled', notEnabled), req, res, next);
    }

    const readProject = project === undefined ? undefined : createReadParameter(project, 'project');

    return function featureMiddleware(req, res, next) {
      const target = contexts.get(req);
      if (target === undefined) {
        const message = 'requireFeature() found no requireApiKey() before it. Put that one first.';
        fail(new KeyscopeError('invalid_options', message), req, res, next);
        return;
      }
      const projectId = readProject ? readProject(req).value : target.agentId;
      const { workspaceId, key } = target;
      if (workspaceId === undefined || projectId === undefined || key?.scope.allowsAgent(projectId) === false) {
        deny(req, res, next);
        return;
      }
      projectFeatures
        .decide(workspaceId, (outcome, waited) => {
          // An unknown configuration is not 403.
          if (outcome instanceof KeyscopeError) return fail(outcome, req, res, next);
          if (!requirement.isEnabled(featuresIn(outcome, projectId))) return deny(req, res, next);
          target.passFeature?.(requirement, { workspaceId, projectId, configurations: outcome! });
          if (waited === null) return next();
          return confirmRequest(target, req, waited).then((error) => {
            if (error === null) next();
            else fail(error, req, res, next);
          });
        })
        ?.catch(next);
    };
  };
}
