import type { Request } from 'express';
import { KeyscopeError } from '../errors';
import type { Limiter } from '../limits/limiter';
import type { FeatureRequirement, FeatureSubject } from './feature-watch';
import type { Exchange, PassedRequirement } from './open-request';
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
  endStream?(exchange: Exchange): void;
  /** Whether the key has to be watched at once: its lease ends before the first look at the open response. */
  leaseEndsSoon?(): boolean;
  /** The requirements that the request has passed, the latest first. */
  passed?(): readonly PassedRequirement[];
  /** The request has passed a `requireFeature`. */
  passFeature?(requirement: FeatureRequirement, subject: FeatureSubject): void;
}

/** The contexts by request. Nothing else in the process can read or set them. */
export interface RequestContexts {
  /** Undefined if no `requireApiKey` has allowed the request. */
  get(req: Request): RequestContext | undefined;
  set(req: Request, context: RequestContext): void;
}

/** Lets a derived class add its private fields to an object that exists. */
class Existing {
  constructor(object: object) {
    // biome-ignore lint/correctness/noConstructorReturn: the derived class continues with the object that is returned.
    return object;
  }
}

/** Creates a store of contexts in a private field of each request. Each store has a field of its own. */
function createContextField(): RequestContexts {
  class RequestWithContext extends Existing {
    #context: RequestContext;

    constructor(req: Request, context: RequestContext) {
      super(req);
      this.#context = context;
    }

    static get(req: object): RequestContext | undefined {
      return #context in req ? req.#context : undefined;
    }

    static set(req: Request, context: RequestContext): void {
      if (#context in req) (req as unknown as RequestWithContext).#context = context;
      else new RequestWithContext(req, context);
    }
  }
  return RequestWithContext;
}

/** The first version of Node in which a further property of one of Express' requests is cheap. Before, it costs 4 µs. */
const CHEAP_PROPERTIES = 24;

/**
 * A `WeakMap` costs the garbage collector about 5 µs a request, a private field only its property. A context in the map must
 * not refer to its request: V8 would move both to the old generation, and only a full garbage collection would remove them.
 */
export function createRequestContexts(): RequestContexts {
  const major = Number.parseInt(process.versions.node, 10);
  return major >= CHEAP_PROPERTIES ? createContextField() : new WeakMap();
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
