import { KeyscopeError } from './errors';

/** What is asked of the store has so long, counted from now, in however many steps. */
export interface Deadline {
  /** A promise's outcome, or `store_unavailable` when the time is over. */
  within<T>(promise: Promise<T>): Promise<T>;
}

/** @param timeout - milliseconds */
export function createDeadline(timeout: number): Deadline {
  const at = performance.now() + timeout;

  function within<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        function giveUp() {
          reject(
            new KeyscopeError('store_unavailable', `The key store did not answer within ${timeout} ms. Try again.`),
          );
        },
        Math.max(0, at - performance.now()),
      );
      promise.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  return { within };
}

/** A promise's outcome, or `store_unavailable` after `timeout` milliseconds. */
export function within<T>(timeout: number, promise: Promise<T>): Promise<T> {
  return createDeadline(timeout).within(promise);
}
