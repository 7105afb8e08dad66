import type { Request } from 'express';
import type { Events } from '../events';
import { readRequestAddress } from '../http/request-address';
import { type AuthContext, authorize, type Requirement } from '../keys/authorize';
import type { Limiter } from '../limits/limiter';
import { describeRoute } from './describe-request';
import type { KeyEnd, KeyWatch } from './key-watch';
import { OpenRequest } from './open-request';
import {
  type CachedKey,
  createRequestApiKey,
  isApiKeyFrom,
  type RequestApiKey,
  type SignalSource,
} from './request-api-key';
import type { RequestContext } from './request-context';

/** The parts that all requests allowed by one `requireApiKey` share. */
export interface AllowedRequestDeps {
  readonly requirement: Requirement;
  readonly watch: KeyWatch;
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
export class AllowedRequest implements RequestContext, SignalSource<Request> {
  readonly key: CachedKey;
  readonly limiters: readonly Limiter[];
  /** See `RequestContext`. */
  hiddenToken: string | undefined = undefined;
  readonly #context: AuthContext;
  readonly #deps: AllowedRequestDeps;
  /** Of an earlier `requireApiKey` that has allowed the same request. */
  readonly #earlier: RequestContext | undefined;
  #opened: OpenRequest | undefined = undefined;

  constructor(
    key: CachedKey,
    context: AuthContext,
    deps: AllowedRequestDeps,
    earlier: RequestContext | undefined,
    limiters: readonly Limiter[],
  ) {
    this.key = key;
    this.limiters = earlier?.limiters?.length ? [...earlier.limiters, ...limiters] : limiters;
    this.#context = context;
    this.#deps = deps;
    this.#earlier = earlier;
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
    return isApiKeyFrom(given, this) ? given : this.createApiKey(req);
  }

  createApiKey(req: Request): RequestApiKey {
    return createRequestApiKey(this.key, this, req);
  }

  /** Ends the response with the key, whether or not it has begun then. */
  endResponse(req: Request): void {
    this.#open(req).endResponse();
  }

  endStream(req: Request): void {
    if (!this.#deps.keepsStream) this.#open(req).endStream();
  }

  get watch(): KeyWatch {
    return this.#deps.watch;
  }

  leaseEndsSoon(): boolean {
    return this.watch.endsSoon(this.key);
  }

  openSignal(req: Request): AbortSignal {
    return this.#open(req).openSignal();
  }

  check(entry: CachedKey, wall: number, req: Request): KeyEnd | null {
    const denial = authorize(entry, this.#deps.requirement, this.#contextFor(entry, req), wall);
    return denial ?? this.#earlier?.check?.(entry, wall, req) ?? null;
  }

  emitEnded(reason: KeyEnd['reason'], req: Request): void {
    const { events } = this.#deps;
    if (!events.hasListeners('ended')) return;
    const { id: keyId, workspaceId } = this.key.record;
    events.emit('ended', { keyId, workspaceId, reason, ...describeRoute(req) });
  }

  /** With the address, if the key was limited to addresses after the request was allowed. */
  #contextFor({ addresses }: CachedKey, req: Request): AuthContext {
    const context = this.#context;
    if (addresses === null || context.address !== undefined) return context;
    return { ...context, address: readRequestAddress(req) };
  }

  #open(req: Request): OpenRequest {
    this.#opened ??= new OpenRequest(this, req);
    return this.#opened;
  }
}
