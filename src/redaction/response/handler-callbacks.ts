import type { Callback } from './hooks';
import type { Rejectable } from './rejection';
import type { ResponseContext } from './response-context';
import { type WriteArguments, withoutBytes } from './write-arguments';

/** Calls back for a chunk of a response that is not sent. Its handler is not at fault, so it gets no error event. */
export function dropChunk(rejected: Rejectable, callback: Callback | undefined): boolean {
  if (callback) process.nextTick(callback, rejected.error);
  return true;
}

/** Calls back when the response has been sent, or never will be. */
export function whenOver({ res }: ResponseContext, rejected: Rejectable, callback: Callback | undefined): void {
  if (!callback) return;
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

/** Reports a late chunk as Node does, which does not know that the response has ended if it is still decoded or delayed. */
export function reportLate(context: ResponseContext, given: WriteArguments): boolean {
  const { res } = context;
  if (context.isOver) return context.callWrite(withoutBytes(given));
  const error = Object.assign(new Error('write after end'), { code: 'ERR_STREAM_WRITE_AFTER_END' });
  process.nextTick(() => {
    given.callback?.(error);
    if (!res.destroyed) res.emit('error', error);
  });
  return false;
}
