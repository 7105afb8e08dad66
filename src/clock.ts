/** Source of time, injected so that tests can control it. Both readings are in milliseconds. */
export interface Clock {
  /** Milliseconds since the Unix epoch. Can step if the machine's clock is set. Decides expiry. */
  wall(): number;
  /** Milliseconds since an arbitrary point. Never steps back. Decides how long cached data can be used. */
  monotonic(): number;
}

/** Milliseconds of a day in UTC. */
export const DAY = 86_400_000;

/**
 * 9999-12-31T23:59:59.999Z, the last time that ISO 8601 can express without extensions. A key that never expires has it as
 * its expiry, so that versions which know no such keys decide correctly.
 */
export const LAST_TIME = 253_402_300_799_999;

/** The machine's clock. Read at call time, so that fake timers of test runners move expiry. */
export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
};
