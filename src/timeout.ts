import { KeyscopeError } from './errors';

/** Point in time until which all steps of one operation together must complete. */
export interface Deadline {
  /** Outcome of a promise, or `store_unavailable` after the deadline. */
  within<T>(promise: Promise<T>): Promise<T>;
}

/** Creates a deadline. `timeout`: milliseconds from now. */
export function createDeadline(timeout: number): Deadline {
  const at = performance.now() + timeout;

  function within<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        function timeOut() {
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

/** Outcome of a promise, or `store_unavailable` after `timeout` milliseconds. */
export function within<T>(timeout: number, promise: Promise<T>): Promise<T> {
  return createDeadline(timeout).within(promise);
}
