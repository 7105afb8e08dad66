import type { Request, Response } from 'express';
import { KeyscopeError } from '../errors';
import type { KeyEnd, KeyUse, KeyWatch } from './key-watch';
import type { CachedKey } from './request-api-key';

/** Whether a response ends with its key: if it streams a body, in any case, or not. */
type EndsResponse = 'streaming' | 'always' | 'never';

/** The allowed request that is open. */
interface Allowed {
  readonly key: CachedKey;
  check(entry: CachedKey, wall: number, req: Request): KeyEnd | null;
  emitEnded(reason: KeyEnd['reason'], req: Request): void;
}

/** Signal and response of an allowed request, which end with its key. */
export class OpenRequest implements KeyUse {
  readonly #allowed: Allowed;
  readonly #req: Request;
  readonly #keyWatch: KeyWatch;
  #endsResponse: EndsResponse = 'never';
  #controller: AbortController | null = null;
  #isWatched = false;
  /** The key is not valid, and the response has not begun. A first piece of a streamed body would be too late. */
  #endsAtWrite = false;
  #watchesWrites = false;

  constructor(allowed: Allowed, req: Request, keyWatch: KeyWatch) {
    this.#allowed = allowed;
    this.#req = req;
    this.#keyWatch = keyWatch;
  }

  /** Ends the response with the key, whether or not it has begun then. */
  endResponse(): void {
    this.#endsResponse = 'always';
    this.#watch();
  }

  /** Ends the response with the key, if it streams a body. */
  endStream(): void {
    if (this.#endsResponse !== 'never') return;
    this.#endsResponse = 'streaming';
    this.#watch();
  }

  openSignal(): AbortSignal {
    this.#controller ??= new AbortController();
    this.#watch();
    return this.#controller.signal;
  }

  check(entry: CachedKey, wall: number): KeyEnd | null {
    const end = this.#allowed.check(entry, wall, this.#req);
    if (end === null) this.#endsAtWrite = false;
    return end;
  }

  isOver(): boolean {
    const { res } = this.#req;
    return res !== undefined && (res.closed || res.destroyed || res.writableFinished);
  }

  end({ reason, code, message }: KeyEnd): boolean {
    const { res } = this.#req;
    const endsLater = this.#endsResponse === 'streaming' && res?.headersSent === false;
    const aborts = this.#controller?.signal.aborted === false;
    if (aborts) this.#controller?.abort(new KeyscopeError(code, message));
    if (endsLater) this.#endAtWrite(res, reason);
    else if (this.#endsResponse !== 'never') res?.destroy();
    if (aborts || !endsLater) this.#allowed.emitEnded(reason, this.#req);
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
        this.#allowed.emitEnded(reason, this.#req);
      }
      return write.apply(res, args);
    };
  }

  #watch(): void {
    if (this.#isWatched) return;
    this.#isWatched = true;
    this.#keyWatch.add(this.#allowed.key, this);
  }
}
