import type { Request } from 'express';
import type { Configurations } from '../cache/caches';
import { KeyscopeError } from '../errors';
import type { Limiter } from '../limits/limiter';
import type { FeatureRequirement } from './feature-watch';
import type { CachedKey, RequestApiKey } from './request-api-key';

/** Result of `requireApiKey` for a request, for the middleware behind it. */
export interface RequestContext {
  /** Workspace of the request: the declared one, else the key's own. */
  readonly workspaceId: string | undefined;
  /** Agent (= project) of the request, if the route declares one. */
  readonly agentId: string | undefined;
  /** Undefined for an anonymous request. So are the functions below. */
  readonly key: CachedKey | undefined;
  /** The token that was removed from the request (`hideCredentials`), for a further `requireApiKey`. */
  readonly hiddenToken?: string | undefined;
  /** The limiters that the request has taken allowance from. */
  readonly limiters?: readonly Limiter[];
  /** `req.apiKey`. */
  apiKeyOf?(req: Request): RequestApiKey;
  /** Ends the response when its key stops being valid, if it streams a body. */
  endStream?(req: Request): void;
  /** Whether the key has to be watched at once: its lease ends before the first look at the open response. */
  leaseEndsSoon?(): boolean;
  /** The request has passed a `requireFeature`. */
  passFeature?(requirement: FeatureRequirement, projectId: string, configurations: Configurations): void;
}

/** The contexts by request. `get` returns undefined if no `requireApiKey` has allowed the request. */
export type RequestContexts = Pick<WeakMap<Request, RequestContext>, 'get' | 'set'>;

/**
 * Beside the requests: nothing in a request can set it, and a further property of one of Express' requests costs 4 µs on
 * Node 20. A context must not refer to its request. V8 would move both to the old generation, and only a full garbage
 * collection would remove them.
 */
export function createRequestContexts(): RequestContexts {
  return new WeakMap();
}

/** Creates `apiKeyOf()`: the key of a request that `requireApiKey` has allowed. */
export function createApiKeyOf(contexts: RequestContexts): (req: Request) => RequestApiKey {
  return function apiKeyOf(req) {
    const apiKey = contexts.get(req)?.apiKeyOf?.(req);
    if (apiKey !== undefined) return apiKey;
    throw new KeyscopeError(
      'invalid_options',
      'apiKeyOf() found no key on this request. Put requireApiKey() before it; if that is optional, use req.apiKey.',
    );
  };
}
