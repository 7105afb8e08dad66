import type { Request } from 'express';
import { readRequestAddress } from '../http/request-address';
import { type AuthContext, authorize, type Requirement } from '../keys/authorize';
import type { Limiter } from '../limits/limiter';
import { describeRoute } from './describe-request';
import { type EntryCaches, type Reread, readAgain, type UseEnd } from './entry-use';
import { KEY_DELETED, type KeyUse, type KeyWatch } from './key-watch';
import type { Exchange, OpenRequest, ReadAgain } from './open-request';
import { PassedRequest, type PassedRequestDeps } from './passed-request';
import {
  type CachedKey,
  createRequestApiKey,
  isApiKeyFrom,
  isSameKey,
  type RequestApiKey,
  type SignalSource,
} from './request-api-key';
import type { RequestContext } from './request-context';

export interface AllowedRequestDeps extends PassedRequestDeps {
  readonly requirement: Requirement;
  readonly watch: KeyWatch;
  /** Name of the request's property for the key. */
  readonly requestProperty: string;
}

/** The context with the address, if the key was limited to addresses after the request was allowed. */
function contextFor({ addresses }: CachedKey, context: AuthContext, req: Request | undefined): AuthContext {
  if (addresses === null || context.address !== undefined || req === undefined) return context;
  return { ...context, address: readRequestAddress(req) };
}

/** A request that `requireApiKey` has allowed by its key. */
export class AllowedRequest extends PassedRequest<AllowedRequestDeps> implements SignalSource<Exchange>, KeyUse {
  readonly key: CachedKey;
  readonly limiters: readonly Limiter[];
  /** See `RequestContext`. */
  hiddenToken: string | undefined = undefined;
  readonly #context: AuthContext;

  constructor(
    key: CachedKey,
    context: AuthContext,
    deps: AllowedRequestDeps,
    earlier: RequestContext | undefined,
    limiters: readonly Limiter[],
  ) {
    super(deps);
    this.key = key;
    this.limiters = limiters;
    this.#context = context;
    this.follow(earlier);
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
    const given: unknown = req[this.deps.requestProperty as 'apiKey'];
    return isApiKeyFrom(given, this) ? given : this.createApiKey({ req, res: req.res });
  }

  createApiKey(exchange: Exchange): RequestApiKey {
    return createRequestApiKey(this, exchange);
  }

  leaseEndsSoon(): boolean {
    return this.deps.watch.endsSoon(this.watchedId);
  }

  openSignal(exchange: Exchange): AbortSignal {
    return this.open(exchange).openSignal(exchange);
  }

  override watchFor(open: OpenRequest): void {
    super.watchFor(open);
    this.deps.watch.add(this);
  }

  check(entry: CachedKey | null, wall: number): UseEnd | null {
    const denial = this.denialFor(entry, wall, this.opened?.req);
    if (denial === null) this.opened?.allow(this);
    return denial;
  }

  readAgain({ keys }: EntryCaches, { req, isOwn, clock }: ReadAgain): Promise<Reread> {
    const reading = { cache: keys, id: this.watchedId, isOwn, clock };
    return readAgain(reading, (entry, wall) => this.denialFor(entry, wall, req));
  }

  private denialFor(entry: CachedKey | null, wall: number, req: Request | undefined): UseEnd | null {
    if (!isSameKey(this.key, entry)) return KEY_DELETED;
    return authorize(entry, this.deps.requirement, contextFor(entry, this.#context, req), wall);
  }

  isOver(): boolean {
    return this.opened?.isOver() ?? true;
  }

  end(end: UseEnd): boolean {
    return this.opened?.end(end, this) ?? true;
  }

  emitEnded(reason: UseEnd['reason'], { req }: { readonly req: Request }): void {
    const { events } = this.deps;
    if (!events.hasListeners('ended')) return;
    const { id: keyId, workspaceId } = this.key.record;
    events.emit('ended', { keyId, workspaceId, reason, ...describeRoute(req) });
  }
}
