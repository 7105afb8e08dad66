import type { Clock } from '../../src/clock';

/** A clock that stands still until it is told to move. */
export interface FakeClock extends Clock {
  /** Both clocks, as time passes. */
  advance(ms: number): void;
  /** The wall clock alone, as when the clock is set or the machine was suspended. */
  step(ms: number): void;
}

export function fakeClock(wall = Date.UTC(2030, 0, 1)): FakeClock {
  let monotonic = 1000;
  return {
    wall: () => wall,
    monotonic: () => monotonic,
    advance(ms) {
      wall += ms;
      monotonic += ms;
    },
    step(ms) {
      wall += ms;
    },
  };
}
