import type { Time } from '../checker/history';

/** Milliseconds of CLOCK_MONOTONIC, which all processes of a machine share, unlike `performance.now()`. */
export function now(): Time {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Converts wall clock time to monotonic time. Both clocks are read each time, because the wall clock may be set. */
export function fromWall(wall: number): Time {
  return now() + (wall - Date.now());
}
