import type { Request } from 'express';
import { KeyscopeError } from '../errors';
import type { RequestApiKey } from './request-api-key';

/** Result of `requireApiKey` for a request, for the middleware behind it. */
export interface RequestContext {
  /** Workspace of the request: the declared one, else the key's own. */
  readonly workspaceId: string | undefined;
  /** Agent (= project) of the request, if the route declares one. */
  readonly agentId: string | undefined;
  /** Undefined for an anonymous request. */
  readonly apiKey: RequestApiKey | undefined;
  /** Ends the response when its key stops being valid, if it streams a body. Undefined for an anonymous request. */
  endStream?(): void;
  /** Whether the key has to be watched at once: its lease ends before the first look at the open response. */
  leaseEndsSoon?(): boolean;
}

/** The contexts by request. */
export interface RequestContexts {
  set(req: Request, context: RequestContext): void;
  /** Undefined if no `requireApiKey` has allowed the request. */
  get(req: Request): RequestContext | undefined;
}

/**
 * A WeakMap rather than a property of the request, because other middleware and what a request carries could set that.
 * V8 keeps Express' request objects as dictionaries, so that a property would cost several times as much.
 */
export function createRequestContexts(): RequestContexts {
  return new WeakMap<Request, RequestContext>();
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
