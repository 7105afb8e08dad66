import type { Request, Response } from 'express';
import { KeyscopeError } from '../errors';
import type { KeyEnd, KeyUse, KeyWatch } from './key-watch';
import type { CachedKey } from './request-api-key';

/** The allowed request that is open. */
interface Allowed {
  readonly key: CachedKey;
  readonly watch: KeyWatch;
  check(entry: CachedKey, wall: number, req: Request): KeyEnd | null;
  emitEnded(reason: KeyEnd['reason'], req: Request): void;
}

/** Properties of an open request that are true or false, in one number: each field is eight bytes of each open response. */
const Flag = {
  /** The response ends with the key if it streams a body. */
  endsStream: 1,
  /** The response ends with the key in any case. */
  endsResponse: 2,
  isWatched: 4,
  /** `res.write` has been replaced. */
  watchesWrites: 8,
  /** The key is not valid, and the response has not begun. A first piece of a streamed body would be too late. */
  endsAtWrite: 16,
  /** The event has been emitted. */
  hasEnded: 32,
} as const;
type FlagName = keyof typeof Flag;

/** Signal and response of an allowed request, which end with its key. */
export class OpenRequest implements KeyUse {
  readonly #allowed: Allowed;
  readonly #req: Request;
  #controller: AbortController | null = null;
  #flags = 0;

  constructor(allowed: Allowed, req: Request) {
    this.#allowed = allowed;
    this.#req = req;
  }

  get key(): CachedKey {
    return this.#allowed.key;
  }

  /** Ends the response with the key, whether or not it has begun then. */
  endResponse(): void {
    this.#set('endsResponse', true);
    this.#watch();
  }

  /** Ends the response with the key, if it streams a body. */
  endStream(): void {
    if (this.#is('endsResponse') || this.#is('endsStream')) return;
    this.#set('endsStream', true);
    this.#watch();
  }

  openSignal(): AbortSignal {
    this.#controller ??= new AbortController();
    this.#watch();
    return this.#controller.signal;
  }

  check(entry: CachedKey, wall: number): KeyEnd | null {
    const end = this.#allowed.check(entry, wall, this.#req);
    if (end === null) this.#set('endsAtWrite', false);
    return end;
  }

  isOver(): boolean {
    const { res } = this.#req;
    return res !== undefined && (res.closed || res.destroyed || res.writableFinished);
  }

  end({ reason, code, message }: KeyEnd): boolean {
    const { res } = this.#req;
    const endsLater = !this.#is('endsResponse') && this.#is('endsStream') && res?.headersSent === false;
    const aborts = this.#controller?.signal.aborted === false;
    if (aborts) this.#controller?.abort(new KeyscopeError(code, message));
    if (endsLater) this.#endAtWrite(res, reason);
    else if (this.#is('endsResponse') || this.#is('endsStream')) res?.destroy();
    if (aborts || !endsLater) this.#emitEnded(reason);
    // If only the signal has ended, the response can still be watched.
    this.#set('isWatched', endsLater);
    return !endsLater;
  }

  /** Ends the response when it begins to stream. A response that is sent whole was accepted in time. */
  #endAtWrite(res: Response, reason: KeyEnd['reason']): void {
    this.#set('endsAtWrite', true);
    if (this.#is('watchesWrites')) return;
    this.#set('watchesWrites', true);
    const write = res.write as (...args: unknown[]) => boolean;
    res.write = (...args: unknown[]) => {
      if (this.#is('endsAtWrite')) {
        this.#set('endsAtWrite', false);
        res.destroy();
        this.#emitEnded(reason);
      }
      return write.apply(res, args);
    };
  }

  /** Emits one event, also if the signal aborts before the response ends. */
  #emitEnded(reason: KeyEnd['reason']): void {
    if (this.#is('hasEnded')) return;
    this.#set('hasEnded', true);
    this.#allowed.emitEnded(reason, this.#req);
  }

  #watch(): void {
    if (this.#is('isWatched')) return;
    this.#set('isWatched', true);
    this.#allowed.watch.add(this);
  }

  #is(name: FlagName): boolean {
    return (this.#flags & Flag[name]) !== 0;
  }

  #set(name: FlagName, value: boolean): void {
    this.#flags = value ? this.#flags | Flag[name] : this.#flags & ~Flag[name];
  }
}
