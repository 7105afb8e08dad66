import type { Request } from 'express';
import { KeyscopeError } from '../errors';
import type { Events, ReportedEvent } from '../events';
import { describeRoute } from './describe-request';
import type { RequestContext, RequestContexts } from './request-context';

const FAILED =
  "A report (`mode: 'report'`) could not be made, because a function of the app failed: tokenSource, workspace, agent, project or " +
  'compareWith. The request was not affected.';

type RedactionReport = Pick<ReportedEvent & { kind: 'redacted' }, 'withheld' | 'rejection' | 'isPartial'>;

/** The decisions of middleware with `mode: 'report'`. */
export class Reports {
  readonly #events: Events;
  readonly #contexts: RequestContexts;
  readonly #count: (event: ReportedEvent) => void;
  /** Requests that `requireApiKey` has decided about without an effect on them. Null: it would have denied the request. */
  readonly #decisions = new WeakMap<Request, Promise<RequestContext | null>>();

  /** @param count - Counts an event, without I/O. */
  constructor(events: Events, contexts: RequestContexts, count: (event: ReportedEvent) => void) {
    this.#events = events;
    this.#contexts = contexts;
    this.#count = count;
  }

  /** Keeps the decision about a request for the middleware behind. */
  add(req: Request, deciding: Promise<RequestContext | null>): void {
    this.#decisions.set(req, deciding);
  }

  /** The context of a request that was allowed. Null: it would have been denied. Undefined: no `requireApiKey` has seen it. */
  async contextOf(req: Request): Promise<RequestContext | null | undefined> {
    return this.#contexts.get(req) ?? this.#decisions.get(req);
  }

  emit(event: ReportedEvent): void {
    this.#count(event);
    this.#events.emit('reported', event);
  }

  async emitRedaction(req: Request, report: RedactionReport): Promise<void> {
    const context = await this.contextOf(req);
    const { id: keyId = null, workspaceId = null } = context?.key?.record ?? {};
    this.emit({ kind: 'redacted', ...report, keyId, workspaceId, ...describeRoute(req) });
  }

  /** Emits the error of a report. */
  readonly fail = (thrown: unknown): void => {
    const isOurs = thrown instanceof KeyscopeError;
    this.#events.emit('error', isOurs ? thrown : new KeyscopeError('invalid_options', FAILED, { cause: thrown }));
  };
}
