import type { Request, Response } from 'express';
import type { Clock } from '../clock';
import { KeyscopeError } from '../errors';
import type { Events } from '../events';
import { type Features, NOTHING_ENABLED, type RoutePolicy } from '../features';
import type { FeaturesFor, ProjectFeatures } from '../projects/project-features';
import { Lease } from '../store/lease';
import type { FeatureWatch } from './feature-watch';
import type { Exchange } from './open-request';
import type { Reports } from './reports';
import type { RequestContext, RequestContexts } from './request-context';

interface PolicyDeps {
  readonly clock: Clock;
  readonly projectFeatures: ProjectFeatures;
  readonly contexts: RequestContexts;
  readonly featureWatch: FeatureWatch;
  readonly reports: Reports;
  readonly events: Events;
}

/** The redaction policy of one request. A class, because a function of its own for each request costs more. */
class RequestPolicy implements RoutePolicy {
  readonly #context: RequestContext;
  readonly #req: Request;
  readonly #res: Response | undefined;
  readonly #featuresFor: FeaturesFor;
  readonly #deps: PolicyDeps;
  /** The time until which the configurations that were known last hold. Undefined: not asked for yet. */
  #proof: Lease | undefined = undefined;

  constructor(context: RequestContext, { req, res }: Exchange, featuresFor: FeaturesFor, deps: PolicyDeps) {
    this.#context = context;
    this.#req = req;
    this.#res = res;
    this.#featuresFor = featuresFor;
    this.#deps = deps;
  }

  get routeProject(): string | undefined {
    return this.#context.agentId;
  }

  /** Data of agents that the key does not cover has nothing enabled, if a handler sends it. */
  featuresFor(projectId: string | undefined): Features {
    const { key } = this.#context;
    const isAllowed = key === undefined || key.scope.allowsAgent(projectId as string);
    return isAllowed ? this.#featuresFor(projectId) : NOTHING_ENABLED;
  }

  isReadAgain(): boolean {
    const { workspaceId } = this.#context;
    const { clock, projectFeatures } = this.#deps;
    const remaining = workspaceId === undefined ? null : projectFeatures.readRemaining(workspaceId);
    if (remaining === null) return this.#proof?.holds(clock, clock.wall()) === true;
    this.#proof = Lease.from(clock, remaining);
    return false;
  }

  /** Called for responses that are still open at the first look, so that others pay nothing. */
  keepFresh(): () => void {
    const { workspaceId } = this.#context;
    const { contexts, projectFeatures } = this.#deps;
    const exchange = { req: this.#req, res: this.#res };
    this.#context.endStream?.(exchange);
    // A `requireApiKey` behind `redactResponse` can have required more.
    const latest = contexts.get(this.#req);
    if (latest !== this.#context) latest?.endStream?.(exchange);
    return workspaceId === undefined ? () => {} : projectFeatures.keepFresh(workspaceId);
  }
}

/** Finds the redaction policies of requests. */
export interface Policies {
  /** The policy of a request that `requireApiKey` has allowed. */
  resolve(req: Request, res: Response): RoutePolicy | Promise<RoutePolicy>;
  /** The same, also of a request that it has only reported on. Undefined if it would have denied the request. */
  resolveReported(req: Request): Promise<RoutePolicy | undefined>;
}

const NOT_FOUND =
  "redactResponse() found no requireApiKey() before it. Put that one first. One with `mode: 'report'` counts only if both have it.";

export function createPolicies(deps: PolicyDeps): Policies {
  const { projectFeatures, contexts, featureWatch, events } = deps;

  function resolveLater(
    context: RequestContext,
    exchange: Exchange,
    reading: Promise<FeaturesFor>,
  ): Promise<RoutePolicy> {
    return reading.then(
      (featuresFor) => new RequestPolicy(context, exchange, featuresFor, deps),
      (error: unknown) => {
        if (!(error instanceof KeyscopeError)) throw error;
        events.emit('error', error);
        return new RequestPolicy(context, exchange, () => NOTHING_ENABLED, deps);
      },
    );
  }

  function policyOf(context: RequestContext, exchange: Exchange): RoutePolicy | Promise<RoutePolicy> {
    const { workspaceId } = context;
    const found = workspaceId === undefined ? () => NOTHING_ENABLED : projectFeatures.get(workspaceId);
    if (typeof found === 'function') return new RequestPolicy(context, exchange, found, deps);
    return resolveLater(context, exchange, found);
  }

  /** A `requireFeature` can also follow `redactResponse`. */
  function featuresEndSoon({ workspaceId }: RequestContext): boolean {
    return featureWatch.hasRequirements && workspaceId !== undefined && featureWatch.endsSoon(workspaceId);
  }

  return {
    resolve(req, res) {
      const context = contexts.get(req);
      if (context === undefined) throw new KeyscopeError('invalid_options', NOT_FOUND);
      // The first look at an open response comes later. A lease that ends before is watched from now on.
      if (context.leaseEndsSoon?.() || featuresEndSoon(context)) context.endStream?.({ req, res });
      return policyOf(context, { req, res });
    },
    async resolveReported(req) {
      const context = await deps.reports.contextOf(req);
      if (context === undefined) throw new KeyscopeError('invalid_options', NOT_FOUND);
      return context === null ? undefined : policyOf(context, { req, res: undefined });
    },
  };
}
