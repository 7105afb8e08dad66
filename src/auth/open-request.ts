import type { Request, Response } from 'express';
import { abortReasonOf, type UseEnd } from './entry-use';

/** A request and the response to it. Not `req.res`: Express' apps set that, and each app that the request passes sets its own. */
export interface Exchange {
  readonly req: Request;
  /** Undefined if it is not known. */
  readonly res: Response | undefined;
}

/** A requirement that a request has passed: `requireApiKey` or `requireFeature`. They are linked, the latest first. */
export interface PassedRequirement {
  readonly earlier: PassedRequirement | undefined;
  /** Ends signal and response of the request when it would be denied. Watches it once, if called again. */
  watchFor(open: OpenRequest): void;
  emitEnded(reason: UseEnd['reason'], open: OpenRequest): void;
}

/** Properties of an open request that are true or false, in one number: each field is eight bytes of each open response. */
const Flag = {
  /** The response ends with the requirements if it streams a body. */
  endsStream: 1,
  /** The response ends with the requirements in any case. */
  endsResponse: 2,
  isWatched: 4,
  /** `res.write` has been replaced. */
  watchesWrites: 8,
  /** The event has been emitted. */
  hasEnded: 16,
} as const;
type FlagName = keyof typeof Flag;

/** Signal and response of an allowed request, which end when one of its requirements is no longer met. */
export class OpenRequest {
  exchange: Exchange;
  #latest: PassedRequirement | undefined;
  #controller: AbortController | null = null;
  #flags = 0;
  /**
   * Requirements that are not met, while the response has not begun. A first piece of a streamed body would be too late.
   * Null: none so far.
   */
  #denying: Map<PassedRequirement, UseEnd> | null = null;

  constructor(latest: PassedRequirement | undefined, exchange: Exchange) {
    this.#latest = latest;
    this.exchange = exchange;
  }

  /** Takes over the requirements of a request that has passed a further one. */
  follow(latest: PassedRequirement): void {
    this.#latest = latest;
    if (this.#is('isWatched')) this.#watchAll();
  }

  /** Ends the response with the requirements, whether or not it has begun then. */
  endResponse(exchange: Exchange): void {
    this.exchange = exchange;
    this.#set('endsResponse', true);
    this.#watch();
  }

  /** Ends the response with the requirements, if it streams a body. `exchange`: from a middleware, which knows the response. */
  endStream(exchange: Exchange): void {
    this.exchange = exchange;
    if (this.#is('endsResponse') || this.#is('endsStream')) return;
    this.#set('endsStream', true);
    this.#watch();
  }

  openSignal(): AbortSignal {
    this.#controller ??= new AbortController();
    this.#watch();
    return this.#controller.signal;
  }

  isOver(): boolean {
    const { res } = this.exchange;
    // Not each response has all of them: those of adapters are objects of their own.
    return res?.closed === true || res?.destroyed === true || res?.writableFinished === true;
  }

  /** A requirement is met. */
  allow(requirement: PassedRequirement): void {
    this.#denying?.delete(requirement);
  }

  /** A requirement is not met. */
  end(end: UseEnd, requirement: PassedRequirement): boolean {
    const { res } = this.exchange;
    const endsLater = !this.#is('endsResponse') && this.#is('endsStream') && res?.headersSent === false;
    const aborts = this.#controller?.signal.aborted === false;
    if (aborts) this.#controller?.abort(abortReasonOf(end));
    if (endsLater) this.#endAtWrite(res, requirement, end);
    else if (this.#is('endsResponse') || this.#is('endsStream')) res?.destroy();
    if (aborts || !endsLater) this.#emitEnded(requirement, end);
    // If only the signal has ended, the response can still be watched.
    this.#set('isWatched', endsLater);
    return !endsLater;
  }

  /** Ends the response when it begins to stream. A response that is sent whole was accepted in time. */
  #endAtWrite(res: Response, requirement: PassedRequirement, end: UseEnd): void {
    this.#denying ??= new Map();
    this.#denying.set(requirement, end);
    if (this.#is('watchesWrites')) return;
    this.#set('watchesWrites', true);
    const write = res.write as (...args: unknown[]) => boolean;
    res.write = (...args: unknown[]) => {
      const [denying] = this.#denying ?? [];
      if (denying !== undefined) {
        this.#denying = null;
        res.destroy();
        this.#emitEnded(...denying);
      }
      return write.apply(res, args);
    };
  }

  /** Emits one event, also if the signal aborts before the response ends. */
  #emitEnded(requirement: PassedRequirement, { reason }: UseEnd): void {
    if (this.#is('hasEnded')) return;
    this.#set('hasEnded', true);
    requirement.emitEnded(reason, this);
  }

  #watch(): void {
    if (this.#is('isWatched')) return;
    this.#set('isWatched', true);
    this.#watchAll();
  }

  #watchAll(): void {
    for (let passed: PassedRequirement | undefined = this.#latest; passed !== undefined; passed = passed.earlier) {
      passed.watchFor(this);
    }
  }

  #is(name: FlagName): boolean {
    return (this.#flags & Flag[name]) !== 0;
  }

  #set(name: FlagName, value: boolean): void {
    this.#flags = value ? this.#flags | Flag[name] : this.#flags & ~Flag[name];
  }
}
