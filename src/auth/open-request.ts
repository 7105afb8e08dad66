import type { Request, Response } from 'express';
import { destroyResponse } from '../http/destroy-response';
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

/** Properties of an open response that are true or false, in one number: each field is eight bytes of each. */
const Flag = {
  /** The response ends with the requirements if it streams a body. */
  endsStream: 1,
  /** The response ends with the requirements in any case. */
  endsResponse: 2,
  /** `res.write` has been replaced. */
  watchesWrites: 4,
} as const;

/** A response to the request. */
class OpenResponse {
  #flags = 0;
  /**
   * Requirements that are not met, while the response has not begun. A first piece of a streamed body would be too late.
   * Null: none so far.
   */
  #denying: Map<PassedRequirement, UseEnd> | null = null;

  /** @param res - Undefined if it is not known. */
  constructor(public res: Response | undefined) {}

  isOver(): boolean {
    const { res } = this;
    // Not each response has all of them: those of adapters are objects of their own.
    return res?.closed === true || res?.destroyed === true || res?.writableFinished === true;
  }

  endsWith(flag: 'endsStream' | 'endsResponse'): void {
    this.#flags |= Flag[flag];
  }

  allow(requirement: PassedRequirement): void {
    this.#denying?.delete(requirement);
  }

  /** Returns true if the response has not begun, and ends when it begins to stream. */
  end(end: UseEnd, requirement: PassedRequirement, request: OpenRequest): boolean {
    const { res } = this;
    const ends = this.#flags & (Flag.endsResponse | Flag.endsStream);
    if (res === undefined || ends === 0) return false;
    if (ends === Flag.endsStream && res.headersSent === false) {
      this.#endAtWrite(res, end, requirement, request);
      return true;
    }
    destroyResponse(res);
    return false;
  }

  /** A response that is sent whole was accepted in time. */
  #endAtWrite(res: Response, end: UseEnd, requirement: PassedRequirement, request: OpenRequest): void {
    this.#denying ??= new Map();
    this.#denying.set(requirement, end);
    if ((this.#flags & Flag.watchesWrites) !== 0) return;
    this.#flags |= Flag.watchesWrites;
    const write = res.write as (...args: unknown[]) => boolean;
    res.write = (...args: unknown[]) => {
      const [denying] = this.#denying ?? [];
      if (denying !== undefined) {
        this.#denying = null;
        destroyResponse(res);
        request.emitEnded(...denying);
      }
      return write.apply(res, args);
    };
  }
}

/** Signal and responses of an allowed request, which end when one of its requirements is no longer met. */
export class OpenRequest {
  readonly req: Request;
  #latest: PassedRequirement | undefined;
  #controller: AbortController | null = null;
  /** The first that is still open. */
  #response: OpenResponse;
  /** Further ones, if an app answers a part of a batch with the same request. Null: none so far. */
  #others: OpenResponse[] | null = null;
  #isWatched = false;
  /** The event has been emitted. */
  #hasEnded = false;

  constructor(latest: PassedRequirement | undefined, { req, res }: Exchange) {
    this.req = req;
    this.#latest = latest;
    this.#response = new OpenResponse(res);
  }

  /** Takes over the requirements of a request that has passed a further one. */
  follow(latest: PassedRequirement): void {
    this.#latest = latest;
    if (this.#isWatched) this.#watchAll();
  }

  /** Ends the response with the requirements, whether or not it has begun then. */
  endResponse({ res }: Exchange): void {
    this.#join(res).endsWith('endsResponse');
    this.#watch();
  }

  /** Ends the response with the requirements, if it streams a body. */
  endStream({ res }: Exchange): void {
    this.#join(res).endsWith('endsStream');
    this.#watch();
  }

  openSignal({ res }: Exchange): AbortSignal {
    this.#join(res);
    this.#controller ??= new AbortController();
    this.#watch();
    return this.#controller.signal;
  }

  isOver(): boolean {
    return this.#responses.every((response) => response.isOver());
  }

  /** A requirement is met. */
  allow(requirement: PassedRequirement): void {
    for (const response of this.#responses) response.allow(requirement);
  }

  /** A requirement is not met. Returns false if it has to be watched further. */
  end(end: UseEnd, requirement: PassedRequirement): boolean {
    const aborts = this.#controller?.signal.aborted === false;
    if (aborts) this.#controller?.abort(abortReasonOf(end));
    const open = this.#responses.filter((response) => !response.isOver());
    const later = open.filter((response) => response.end(end, requirement, this));
    if (aborts || later.length < open.length) this.emitEnded(requirement, end);
    // If only the signal has ended, the response can still be watched.
    this.#isWatched = later.length > 0;
    return !this.#isWatched;
  }

  /** Emits one event, also if the signal aborts before the response ends. */
  emitEnded(requirement: PassedRequirement, { reason }: UseEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    requirement.emitEnded(reason, this);
  }

  get #responses(): readonly OpenResponse[] {
    return this.#others === null ? [this.#response] : [this.#response, ...this.#others];
  }

  /** The state of a response. If it is not known, it is taken to be the one before. */
  #join(res: Response | undefined): OpenResponse {
    if (res === undefined) return this.#response;
    const known = this.#responses.find((response) => response.res === res || response.res === undefined);
    if (known !== undefined) {
      known.res ??= res;
      return known;
    }
    const joined = new OpenResponse(res);
    const open = this.#responses.filter((response) => !response.isOver());
    // With the last response, the watch lets go of the request.
    if (open.length === 0) this.#isWatched = false;
    const [first = joined, ...others] = [...open, joined];
    this.#response = first;
    this.#others = others.length > 0 ? others : null;
    return joined;
  }

  #watch(): void {
    if (this.#isWatched) return;
    this.#isWatched = true;
    this.#watchAll();
  }

  #watchAll(): void {
    for (let passed: PassedRequirement | undefined = this.#latest; passed !== undefined; passed = passed.earlier) {
      passed.watchFor(this);
    }
  }
}
