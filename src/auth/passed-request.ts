import type { Request } from 'express';
import type { Events } from '../events';
import type { EntryCaches, Reread, UseEnd } from './entry-use';
import { type FeatureRequirement, type FeatureSubject, PassedFeature } from './feature-watch';
import { type Exchange, OpenRequest, type PassedRequirement, type ReadAgain } from './open-request';
import type { CachedKey } from './request-api-key';
import type { RequestContext, RequestContexts } from './request-context';

/** The parts that all requests allowed by one `requireApiKey` share. */
export interface PassedRequestDeps {
  readonly contexts: RequestContexts;
  readonly events: Events;
  /** `endOnRevocation` is false. */
  readonly keepsStream: boolean;
}

/**
 * A request that one `requireApiKey` has allowed, with or without a key. Its requirements are watched only if the signal is
 * read or the response is to end with them, so that other requests do not pay for it. Only then does it refer to the
 * request: see `RequestContexts`.
 */
export abstract class PassedRequest<Deps extends PassedRequestDeps> implements RequestContext, PassedRequirement {
  abstract readonly key: CachedKey | undefined;
  abstract readonly workspaceId: string | undefined;
  abstract readonly agentId: string | undefined;
  earlier: PassedRequirement | undefined = undefined;
  protected readonly deps: Deps;
  protected opened: OpenRequest | undefined = undefined;

  constructor(deps: Deps) {
    this.deps = deps;
  }

  /** An earlier `requireApiKey` has allowed the same request, perhaps by another key or without one. */
  protected follow(earlier: RequestContext | undefined): void {
    if (!(earlier instanceof PassedRequest)) return;
    this.earlier = earlier;
    this.opened = earlier.opened;
    this.opened?.follow(this);
  }

  passFeature(requirement: FeatureRequirement, subject: FeatureSubject): void {
    this.earlier = new PassedFeature(requirement, subject, this);
    this.opened?.follow(this);
  }

  /** Ends the response with the requirements, whether or not it has begun then. */
  endResponse(exchange: Exchange): void {
    this.open(exchange).endResponse(exchange);
  }

  endStream(exchange: Exchange): void {
    if (!this.deps.keepsStream) this.open(exchange).endStream(exchange);
  }

  watchFor(open: OpenRequest): void {
    this.opened = open;
  }

  abstract emitEnded(reason: UseEnd['reason'], request: { readonly req: Request }): void;

  abstract readAgain(caches: EntryCaches, request: ReadAgain): Promise<Reread>;

  passed(): readonly PassedRequirement[] {
    const all: PassedRequirement[] = [];
    for (let each: PassedRequirement | undefined = this; each !== undefined; each = each.earlier) all.push(each);
    return all;
  }

  /** The one of the request: it ends when any requirement is no longer met, also one that was passed after this. */
  open(exchange: Exchange): OpenRequest {
    if (this.opened === undefined) {
      const latest = this.deps.contexts.get(exchange.req);
      this.opened =
        latest instanceof PassedRequest && latest !== this ? latest.open(exchange) : new OpenRequest(this, exchange);
    }
    return this.opened;
  }
}
