import type { Request } from 'express';

/** What `requireApiKey` found out about a request, for the middleware behind it. */
export interface RequestTarget {
  /** The workspace the request is about: the declared one, else the key's own. */
  readonly workspaceId: string | undefined;
  /** The agent (= project) that the route names, where it names one. */
  readonly agentId: string | undefined;
}

/** A symbol, not a name: nothing that a request carries, and no other middleware, can set it by accident. */
const TARGET = Symbol('keyscope.target');

type Marked = Request & { [TARGET]?: RequestTarget };

export function setTarget(req: Request, target: RequestTarget): void {
  (req as Marked)[TARGET] = target;
}

/** Undefined where no `requireApiKey` has let the request in. */
export function getTarget(req: Request): RequestTarget | undefined {
  return (req as Marked)[TARGET];
}
