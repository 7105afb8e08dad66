import type { Request } from 'express';
import type { Events } from '../events';
import { readRequestAddress } from '../http/request-address';
import { type AuthContext, authorize, type Requirement } from '../keys/authorize';
import type { Limiter } from '../limits/limiter';
import { describeRoute } from './describe-request';
import type { UseEnd } from './entry-use';
import { type FeatureRequirement, type FeatureSubject, PassedFeature } from './feature-watch';
import { KEY_DELETED, type KeyUse, type KeyWatch } from './key-watch';
import { type Exchange, OpenRequest, type PassedRequirement } from './open-request';
import {
  type CachedKey,
  createRequestApiKey,
  isApiKeyFrom,
  isSameKey,
  type RequestApiKey,
  type SignalSource,
} from './request-api-key';
import type { RequestContext, RequestContexts } from './request-context';

/** The parts that all requests allowed by one `requireApiKey` share. */
export interface AllowedRequestDeps {
  readonly requirement: Requirement;
  readonly watch: KeyWatch;
  readonly contexts: RequestContexts;
  readonly events: Events;
  /** Name of the request's property for the key. */
  readonly requestProperty: string;
  /** `endOnRevocation` is false. */
  readonly keepsStream: boolean;
}

/**
 * An allowed request. Its key is watched only if the signal is read or the response is to end with the key, so that
 * other requests do not pay for it. Only then does it refer to the request: see `RequestContexts`.
 */
export class AllowedRequest implements RequestContext, SignalSource<Exchange>, KeyUse, PassedRequirement {
  readonly key: CachedKey;
  readonly limiters: readonly Limiter[];
  /** See `RequestContext`. */
  hiddenToken: string | undefined = undefined;
  earlier: PassedRequirement | undefined;
  readonly #context: AuthContext;
  readonly #deps: AllowedRequestDeps;
  #opened: OpenRequest | undefined = undefined;

  constructor(
    key: CachedKey,
    context: AuthContext,
    deps: AllowedRequestDeps,
    earlier: RequestContext | undefined,
    limiters: readonly Limiter[],
  ) {
    this.key = key;
    this.limiters = limiters;
    this.earlier = undefined;
    this.#context = context;
    this.#deps = deps;
    if (earlier instanceof AllowedRequest) this.#follow(earlier);
  }

  get watchedId(): string {
    return this.key.record.id;
  }

  get accepted(): CachedKey {
    return this.key;
  }

  get workspaceId(): string {
    return this.key.record.workspaceId;
  }

  get agentId(): string | undefined {
    const { agent } = this.#context;
    return typeof agent === 'object' ? agent?.value : undefined;
  }

  /** The key that the request was given, or an equal one if the app has replaced it. */
  apiKeyOf(req: Request): RequestApiKey {
    const given: unknown = req[this.#deps.requestProperty as 'apiKey'];
    return isApiKeyFrom(given, this) ? given : this.createApiKey({ req, res: req.res });
  }

  createApiKey(exchange: Exchange): RequestApiKey {
    return createRequestApiKey(this.key, this, exchange);
  }

  /** Ends the response with the key, whether or not it has begun then. */
  endResponse(exchange: Exchange): void {
    this.open(exchange).endResponse(exchange);
  }

  endStream(exchange: Exchange): void {
    if (!this.#deps.keepsStream) this.open(exchange).endStream(exchange);
  }

  leaseEndsSoon(): boolean {
    return this.#deps.watch.endsSoon(this.watchedId);
  }

  openSignal(exchange: Exchange): AbortSignal {
    return this.open(exchange).openSignal();
  }

  passFeature(requirement: FeatureRequirement, subject: FeatureSubject): void {
    this.earlier = new PassedFeature(requirement, subject, this);
    this.#opened?.follow(this);
  }

  watchFor(open: OpenRequest): void {
    this.#opened = open;
    this.#deps.watch.add(this);
  }

  check(entry: CachedKey | null, wall: number): UseEnd | null {
    if (!isSameKey(this.key, entry)) return KEY_DELETED;
    const denial = authorize(entry, this.#deps.requirement, this.#contextFor(entry), wall);
    if (denial === null) this.#opened?.allow(this);
    return denial;
  }

  isOver(): boolean {
    return this.#opened?.isOver() ?? true;
  }

  end(end: UseEnd): boolean {
    return this.#opened?.end(end, this) ?? true;
  }

  emitEnded(reason: UseEnd['reason'], { exchange }: OpenRequest): void {
    const { events } = this.#deps;
    if (!events.hasListeners('ended')) return;
    const { id: keyId, workspaceId } = this.key.record;
    events.emit('ended', { keyId, workspaceId, reason, ...describeRoute(exchange.req) });
  }

  /** With the address, if the key was limited to addresses after the request was allowed. */
  #contextFor({ addresses }: CachedKey): AuthContext {
    const context = this.#context;
    if (addresses === null || context.address !== undefined || this.#opened === undefined) return context;
    return { ...context, address: readRequestAddress(this.#opened.exchange.req) };
  }

  /** An earlier `requireApiKey` has allowed the same request, perhaps by another key. */
  #follow(earlier: AllowedRequest): void {
    this.earlier = earlier;
    this.#opened = earlier.#opened;
    this.#opened?.follow(this);
  }

  /** The one of the request: it ends when any requirement is no longer met, also one that was passed after this. */
  open(exchange: Exchange): OpenRequest {
    if (this.#opened === undefined) {
      const latest = this.#deps.contexts.get(exchange.req);
      this.#opened =
        latest instanceof AllowedRequest && latest !== this ? latest.open(exchange) : new OpenRequest(this, exchange);
    }
    return this.#opened;
  }
}
