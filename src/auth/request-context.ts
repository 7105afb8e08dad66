import type { Request } from 'express';
import { KeyscopeError } from '../errors';
import type { KeyEnd } from './key-watch';
import type { CachedKey, RequestApiKey } from './request-api-key';

/** Result of `requireApiKey` for a request, for the middleware behind it. */
export interface RequestContext {
  /** Workspace of the request: the declared one, else the key's own. */
  readonly workspaceId: string | undefined;
  /** Agent (= project) of the request, if the route declares one. */
  readonly agentId: string | undefined;
  /** Undefined for an anonymous request. */
  readonly apiKey: RequestApiKey | undefined;
  /** The token that was removed from the request (`hideCredentials`), for a further `requireApiKey`. */
  readonly hiddenToken?: string | undefined;
  /** Ends the response when its key stops being valid, if it streams a body. Undefined for an anonymous request. */
  endStream?(): void;
  /** Whether the key has to be watched at once: its lease ends before the first look at the open response. */
  leaseEndsSoon?(): boolean;
  /** The denial that the request would get now. Undefined for an anonymous request. */
  check?(entry: CachedKey, wall: number): KeyEnd | null;
  /** Whether this is the context of this request, and not of one that it was copied or inherited from. */
  belongsTo(req: Request): boolean;
}

/** The contexts by request. */
export interface RequestContexts {
  set(req: Request, context: RequestContext): void;
  /** Undefined if no `requireApiKey` has allowed the request. */
  get(req: Request): RequestContext | undefined;
}

/**
 * A property with a symbol of its own, which nothing in a request can set. A WeakMap would cost more: a context
 * refers to its request, so that V8 moves both to the old generation, and only a full garbage collection removes them.
 */
export function createRequestContexts(): RequestContexts {
  const property = Symbol('keyscope');
  return {
    set(req, context) {
      (req as Request & { [property]?: RequestContext })[property] = context;
    },
    get(req) {
      const context = (req as Request & { [property]?: RequestContext })[property];
      return context?.belongsTo(req) ? context : undefined;
    },
  };
}

/** Creates `apiKeyOf()`: the key of a request that `requireApiKey` has allowed. */
export function createApiKeyOf(contexts: RequestContexts): (req: Request) => RequestApiKey {
  return function apiKeyOf(req) {
    const apiKey = contexts.get(req)?.apiKey;
    if (apiKey !== undefined) return apiKey;
    throw new KeyscopeError(
      'invalid_options',
      'apiKeyOf() found no key on this request. Put requireApiKey() before it; if that is optional, use req.apiKey.',
    );
  };
}
