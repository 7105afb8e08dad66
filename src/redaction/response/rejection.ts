import { KeyscopeError } from '../../errors';
import type { Callback } from './hooks';
import type { ResponseContext } from './response-context';
import { type WriteArguments, withoutBytes } from './write-arguments';

/** A response that can be rejected. `error` is undefined if it was not, or if only the body of an error response was. */
export interface Rejectable {
  readonly error: KeyscopeError | undefined;
}

/** Called by an interceptor, at most once each. */
export interface InterceptorEvents {
  /**
   * The response was rejected before it had begun: another is sent instead. Undefined: only the body of an error response was, for which
   * a problem document with the same status is sent.
   */
  onReject(error: KeyscopeError | undefined): void;
  /** The response was rejected after it had begun, and must be destroyed. */
  onAbort(error: KeyscopeError): void;
  /** The handler has ended the response, or it has been rejected. */
  onEnd(): void;
}

export function asKeyscopeError(error: unknown, message = 'The response could not be redacted.'): KeyscopeError {
  return error instanceof KeyscopeError ? error : new KeyscopeError('unredactable_response', message, { cause: error });
}

/** Calls back for a chunk of a response that is not sent. Its handler is not at fault, so it gets no error event. */
export function dropChunk(rejected: Rejectable, callback: Callback | undefined): boolean {
  if (callback) process.nextTick(callback, rejected.error);
  return true;
}

/** Calls back when the response has been sent, or never will be. */
export function whenOver(context: ResponseContext, rejected: Rejectable, callback: Callback | undefined): void {
  if (callback) callWhenOver(context, rejected, callback);
}

function callWhenOver({ res }: ResponseContext, rejected: Rejectable, callback: Callback): void {
  const over = (): void => {
    res.off('finish', over);
    res.off('close', over);
    callback(rejected.error);
  };
  if (res.closed || res.writableFinished) {
    process.nextTick(over);
    return;
  }
  res.on('finish', over);
  res.on('close', over);
}

/**
 * Calls back for the end of a response that is not sent. `pipeline` from a generator then waits for the end of the response, which it
 * has missed if the error response was sent before, or for `'drain'`.
 */
export function dropEnd(context: ResponseContext, rejected: Rejectable, callback: Callback | undefined): void {
  whenOver(context, rejected, (error) => {
    callback?.(error);
    if (context.drain) context.drain.notify();
    else context.res.emit('drain');
  });
}

/**
 * Reports a chunk that comes after the end, as Node or other middleware does. A body that is still decoded has ended for the handler
 * alone: it gets no error event, which it would not get for a response that is over.
 */
export function reportLate(context: ResponseContext, given: WriteArguments, isDecoding: boolean): boolean {
  if (context.isOver || !isDecoding) return context.call('write', withoutBytes(given)) as boolean;
  const error = Object.assign(new Error('write after end'), { code: 'ERR_STREAM_WRITE_AFTER_END' });
  if (given.callback) process.nextTick(given.callback, error);
  return false;
}
