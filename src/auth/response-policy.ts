import type { Request, Response } from 'express';
import type { Configurations } from '../cache/caches';
import { KeyscopeError } from '../errors';
import type { Events } from '../events';
import {
  type ConfiguredResponse,
  type Features,
  type FeaturesFor,
  featuresIn,
  NOTHING_ENABLED,
  type RoutePolicy,
  STRICTER_MESSAGE,
} from '../features';
import type { FeaturesRead, ProjectFeatures } from '../projects/project-features';
import type { ConfirmRequest } from './confirm-request';
import type { EntryUse, UseEnd } from './entry-use';
import type { FeatureWatch } from './feature-watch';
import type { Exchange } from './open-request';
import type { Reports } from './reports';
import type { RequestContext, RequestContexts } from './request-context';

interface PolicyDeps {
  readonly projectFeatures: ProjectFeatures;
  readonly contexts: RequestContexts;
  readonly featureWatch: FeatureWatch;
  readonly confirmRequest: ConfirmRequest;
  readonly reports: Reports;
  readonly events: Events;
}

/** The response shows why: there is no event for it. */
const STRICTER: UseEnd = {
  reason: 'feature',
  code: 'feature_not_enabled',
  message: STRICTER_MESSAGE,
};

const NO_CONFIGURATIONS: Configurations = new Map();

/** The redaction policy of one request. A class, because a function of its own for each request costs more. */
class RequestPolicy implements RoutePolicy, EntryUse<Configurations> {
  readonly #context: RequestContext;
  readonly #req: Request;
  readonly #res: Response | undefined;
  readonly #featuresFor: FeaturesFor;
  readonly #deps: PolicyDeps;
  #response: ConfiguredResponse | undefined = undefined;
  /** See `EntryUse`. */
  accepted: Configurations = NO_CONFIGURATIONS;

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
    return this.#allows(projectId) ? this.#featuresFor(projectId) : NOTHING_ENABLED;
  }

  get watchedId(): string {
    return this.#context.workspaceId!;
  }

  /** Called for responses that are still open at the first look, so that others pay nothing. */
  watch(response: ConfiguredResponse): boolean {
    const { workspaceId } = this.#context;
    const { contexts, projectFeatures, featureWatch } = this.#deps;
    const exchange = { req: this.#req, res: this.#res };
    this.#context.endStream?.(exchange);
    // A `requireApiKey` behind `redactResponse` can have required more.
    const latest = contexts.get(this.#req);
    if (latest !== this.#context) latest?.endStream?.(exchange);
    const known = workspaceId === undefined ? undefined : projectFeatures.known(workspaceId);
    if (known === undefined) return false;
    this.#response = response;
    this.accepted = known ?? this.accepted;
    featureWatch.add(this);
    return true;
  }

  check(configurations: Configurations | null): UseEnd | null {
    const isOutdated = this.#response!.isOutdated((projectId) => {
      if (projectId === undefined || !this.#allows(projectId)) return NOTHING_ENABLED;
      return featuresIn(configurations, projectId);
    });
    return isOutdated ? STRICTER : null;
  }

  isOver(): boolean {
    return this.#response!.hasClosed();
  }

  /** Of what is unknown, nothing is enabled. A response that contains nothing of it goes on. */
  end(end: UseEnd): boolean {
    const isOutdated = end === STRICTER || this.#response!.isOutdated(() => NOTHING_ENABLED);
    if (isOutdated) this.#response!.cut();
    return isOutdated;
  }

  #allows(projectId: string | undefined): boolean {
    const { key } = this.#context;
    return key === undefined || key.scope.allowsAgent(projectId as string);
  }
}

/** Finds the redaction policies of requests. */
export interface Policies {
  /** The policy of a request that `requireApiKey` has allowed. Rejects if it would be denied after the policy was read. */
  resolve(req: Request, res: Response): RoutePolicy | Promise<RoutePolicy>;
  /** The same, also of a request that it has only reported on. Undefined if it would have denied the request. */
  resolveReported(req: Request): Promise<RoutePolicy | undefined>;
}

const NOT_FOUND =
  "redactResponse() found no requireApiKey() before it. Put that one first. One with `mode: 'report'` counts only if both have it.";

export function createPolicies(deps: PolicyDeps): Policies {
  const { projectFeatures, contexts, featureWatch, confirmRequest, events } = deps;

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

  function find({ workspaceId }: RequestContext): FeaturesFor | FeaturesRead {
    return workspaceId === undefined ? () => NOTHING_ENABLED : projectFeatures.get(workspaceId);
  }

  async function resolveConfirmed(
    context: RequestContext,
    exchange: Exchange,
    { result, deadline }: FeaturesRead,
  ): Promise<RoutePolicy> {
    const found = await resolveLater(context, exchange, result);
    const error = await confirmRequest(context, exchange.req, deadline);
    if (error === null) return found;
    if (error.status >= 500) events.emit('error', error);
    throw error;
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
      const exchange = { req, res };
      const found = find(context);
      if (typeof found === 'function') return new RequestPolicy(context, exchange, found, deps);
      return resolveConfirmed(context, exchange, found);
    },
    async resolveReported(req) {
      const context = await deps.reports.contextOf(req);
      if (context === undefined) throw new KeyscopeError('invalid_options', NOT_FOUND);
      if (context === null) return undefined;
      const exchange = { req, res: undefined };
      const found = find(context);
      if (typeof found === 'function') return new RequestPolicy(context, exchange, found, deps);
      return resolveLater(context, exchange, found.result);
    },
  };
}
