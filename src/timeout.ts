import { KeyscopeError } from './errors';

/** The error for a store that has not answered in time. */
export function timeoutError(timeout: number): KeyscopeError {
  return new KeyscopeError('store_unavailable', `The key store did not answer within ${timeout} ms. Try again.`);
}

/**
 * Settles as `promise` does, or rejects after `timeout` milliseconds.
 *
 * @param onTimeout - Returns the error to reject with. Default: `store_unavailable`.
 */
export function within<T>(
  timeout: number,
  promise: Promise<T>,
  onTimeout: () => Error = () => timeoutError(timeout),
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(onTimeout()), timeout);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Timers of a process that is not blocked can fire late. Milliseconds. */
const TIMER_DELAY = 10;

/**
 * One deadline for several steps. If it has passed by more than timers are late although a step has completed in time, the
 * process was blocked, and the remaining steps have one more `storeTimeout` together.
 */
export class Deadline {
  readonly #timeout: number;
  #at: number;
  /** It was extended, or a step has not completed in time. */
  #isFinal = false;

  /**
   * @param timeout - `storeTimeout`.
   * @param duration - Milliseconds from now. Default: `timeout`.
   */
  constructor(timeout: number, duration = timeout) {
    this.#timeout = timeout;
    this.#at = performance.now() + duration;
  }

  /**
   * Settles as `step` does, or rejects with `store_unavailable` at the deadline. After the deadline, a step can complete
   * without waiting: another timer could be late as well.
   */
  within<T>(step: Promise<T>): Promise<T> {
    const now = performance.now();
    if (now - this.#at > TIMER_DELAY && !this.#isFinal) {
      this.#isFinal = true;
      this.#at = now + this.#timeout;
    }
    const onTimeout = () => {
      this.#isFinal = true;
      return timeoutError(this.#timeout);
    };
    if (now < this.#at) return within(this.#at - now, step, onTimeout);
    const over = new Promise<never>((_, reject) => setImmediate(() => reject(onTimeout())));
    return Promise.race([step, over]);
  }
}
