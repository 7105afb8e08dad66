import type { Plan, Step } from './plan';

/**
 * How long it takes until a dead connection of the app's client has been replaced. The feed notices it, and may have to
 * connect again itself first, at most 2 s after it can.
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
