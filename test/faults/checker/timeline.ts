import type { Course, Promised, Rewind, Step, Time } from './history';

/** When a request ran: a state may have judged it that was in force at any time in between. */
export interface Span {
  readonly began: Time;
  readonly ended: Time;
}

/** How an answer can be explained. */
export type Explanation =
  /** By a state that was in force while the request ran, or that had been replaced not longer ago than was promised. */
  | { readonly fits: true; readonly lag: number }
  /** Only by a state that had been replaced longer ago; null: by none that there ever was. */
  | { readonly fits: false; readonly lag: number | null };

/** Whether an acknowledgement may have been undone by a failover, as far as a request at `began` can tell. */
function mayBeUndone(known: Time, began: Time, rewinds: readonly Rewind[], lag: number): boolean {
  return rewinds.some(({ from, until }) => known >= from && known <= until && began <= until + lag);
}

/**
 * How long before `began` the state of a step had been replaced for good: by a later step that is known to have been
 * made. 0 or less: not before `began`.
 */
function ageOf<State>(
  course: Course<State>,
  index: number,
  began: Time,
  rewinds: readonly Rewind[],
  lag: number,
): { readonly age: number; readonly allowed: number } {
  let age = 0;
  let allowed = lag;
  for (const step of course.slice(index + 1)) {
    if (step.known === null || mayBeUndone(step.known, began, rewinds, lag)) continue;
    if (began - step.known > age) age = began - step.known;
    if (step.atOnce && began > step.known) allowed = 0;
  }
  return { age, allowed };
}

/**
 * Explains an answer by the states of its subject: by the one that makes it least late. A change that is in doubt may
 * have been made, and may not; what it replaced counts on until a later change is known to have been made.
 */
export function explain<State>(
  course: Course<State>,
  { began, ended }: Span,
  rewinds: readonly Rewind[],
  { maxRevocationLag }: Promised,
  couldAnswer: (state: State) => boolean,
): Explanation {
  let best: Explanation = { fits: false, lag: null };
  course.forEach((step: Step<State>, index) => {
    if (step.asked > ended || !couldAnswer(step.state)) return;
    const { age, allowed } = ageOf(course, index, began, rewinds, maxRevocationLag);
    const fits = age <= allowed;
    const isBetter = fits === best.fits ? best.lag === null || age < best.lag : fits;
    if (isBetter) best = fits ? { fits, lag: age } : { fits, lag: age };
  });
  return best;
}
