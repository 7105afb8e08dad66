/** The time, injected so that tests can own it. Both in milliseconds. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may step when the machine's clock is set. Decides expiry. */
  wall(): number;
  /** Milliseconds since some fixed point; never steps back. Decides how long a memory may be trusted. */
  monotonic(): number;
}

export const systemClock: Clock = {
  wall: Date.now,
  monotonic: () => performance.now(),
};
