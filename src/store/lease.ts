import type { Clock } from '../clock';

/** A point in time on the two clocks of a lease. */
export interface Timestamps {
  readonly monotonic: number;
  readonly wall: number;
}

/** Before everything. */
export const NEVER: Timestamps = { monotonic: Number.NEGATIVE_INFINITY, wall: Number.NEGATIVE_INFINITY };

export function timestampsOf(clock: Clock): Timestamps {
  return { monotonic: clock.monotonic(), wall: clock.wall() };
}

/**
 * Milliseconds for which data can be used after it was known to be current. This is an eighth less than
 * `maxRevocationLag`: a response that opens at the end of a lease has that time until it is ended, if its key cannot be
 * read again.
 */
export function leaseDuration(maxRevocationLag: number): number {
  return (7 / 8) * maxRevocationLag;
}

/** Extends a lease to `duration` milliseconds after a moment, unless it already lasts longer. */
export function extendFrom(lease: Lease, moment: Timestamps, duration: number): void {
  lease.extend(moment.monotonic + duration, moment.wall + duration);
}

export function holdsNow(lease: Lease, clock: Clock): boolean {
  return lease.holds(clock, clock.wall());
}

/**
 * Time for which cached data can be used without reading it again. A cache entry keeps the lease that it was read
 * under, and can be used only while that lease holds. The store that grants a lease can extend it. If a lease has been
 * replaced, it is never extended again.
 *
 * There are two clocks because each fails differently. The monotonic clock stops while a machine is suspended (Linux
 * `CLOCK_MONOTONIC`). The wall clock can be set back. A lease must hold on both.
 */
export class Lease {
  #untilMonotonic: number;
  #untilWall: number;

  constructor(untilMonotonic = Number.NEGATIVE_INFINITY, untilWall = Number.NEGATIVE_INFINITY) {
    this.#untilMonotonic = untilMonotonic;
    this.#untilWall = untilWall;
  }

  /** A lease that starts now and holds for `duration` milliseconds. */
  static from(clock: Clock, duration: number): Lease {
    return new Lease(clock.monotonic() + duration, clock.wall() + duration);
  }

  /** A lease that always holds, for a store whose changes are all made in this process. */
  static readonly FOREVER = new Lease(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);

  holds(clock: Clock, wall: number): boolean {
    return clock.monotonic() < this.#untilMonotonic && wall < this.#untilWall;
  }

  /** True if the lease holds, or held at some time in the last `ms` milliseconds. */
  heldWithin(ms: number, clock: Clock, wall: number): boolean {
    return clock.monotonic() - ms < this.#untilMonotonic && wall - ms < this.#untilWall;
  }

  /** True if the lease, as it is now, held at an earlier moment. */
  heldAt({ monotonic, wall }: Timestamps): boolean {
    return monotonic < this.#untilMonotonic && wall < this.#untilWall;
  }

  /** Milliseconds until the lease ends on the clock that reaches its end first. Negative if it has ended. */
  remaining(clock: Clock, wall: number): number {
    return Math.min(this.#untilMonotonic - clock.monotonic(), this.#untilWall - wall);
  }

  /** Moves the end forward, never back: a late reply must not undo the extension by a newer one. */
  extend(untilMonotonic: number, untilWall: number): void {
    if (untilMonotonic > this.#untilMonotonic) {
      this.#untilMonotonic = untilMonotonic;
      this.#untilWall = untilWall;
    }
  }

  /** Ends the lease now: a precaution for when the store that granted it can no longer guarantee it. */
  end(): void {
    this.#untilMonotonic = Number.NEGATIVE_INFINITY;
    this.#untilWall = Number.NEGATIVE_INFINITY;
  }
}
