import type { Answer, Course, History, KeyState, Outage, ProjectState, Promised, Time } from './history';
import { explain, type Span } from './timeline';

export type Rule =
  /** Judged by a state that had been replaced longer ago than was promised. */
  | 'stale'
  /** A 2xx with a token that no key ever had. */
  | 'let a stranger in'
  /** A 401 or 403 for a key that was good throughout. */
  | 'refused a good key'
  /** An answer that no state there ever was can explain. */
  | 'made up'
  /** 503 while nothing was broken. */
  | 'unavailable'
  /** Later than `storeTimeout` and the margin. */
  | 'slow'
  /** No answer, or one that this API does not give. */
  | 'not an answer';

export interface Violation {
  readonly rule: Rule;
  readonly detail: string;
  readonly answer: Answer;
}

export interface Findings {
  readonly violations: readonly Violation[];
  /** The longest time after its acknowledgement at which a change was not yet noticed, where that was in order. */
  readonly worstLag: number;
  /** How many answers were judged by a state that had been replaced. */
  readonly late: number;
  /** How many answers let nothing out of a project that had something enabled, while nothing was broken. */
  readonly withheld: number;
  /** The longest that an answer took, bar by processes that were frozen. */
  readonly slowest: number;
  /** By status and code. */
  readonly counts: Readonly<Record<string, number>>;
}

/** Two readings of two clocks, and their rounding. */
const CLOCK_TOLERANCE = 50;

function isDuring(outage: Outage, app: number, { began, ended }: Span): boolean {
  return (outage.app === null || outage.app === app) && began <= outage.until && ended >= outage.from;
}

/** Whether a key in this state could have been answered so, at some moment of the request. */
function keyCouldAnswer(state: KeyState, { began, ended, route, status, code, shown }: Answer): boolean {
  if (state === null) return code === 'invalid_key';
  if (state.disabled) return code === 'disabled_key';
  if (code === 'expired_key') return ended >= state.expires.from - CLOCK_TOLERANCE;
  if (began > state.expires.to + CLOCK_TOLERANCE) return false;
  if (!state.permissions.includes(route)) return code === 'permission_denied';
  return status === 200 && shown?.name === state.name;
}

function projectCouldAnswer(state: ProjectState, { shown }: Answer): boolean {
  const { transcript, metric } = state ?? { transcript: false, metric: '' };
  return shown?.transcript === transcript && shown.metrics.join() === metric;
}

/** What a subject had last been changed to before a request began, for whoever reads the report. */
function lastBefore<State>(course: Course<State>, { began }: Span): string {
  const last = course.findLast(({ known }) => known !== null && known <= began);
  if (last === undefined) return 'nothing was known';
  const since = last.known === Number.NEGATIVE_INFINITY ? '' : `, acknowledged ${ms(began - last.known!)} before`;
  return `last ${JSON.stringify(last.state)}${since}`;
}

function ms(time: number): string {
  return `${time.toFixed(1)} ms`;
}

/** When an answer had to be there: the clock of a frozen process stands still. */
function dueAt({ app, began, ended }: Answer, outages: readonly Outage[], { storeTimeout, margin }: Promised): Time {
  let from = began;
  for (const outage of outages) {
    if (outage.frozen && isDuring(outage, app, { began, ended })) from = Math.max(from, outage.until);
  }
  return from + storeTimeout + margin;
}

/** Reads everything that happened, and finds what should not have. */
export function check(history: History, promised: Promised): Findings {
  const { keys, projects, answers, outages, rewinds } = history;
  const violations: Violation[] = [];
  const counts: Record<string, number> = {};
  let worstLag = 0;
  let late = 0;
  let withheld = 0;
  let slowest = 0;

  function note(lag: number): void {
    if (lag > 0) late += 1;
    if (lag > worstLag) worstLag = lag;
  }

  function checkKey(answer: Answer, report: (rule: Rule, detail: string) => void): void {
    const { key, status, code } = answer;
    if (key === null) {
      if (status === 200) report('let a stranger in', 'no key ever had this token');
      else if (code !== 'invalid_key') report('made up', `a token that no key ever had was answered ${status} ${code}`);
      return;
    }
    const course = keys.get(key) ?? [];
    const explanation = explain(course, answer, rewinds, promised, (state) => keyCouldAnswer(state, answer));
    if (explanation.fits) note(explanation.lag);
    else if (explanation.lag !== null)
      report('stale', `replaced ${ms(explanation.lag)} before; ${lastBefore(course, answer)}`);
    else if (status === 401 || status === 403) report('refused a good key', lastBefore(course, answer));
    else report('made up', `the key was never in such a state; ${lastBefore(course, answer)}`);
  }

  function checkProject(answer: Answer, disturbed: boolean, report: (rule: Rule, detail: string) => void): void {
    const course = projects.get(answer.project);
    if (course === undefined || answer.shown === null) return;
    const explanation = explain(course, answer, rewinds, promised, (state) => projectCouldAnswer(state, answer));
    if (!explanation.fits && projectCouldAnswer(null, answer)) {
      // Where the configuration cannot be known, nothing is enabled; while nothing is broken, that should be rare.
      if (!disturbed) withheld += 1;
      return;
    }
    if (explanation.fits) note(explanation.lag);
    else if (explanation.lag === null) report('made up', `never configured so; ${lastBefore(course, answer)}`);
    else report('stale', `configuration replaced ${ms(explanation.lag)} before; ${lastBefore(course, answer)}`);
  }

  for (const answer of answers) {
    const { app, status, code, began, ended } = answer;
    const report = (rule: Rule, detail: string) => violations.push({ rule, detail, answer });
    const kind = code === null ? String(status) : `${status} ${code}`;
    counts[kind] = (counts[kind] ?? 0) + 1;

    const disturbances = outages.filter((outage) => isDuring(outage, app, answer));
    if (!disturbances.some(({ frozen }) => frozen)) slowest = Math.max(slowest, ended - began);
    const due = dueAt(answer, disturbances, promised);
    if (ended > due) report('slow', `answered ${ms(ended - began)} after it was asked`);

    if (kind === '503 store_unavailable') {
      if (disturbances.length === 0) report('unavailable', 'nothing was broken');
    } else if (status !== 200 && status !== 401 && status !== 403) {
      report('not an answer', kind);
    } else {
      checkKey(answer, report);
      checkProject(answer, disturbances.length > 0, report);
    }
  }
  return { violations, worstLag, late, withheld, slowest, counts };
}
