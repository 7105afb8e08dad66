import type { Clock } from '../clock';
import type { Limiter } from './limiter';

/** Milliseconds. */
const CHECK_INTERVAL = 100;

/** Returns slices that are not used for a while, so that other processes can use them. */
export class SliceReturns {
  readonly #clock: Clock;
  /** Limiters that can hold a slice. */
  readonly #watched = new Set<Limiter>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  watch(limiter: Limiter): void {
    this.#watched.add(limiter);
    if (this.#timer !== undefined || this.#isClosed) return;
    this.#timer = setInterval(() => this.#check(), CHECK_INTERVAL);
    this.#timer.unref();
  }

  /** Returns the slices of limiters that are not used any more. */
  release(limiters: readonly Limiter[]): void {
    for (const limiter of limiters) {
      if (!this.#watched.delete(limiter)) continue;
      void limiter.release(this.#clock.wall());
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stop();
    const wall = this.#clock.wall();
    await Promise.all([...this.#watched].map((limiter) => limiter.release(wall)));
    this.#watched.clear();
  }

  #check(): void {
    const wall = this.#clock.wall();
    for (const limiter of this.#watched) {
      if (limiter.holdsSlice(wall) && !limiter.isIdle(wall)) continue;
      this.#watched.delete(limiter);
      void limiter.release(wall);
    }
    if (this.#watched.size === 0) this.#stop();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
