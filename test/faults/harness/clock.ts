import type { Time } from '../checker/history';

/** Milliseconds of CLOCK_MONOTONIC, which is one clock for all processes of a machine, unlike `performance.now()`. */
export function now(): Time {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** What a time of the wall clock is on the monotonic one. Read anew each time: the wall clock may be set. */
export function fromWall(wall: number): Time {
  return now() + (wall - Date.now());
}
