import type { Request, Response } from 'express';
import type { Clock } from '../clock';
import { destroyResponse } from '../http/destroy-response';
import { abortReasonOf, type EntryCaches, type Reread, type UseEnd } from './entry-use';

/** A request and the response to it. Not `req.res`: Express' apps set that, and each app that the request passes sets its own. */
export interface Exchange {
  readonly req: Request;
  /** Undefined if it is not known. */
  readonly res: Response | undefined;
}

export interface ReadAgain {
  readonly req: Request;
  /** See `readValid`. */
  readonly isOwn: boolean;
  readonly clock: Clock;
}

/** A requirement that a request has passed: `requireApiKey` or `requireFeature`. They are linked, the latest first. */
export interface PassedRequirement {
  readonly earlier: PassedRequirement | undefined;
  /** Ends signal and response of the request when it would be denied. Watches it once, if called again. */
  watchFor(open: OpenRequest): void;
  emitEnded(reason: UseEnd['reason'], request: { readonly req: Request }): void;
  /** See `ConfirmRequest`. */
  readAgain(caches: EntryCaches, request: ReadAgain): Promise<Reread>;
}

/** Properties that are true or false, in one number: a field takes eight bytes of each open response. */
const Flag = {
  /** The response ends with the requirements if it streams a body. */
  endsStream: 1,
  /** The response ends with the requirements in any case. */
  endsResponse: 2,
  /** `res.write` has been replaced. */
  watchesWrites: 4,
  /** The requirements of the request are watched. */
  isWatched: 8,
  /** The event of the request has been emitted. */
  hasEnded: 16,
} as const;

/**
 * Requirements that are not met, of responses that have not begun: a first piece of a streamed body would be too late. Not in a
 * field, because few have one.
 */
const deniedOf = new WeakMap<OpenResponse, Map<PassedRequirement, UseEnd>>();

/** A response to a request. */
class OpenResponse {
  protected flags = 0;

  constructor(protected exchange: Exchange) {}

  get res(): Response | undefined {
    return this.exchange.res;
  }

  /** Whether the response is this one, or is taken to be, because none was known. */
  is(exchange: Exchange): boolean {
    if (this.res === undefined) this.exchange = exchange;
    return this.res === exchange.res;
  }

  hasClosed(): boolean {
    const { res } = this;
    // Not each response has all of them: those of adapters are objects of their own.
    return res?.closed === true || res?.destroyed === true || res?.writableFinished === true;
  }

  endsWith(flag: 'endsStream' | 'endsResponse'): void {
    this.flags |= Flag[flag];
  }

  allowAgain(requirement: PassedRequirement): void {
    deniedOf.get(this)?.delete(requirement);
  }

  /** Returns true if the response has not begun, and ends when it begins to stream. */
  endNow(end: UseEnd, requirement: PassedRequirement, request: OpenRequest): boolean {
    const { res } = this;
    const ends = this.flags & (Flag.endsResponse | Flag.endsStream);
    if (res === undefined || ends === 0) return false;
    if (ends === Flag.endsStream && res.headersSent === false) {
      this.endAtWrite(res, end, requirement, request);
      return true;
    }
    destroyResponse(res);
    return false;
  }

  /** A response that is sent whole was accepted in time. */
  private endAtWrite(res: Response, end: UseEnd, requirement: PassedRequirement, request: OpenRequest): void {
    const denied = deniedOf.get(this) ?? new Map<PassedRequirement, UseEnd>();
    deniedOf.set(this, denied.set(requirement, end));
    if ((this.flags & Flag.watchesWrites) !== 0) return;
    this.flags |= Flag.watchesWrites;
    const write = res.write as (...args: unknown[]) => boolean;
    res.write = (...args: unknown[]) => {
      const [first] = deniedOf.get(this) ?? [];
      if (first !== undefined) {
        deniedOf.delete(this);
        destroyResponse(res);
        request.emitEnded(...first);
      }
      return write.apply(res, args);
    };
  }
}

