import type { Request } from 'express';
import { describeRoute } from './describe-request';
import type { Reread, UseEnd } from './entry-use';
import { PassedRequest, type PassedRequestDeps } from './passed-request';
import type { RequestContext } from './request-context';

/** A request without a key that `requireApiKey` has allowed (`optional`, `allowPreflight`). */
export class AnonymousRequest extends PassedRequest<PassedRequestDeps> {
  readonly key = undefined;
  readonly workspaceId: string | undefined;
  readonly agentId: string | undefined;

  constructor(
    { workspaceId, agentId }: Pick<RequestContext, 'workspaceId' | 'agentId'>,
    deps: PassedRequestDeps,
    earlier: RequestContext | undefined,
  ) {
    super(deps);
    this.workspaceId = workspaceId;
    this.agentId = agentId;
    this.follow(earlier);
  }

  /** It depends on nothing that can change. */
  async readAgain(): Promise<Reread> {
    return { isValid: () => true, denial: () => null };
  }

  emitEnded(reason: UseEnd['reason'], { req }: { readonly req: Request }): void {
    const { workspaceId } = this;
    const { events } = this.deps;
    if (workspaceId === undefined || !events.hasListeners('ended')) return;
    events.emit('ended', { keyId: null, workspaceId, reason, ...describeRoute(req) });
  }
}
