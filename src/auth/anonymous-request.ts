import type { Events } from '../events';
import { describeRoute } from './describe-request';
import type { UseEnd } from './entry-use';
import { type FeatureRequirement, type FeatureSubject, PassedFeature } from './feature-watch';
import { type Exchange, OpenRequest, type PassedRequirement } from './open-request';
import type { RequestContext } from './request-context';

/** A request without a key that `requireApiKey` has allowed (`optional`, `allowPreflight`). */
export class AnonymousRequest implements RequestContext {
  readonly key = undefined;
  readonly workspaceId: string | undefined;
  readonly agentId: string | undefined;
  earlier: PassedRequirement | undefined = undefined;
  readonly #events: Events;
  readonly #keepsStream: boolean;
  #opened: OpenRequest | undefined = undefined;

  constructor(
    { workspaceId, agentId }: Pick<RequestContext, 'workspaceId' | 'agentId'>,
    events: Events,
    keepsStream: boolean,
  ) {
    this.workspaceId = workspaceId;
    this.agentId = agentId;
    this.#events = events;
    this.#keepsStream = keepsStream;
  }

  passFeature(requirement: FeatureRequirement, subject: FeatureSubject): void {
    this.earlier = new PassedFeature(requirement, subject, this);
    this.#opened?.follow(this.earlier);
  }

  endStream(exchange: Exchange): void {
    if (this.#keepsStream) return;
    this.#opened ??= new OpenRequest(this.earlier, exchange);
    this.#opened.endStream(exchange);
  }

  emitEnded(reason: UseEnd['reason'], { exchange }: OpenRequest): void {
    const { workspaceId } = this;
    if (workspaceId === undefined || !this.#events.hasListeners('ended')) return;
    this.#events.emit('ended', { keyId: null, workspaceId, reason, ...describeRoute(exchange.req) });
  }
}
