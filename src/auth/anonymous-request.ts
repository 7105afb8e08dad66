import { describeRoute } from './describe-request';
import type { UseEnd } from './entry-use';
import type { OpenRequest } from './open-request';
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

  emitEnded(reason: UseEnd['reason'], { req }: OpenRequest): void {
    const { workspaceId } = this;
    const { events } = this.deps;
    if (workspaceId === undefined || !events.hasListeners('ended')) return;
    events.emit('ended', { keyId: null, workspaceId, reason, ...describeRoute(req) });
  }
}
