import type { Plan, Step } from './plan';

/**
 * How long it takes until a dead connection of the app's client has been replaced: keyscope makes the client reconnect, and
 * ioredis destroys the dead socket 2 s later.
 */
export function detectionTime(lag: number): number {
  return 1.25 * Math.max(1000, 2 * lag) + lag + 2000;
}

/** Milliseconds from the beginning of a step to the end of its fault. */
export function durationOf(step: Step, { maxRevocationLag }: Pick<Plan, 'maxRevocationLag'>): number {
  if (step.kind === 'blackhole') return detectionTime(maxRevocationLag);
  if (step.kind === 'failover') return step.delay;
  return 'duration' in step ? step.duration : 0;
}
