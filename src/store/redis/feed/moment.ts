import type { Clock } from '../../../clock';
import type { Lease } from '../../lease';

/** A point in time on both clocks that a lease looks at. */
export interface Moment {
  readonly monotonic: number;
  readonly wall: number;
}

export function momentOf(clock: Clock): Moment {
  return { monotonic: clock.monotonic(), wall: clock.wall() };
}

/** Lets a lease last for `duration` milliseconds from a moment on, unless it lasts longer already. */
export function extendFrom(lease: Lease, moment: Moment, duration: number): void {
  lease.extend(moment.monotonic + duration, moment.wall + duration);
}

export function holdsNow(lease: Lease, clock: Clock): boolean {
  return lease.holds(clock, clock.wall());
}
