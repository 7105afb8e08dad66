import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock';
import { KeyscopeError } from '../errors';
import type { LimitStore, RateLimit } from '../store/limit-store';
import { timeoutError } from '../timeout';
import { describeLimit } from './limit-name';
import { Limiter } from './limiter';

export interface AddressLimitsOptions {
  readonly limit: RateLimit;
  readonly store: LimitStore;
  readonly clock: Clock;
  /** Milliseconds. */
  readonly storeTimeout: number;
}

/** Addresses whose limiters are kept. The counters are in the store, so an evicted address gains nothing. */
const MAX_ADDRESSES = 10_000;
/** Replies without allowance for a request that waits, because others have taken it. */
const MAX_ATTEMPTS = 4;

/** A limit of requests for each address, over all processes. */
export class AddressLimits {
  readonly #options: AddressLimitsOptions;
  readonly #limiters = new LRUCache<string, Limiter>({ max: MAX_ADDRESSES });

  constructor(options: AddressLimitsOptions) {
    this.#options = options;
  }

  /**
   * Takes the allowance for one request.
   *
   * @throws {KeyscopeError} `rate_limited`, `store_unavailable`
   */
  async take(address: string): Promise<void> {
    const limiter = this.#limiterOf(address);
    const { clock, storeTimeout } = this.#options;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const wall = clock.wall();
      const state = limiter.state(wall);
      if (state === 'ready') return limiter.use(wall);
      if (state === 'failed' && limiter.failure !== null) throw limiter.failure;
      if (state === 'exhausted') throw this.#exceeded(limiter, wall);
      await limiter.refill();
    }
    throw timeoutError(storeTimeout);
  }

  #limiterOf(address: string): Limiter {
    const found = this.#limiters.get(address);
    if (found !== undefined) return found;
    const limiter = new Limiter(this.#options.limit, { address }, this.#options);
    this.#limiters.set(address, limiter);
    return limiter;
  }

  #exceeded(limiter: Limiter, wall: number): KeyscopeError {
    const { name, limit } = limiter;
    const message = `The limit of ${describeLimit(limit)} is exceeded. Try again later.`;
    return new KeyscopeError('rate_limited', message, {
      limit: { name, ...limit, retryAfter: limiter.secondsLeft(wall) },
    });
  }
}
