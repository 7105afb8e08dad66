import type { Request, Response } from 'express';
import { KeyscopeError } from '../errors';
import type { Events } from '../events';
import { type AuthContext, authorize, type Requirement } from '../keys/authorize';
import type { KeyEnd, KeyUse, KeyWatch } from './key-watch';
import { type CachedKey, createRequestApiKey, type RequestApiKey, type SignalSource } from './request-api-key';
import type { RequestContext } from './request-context';
import type { SharedSignals } from './shared-signals';

/** Whether a response ends with its key: if it streams a body, in any case, or not. */
type EndsResponse = 'streaming' | 'always' | 'never';

/** The parts that all open requests share. */
export interface WatchDeps {
  readonly watch: KeyWatch;
  readonly events: Events;
  /** Signals of `verify`. */
  readonly signals: SharedSignals;
}

/**
 * An allowed request, or an allowed call of `verify`. Its key is watched only if the signal is read or the response is to
 * end with the key, so that other requests do not pay for it.
 */
export class AllowedRequest implements RequestContext, KeyUse, SignalSource {
  readonly apiKey: RequestApiKey;
  /** See `RequestContext`. */
  hiddenToken: string | undefined;
  readonly #requirement: Requirement;
  readonly #context: AuthContext;
  readonly #key: CachedKey;
  /** Null for `verify`, which has no response. */
  readonly #req: Request | null;
  readonly #deps: WatchDeps;
  /** `endOnRevocation` is false. */
  readonly #keepsStream: boolean;
  /** Of an earlier `requireApiKey` that has allowed the same request. */
  readonly #earlier: RequestContext | undefined;
  #endsResponse: EndsResponse = 'never';
  #controller: AbortController | null = null;
  #isWatched = false;
  /** The key is not valid, and the response has not begun. A first piece of a streamed body would be too late. */
  #endsAtWrite = false;
  #watchesWrites = false;
  #hasEnded = false;

  constructor(
    key: CachedKey,
    requirement: Requirement,
    context: AuthContext,
    req: Request | null,
    deps: WatchDeps,
    keepsStream = false,
    earlier?: RequestContext,
  ) {
    this.apiKey = createRequestApiKey(key, this);
    this.#requirement = requirement;
    this.#context = context;
    this.#key = key;
    this.#req = req;
    this.#deps = deps;
    this.#keepsStream = keepsStream;
    this.#earlier = earlier;
  }

  get workspaceId(): string {
    return this.#key.record.workspaceId;
  }

  get agentId(): string | undefined {
    const { agent } = this.#context;
    return typeof agent === 'object' ? agent?.value : undefined;
  }

  belongsTo(req: Request): boolean {
    return this.#req === req;
  }

  /** Ends the response with the key, whether or not it has begun then. */
  endResponse(): void {
    this.#endsResponse = 'always';
    this.#watch();
  }

  endStream(): void {
    if (this.#endsResponse !== 'never' || this.#keepsStream) return;
    this.#endsResponse = 'streaming';
    this.#watch();
  }

  leaseEndsSoon(): boolean {
    return this.#deps.watch.endsSoon(this.#key);
  }

  openSignal(): AbortSignal {
    if (this.#req === null) return this.#deps.signals.open(this.#key, this.#requirement, this.#context);
    this.#controller = new AbortController();
    this.#watch();
    return this.#controller.signal;
  }

  check(entry: CachedKey, wall: number): KeyEnd | null {
    const { record, scope } = entry;
    const denial = authorize(record, scope, this.#requirement, this.#context, wall);
    const end = denial ?? this.#earlier?.check?.(entry, wall) ?? null;
    if (end === null) this.#endsAtWrite = false;
    return end;
  }

  isOver(): boolean {
    const res = this.#req?.res;
    return res !== undefined && (res.closed || res.destroyed || res.writableFinished);
  }

  end({ reason, code, message }: KeyEnd): boolean {
    const res = this.#req?.res;
    const endsLater = this.#endsResponse === 'streaming' && res?.headersSent === false;
    const aborts = this.#controller?.signal.aborted === false;
    if (aborts) this.#controller?.abort(new KeyscopeError(code, message));
    if (endsLater) this.#endAtWrite(res, reason);
    else if (this.#endsResponse !== 'never') res?.destroy();
    if (aborts || !endsLater) this.#emit(reason);
    // If only the signal has ended, the response can still be watched.
    this.#isWatched = endsLater;
    return !endsLater;
  }

  /** Ends the response when it begins to stream. A response that is sent whole was accepted in time. */
  #endAtWrite(res: Response, reason: KeyEnd['reason']): void {
    this.#endsAtWrite = true;
    if (this.#watchesWrites) return;
    this.#watchesWrites = true;
    const write = res.write as (...args: unknown[]) => boolean;
    res.write = (...args: unknown[]) => {
      if (this.#endsAtWrite) {
        this.#endsAtWrite = false;
        res.destroy();
        this.#emit(reason);
      }
      return write.apply(res, args);
    };
  }

  #watch(): void {
    if (this.#isWatched) return;
    this.#isWatched = true;
    this.#deps.watch.add(this.#key, this);
  }

  /** Emits one event, also if the signal aborts before the response ends. */
  #emit(reason: KeyEnd['reason']): void {
    const { events } = this.#deps;
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (!events.hasListeners('ended')) return;
    const { id: keyId, workspaceId } = this.#key.record;
    const route = (this.#req?.route as { path?: unknown } | undefined)?.path;
    const method = this.#req?.method ?? null;
    events.emit('ended', { keyId, workspaceId, reason, method, route: route === undefined ? null : String(route) });
  }
}