/** The parts that most requests have no need of. */
interface RareParts {
  readonly controller: AbortController | null;
  /** Further responses, if an app answers a part of a batch with the same request. */
  readonly others: readonly OpenResponse[];
}

/**
 * Signal and responses of an allowed request, which end when one of its requirements is no longer met. Ten thousand can be open, so it is
 * small: it is its first response itself, and has no `#private` methods, for which V8 adds a field to each object.
 */
export class OpenRequest extends OpenResponse {
  private latest: PassedRequirement | undefined;
  private rare: RareParts | null = null;

  constructor(latest: PassedRequirement | undefined, exchange: Exchange) {
    super(exchange);
    this.latest = latest;
  }

  get req(): Request {
    return this.exchange.req;
  }

  /** Takes over the requirements of a request that has passed a further one. */
  follow(latest: PassedRequirement): void {
    this.latest = latest;
    if ((this.flags & Flag.isWatched) !== 0) this.watchAll();
  }

  /** Ends the response with the requirements, whether or not it has begun then. */
  endResponse(exchange: Exchange): void {
    this.join(exchange).endsWith('endsResponse');
    this.watch();
  }

  /** Ends the response with the requirements, if it streams a body. */
  endStream(exchange: Exchange): void {
    this.join(exchange).endsWith('endsStream');
    this.watch();
  }

  openSignal(exchange: Exchange): AbortSignal {
    this.join(exchange);
    const controller = this.rare?.controller ?? new AbortController();
    this.rare = { controller, others: this.rare?.others ?? [] };
    this.watch();
    return controller.signal;
  }

  isOver(): boolean {
    return this.responses.every((response) => response.hasClosed());
  }

  /** A requirement is met. */
  allow(requirement: PassedRequirement): void {
    for (const response of this.responses) response.allowAgain(requirement);
  }

  /** A requirement is not met. Returns false if it has to be watched further. */
  end(end: UseEnd, requirement: PassedRequirement): boolean {
    const controller = this.rare?.controller;
    const aborts = controller?.signal.aborted === false;
    if (aborts) controller?.abort(abortReasonOf(end));
    const open = this.responses.filter((response) => !response.hasClosed());
    const later = open.filter((response) => response.endNow(end, requirement, this));
    if (aborts || later.length < open.length) this.emitEnded(requirement, end);
    // If only the signal has ended, the response can still be watched.
    if (later.length === 0) this.flags &= ~Flag.isWatched;
    return later.length === 0;
  }

  /** Emits one event, also if the signal aborts before the response ends. */
  emitEnded(requirement: PassedRequirement, { reason }: UseEnd): void {
    if ((this.flags & Flag.hasEnded) !== 0) return;
    this.flags |= Flag.hasEnded;
    requirement.emitEnded(reason, this);
  }

  private get responses(): readonly OpenResponse[] {
    return this.rare === null ? [this] : [this, ...this.rare.others];
  }

  /** The state of a response. If it is not known, it is taken to be the one before. */
  private join(exchange: Exchange): OpenResponse {
    if (exchange.res === undefined || this.is(exchange)) return this;
    const known = this.rare?.others.find((response) => response.is(exchange));
    if (known !== undefined) return known;
    const joined = new OpenResponse(exchange);
    const others = (this.rare?.others ?? []).filter((response) => !response.hasClosed());
    // With the last response, the watch lets go of the request.
    if (this.hasClosed() && others.length === 0) this.flags &= ~Flag.isWatched;
    this.rare = { controller: this.rare?.controller ?? null, others: [...others, joined] };
    return joined;
  }

  private watch(): void {
    if ((this.flags & Flag.isWatched) !== 0) return;
    this.flags |= Flag.isWatched;
    this.watchAll();
  }

  private watchAll(): void {
    for (let passed = this.latest; passed !== undefined; passed = passed.earlier) passed.watchFor(this);
  }
}
