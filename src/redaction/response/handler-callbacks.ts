import type { KeyscopeError } from '../../errors';
import type { Callback } from './original-response';
import type { ResponseContext } from './response-head';
import { type WriteArguments, withoutBytes } from './write-arguments';

/** The callbacks and errors that a handler gets for chunks that are not sent as they are. */
export class HandlerCallbacks {
  readonly #context: ResponseContext;
  readonly #rejection: () => KeyscopeError | undefined;

  /** `rejection` returns the error for which the response was rejected, if it was. */
  constructor(context: ResponseContext, rejection: () => KeyscopeError | undefined) {
    this.#context = context;
    this.#rejection = rejection;
  }

  /** A chunk of a response that is not sent. Its handler is not at fault, so it gets no error event. */
  drop(callback: Callback | undefined): boolean {
    if (callback) process.nextTick(callback, this.#rejection());
    return true;
  }

  /**
   * The end of a response that is not sent. `pipeline` from a generator then waits for the end of the response, which it has missed if
   * the error response was sent before, or for `'drain'`.
   */
  dropEnd(callback: Callback | undefined): void {
    const { res, drain } = this.#context;
    this.whenOver((error) => {
      callback?.(error);
      if (drain) drain.notify();
      else res.emit('drain');
    });
  }

  /** A chunk of which nothing is sent. */
  confirm(callback: Callback | undefined): boolean {
    const { res, original } = this.#context;
    if (callback && res.headersSent) original.confirm(callback);
    else if (callback) process.nextTick(callback);
    return true;
  }

  /** Calls back when the response has been sent, or never will be. */
  whenOver(callback: Callback | undefined): void {
    if (!callback) return;
    const { res } = this.#context;
    const over = (): void => {
      res.off('finish', over);
      res.off('close', over);
      callback(this.#rejection());
    };
    if (res.closed || res.writableFinished) {
      process.nextTick(over);
      return;
    }
    res.on('finish', over);
    res.on('close', over);
  }

  /** Reports a late chunk as Node does, which does not know that the response has ended if it is still decoded or delayed. */
  reportLate(given: WriteArguments): boolean {
    const { res, original } = this.#context;
    if (original.isOver) return original.call('write', withoutBytes(given)) as boolean;
    const error = Object.assign(new Error('write after end'), { code: 'ERR_STREAM_WRITE_AFTER_END' });
    process.nextTick(() => {
      given.callback?.(error);
      if (!res.destroyed) res.emit('error', error);
    });
    return false;
  }
}
