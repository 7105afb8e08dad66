import type { Limits, Outage, Rewind, Step, Time, Timeline } from './history';

/** Duration of a request. Any state in force during it may have decided. */
export interface Span {
  readonly began: Time;
  readonly ended: Time;
}

export function isDuring(outage: Outage, app: number, { began, ended }: Span): boolean {
  return (outage.app === null || outage.app === app) && began <= outage.until && ended >= outage.from;
}

/** Result of comparing a response with the states of its subject. */
export type Explanation =
  /** Explained by a state that was in force during the request, or was replaced within the limit. */
  | { readonly fits: true; readonly lag: number }
  /** Explained only by a state that was replaced longer ago; null if no state explains it. */
  | { readonly fits: false; readonly lag: number | null };

/** Whether a failover may have undone an acknowledgement, for a request that began at `began`. */
function mayBeUndone(knownAt: Time, began: Time, rewinds: readonly Rewind[], lag: number): boolean {
  return rewinds.some(({ from, until }) => knownAt >= from && knownAt <= until && began <= until + lag);
}

/**
 * How long before `began` the state of a step was replaced for good, by a later step that is known to be applied.
 * 0 or less: it was not replaced before `began`.
 */
function ageOf<State>(
  timeline: Timeline<State>,
  index: number,
  began: Time,
  rewinds: readonly Rewind[],
  lag: number,
): { readonly age: number; readonly allowed: number } {
  let age = 0;
  let allowed = lag;
  for (const step of timeline.slice(index + 1)) {
    if (step.knownAt === null || mayBeUndone(step.knownAt, began, rewinds, lag)) continue;
    if (began - step.knownAt > age) age = began - step.knownAt;
    if (step.immediate && began > step.knownAt) allowed = 0;
  }
  return { age, allowed };
}

/**
 * Explains a response by the state of its subject that makes it least late. A change with unknown outcome may or may not
 * be applied; the state that it replaces stays possible until a later change is known to be applied.
 */
export function explain<State>(
  timeline: Timeline<State>,
  { began, ended }: Span,
  rewinds: readonly Rewind[],
  { maxRevocationLag }: Limits,
  couldCause: (state: State) => boolean,
): Explanation {
  let best: Explanation = { fits: false, lag: null };
  timeline.forEach((step: Step<State>, index) => {
    if (step.sentAt > ended || !couldCause(step.state)) return;
    const { age, allowed } = ageOf(timeline, index, began, rewinds, maxRevocationLag);
    const fits = age <= allowed;
    const isBetter = fits === best.fits ? best.lag === null || age < best.lag : fits;
    if (isBetter) best = fits ? { fits, lag: age } : { fits, lag: age };
  });
  return best;
}
