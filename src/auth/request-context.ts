import type { Request } from 'express';

/** What `requireApiKey` found out about a request, for the middleware behind it. */
export interface RequestContext {
  /** The workspace the request is about: the declared one, else the key's own. */
  readonly workspaceId: string | undefined;
  /** The agent (= project) that the route names, where it names one. */
  readonly agentId: string | undefined;
  /** The key that the request was let in with; undefined where it came without one. */
  readonly keyId: string | undefined;
  /** Which agents the key reaches; undefined where a request without a key was let in. */
  readonly scope: { allowsAgent(agentId: string): boolean } | undefined;
}

/** Which request is about what. */
export interface RequestContexts {
  set(req: Request, target: RequestContext): void;
  /** Undefined where no `requireApiKey` has let the request in. */
  get(req: Request): RequestContext | undefined;
}

/**
 * Beside the requests, not on them: nothing that a request carries and no other middleware can set it; and a property
 * more on Express' request objects, which V8 keeps as dictionaries, costs several times what the map does.
 */
export function createRequestContexts(): RequestContexts {
  return new WeakMap<Request, RequestContext>();
}
