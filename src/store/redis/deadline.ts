import { unavailable } from './unavailable';

/** A promise's outcome, or `store_unavailable` after `timeout` milliseconds. */
export function within<T>(timeout: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(function giveUp() {
      reject(unavailable(`The key store did not answer within ${timeout} ms.`));
    }, timeout);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
