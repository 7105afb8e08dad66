import type { Clock } from '../clock';

/** A point in time on both clocks that a lease looks at. */
export interface Timestamps {
  readonly monotonic: number;
  readonly wall: number;
}

export function timestampsOf(clock: Clock): Timestamps {
  return { monotonic: clock.monotonic(), wall: clock.wall() };
}

/** Lets a lease last for `duration` milliseconds from a moment on, unless it lasts longer already. */
export function extendFrom(lease: Lease, moment: Timestamps, duration: number): void {
  lease.extend(moment.monotonic + duration, moment.wall + duration);
}

export function holdsNow(lease: Lease, clock: Clock): boolean {
  return lease.holds(clock, clock.wall());
}

/**
 * For how long what was read may be believed without asking again. What is remembered keeps the lease it was read under
 * and counts only while that lease holds; whoever grants a lease may extend it, and a lease that has been replaced is
 * simply never extended again.
 *
 * Two clocks, because each fails differently: the monotonic one stands still while a machine is suspended (Linux'
 * CLOCK_MONOTONIC), the wall clock can be set back. A lease must hold on both.
 */
export class Lease {
  #untilMonotonic: number;
  #untilWall: number;

  constructor(untilMonotonic = Number.NEGATIVE_INFINITY, untilWall = Number.NEGATIVE_INFINITY) {
    this.#untilMonotonic = untilMonotonic;
    this.#untilWall = untilWall;
  }

  /** A lease from one moment on, for `duration` milliseconds. */
  static from(clock: Clock, duration: number): Lease {
    return new Lease(clock.monotonic() + duration, clock.wall() + duration);
  }

  /** A lease that always holds: for a store in whose process every change is made. */
  static readonly FOREVER = new Lease(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);

  holds(clock: Clock, wall: number): boolean {
    return clock.monotonic() < this.#untilMonotonic && wall < this.#untilWall;
  }

  /** Whether the lease holds, or held at some time in the last `ms` milliseconds. */
  heldWithin(ms: number, clock: Clock, wall: number): boolean {
    return clock.monotonic() - ms < this.#untilMonotonic && wall - ms < this.#untilWall;
  }

  /** Milliseconds until the lease ends on the clock that reaches its end first. Negative if it has ended. */
  remaining(clock: Clock, wall: number): number {
    return Math.min(this.#untilMonotonic - clock.monotonic(), this.#untilWall - wall);
  }

  /** Moves the end forward, never back: a late reply must not take away what a later one gave. */
  extend(untilMonotonic: number, untilWall: number): void {
    if (untilMonotonic > this.#untilMonotonic) {
      this.#untilMonotonic = untilMonotonic;
      this.#untilWall = untilWall;
    }
  }

  /** Ends the lease now, for good measure when the one who granted it knows that it can no longer be kept. */
  end(): void {
    this.#untilMonotonic = Number.NEGATIVE_INFINITY;
    this.#untilWall = Number.NEGATIVE_INFINITY;
  }
}
