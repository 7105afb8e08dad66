import type { Exchange, History, KeyState, Limits, Outage, ProjectState, Time, Timeline } from './history';
import { checkStreams, type StreamFindings } from './streams';
import { explain, isDuring, type Span } from './timeline';
import { ms, type Rule, type Violation } from './violation';

export interface Findings {
  readonly violations: readonly Violation[];
  /**
   * Longest time after an acknowledgement at which the replaced state still explained a response, if within the limit.
   */
  readonly worstLag: number;
  /** Number of responses explained by a replaced state. */
  readonly late: number;
  /** Responses that had everything redacted although the project had something enabled and no fault was active. */
  readonly overRedacted: number;
  /** Longest response time, suspended processes excluded. */
  readonly slowest: number;
  /** Responses by status and code. */
  readonly counts: Readonly<Record<string, number>>;
  readonly streams: StreamFindings;
}

/** Difference between two readings of two clocks, with rounding. */
const CLOCK_TOLERANCE = 50;

/** Whether a key in this state explains the response at some time during the request. */
function keyExplains(state: KeyState, { began, ended, route, status, code, shown }: Exchange): boolean {
  if (state === null) return code === 'invalid_key';
  if (state.disabled) return code === 'disabled_key';
  if (code === 'expired_key') return ended >= state.expires.from - CLOCK_TOLERANCE;
  if (began > state.expires.to + CLOCK_TOLERANCE) return false;
  if (!state.permissions.includes(route)) return code === 'permission_denied';
  return status === 200 && shown?.name === state.name;
}

function projectExplains(state: ProjectState, { shown }: Exchange): boolean {
  const { transcript, metric } = state ?? { transcript: false, metric: '' };
  return shown?.transcript === transcript && shown.metrics.join() === metric;
}

/** The last state that a subject had before a request began, for the report. */
function lastBefore<State>(timeline: Timeline<State>, { began }: Span): string {
  const last = timeline.findLast(({ knownAt }) => knownAt !== null && knownAt <= began);
  if (last === undefined) return 'nothing was known';
  const since = last.knownAt === Number.NEGATIVE_INFINITY ? '' : `, acknowledged ${ms(began - last.knownAt!)} before`;
  return `last ${JSON.stringify(last.state)}${since}`;
}

/** Deadline of a response. A suspended process' clock stands still. */
function dueAt({ app, began, ended }: Exchange, outages: readonly Outage[], { storeTimeout, margin }: Limits): Time {
  let from = began;
  for (const outage of outages) {
    if (outage.frozen && isDuring(outage, app, { began, ended })) from = Math.max(from, outage.until);
  }
  return from + storeTimeout + margin;
}

/** Checks every response and stream of a history against the states of its key and project. */
export function check(history: History, limits: Limits): Findings {
  const { keys, projects, responses, outages, rewinds } = history;
  const violations: Violation[] = [];
  const counts: Record<string, number> = {};
  let worstLag = 0;
  let late = 0;
  let overRedacted = 0;
  let slowest = 0;

  function note(lag: number): void {
    if (lag > 0) late += 1;
    if (lag > worstLag) worstLag = lag;
  }

  function checkKey(exchange: Exchange, report: (rule: Rule, detail: string) => void): void {
    const { key, status, code } = exchange;
    if (key === null) {
      if (status === 200) report('unknown token accepted', 'no key ever had this token');
      else if (code !== 'invalid_key')
        report('unexplained', `a token that no key ever had was received ${status} ${code}`);
      return;
    }
    const timeline = keys.get(key) ?? [];
    const explanation = explain(timeline, exchange, rewinds, limits, (state) => keyExplains(state, exchange));
    if (explanation.fits) note(explanation.lag);
    else if (explanation.lag !== null)
      report('stale', `replaced ${ms(explanation.lag)} before; ${lastBefore(timeline, exchange)}`);
    else if (status === 401 || status === 403) report('valid key denied', lastBefore(timeline, exchange));
    else report('unexplained', `the key was never in such a state; ${lastBefore(timeline, exchange)}`);
  }

  function checkProject(exchange: Exchange, disturbed: boolean, report: (rule: Rule, detail: string) => void): void {
    const timeline = projects.get(exchange.project);
    if (timeline === undefined || exchange.shown === null) return;
    const explanation = explain(timeline, exchange, rewinds, limits, (state) => projectExplains(state, exchange));
    if (!explanation.fits && projectExplains(null, exchange)) {
      // If the configuration is unknown, nothing is enabled. If there is no fault, that is rare.
      if (!disturbed) overRedacted += 1;
      return;
    }
    if (explanation.fits) note(explanation.lag);
    else if (explanation.lag === null) report('unexplained', `never configured so; ${lastBefore(timeline, exchange)}`);
    else report('stale', `configuration replaced ${ms(explanation.lag)} before; ${lastBefore(timeline, exchange)}`);
  }

  for (const exchange of responses) {
    const { app, status, code, began, ended } = exchange;
    const report = (rule: Rule, detail: string) => violations.push({ rule, detail, exchange });
    const kind = code === null ? String(status) : `${status} ${code}`;
    counts[kind] = (counts[kind] ?? 0) + 1;

    const disturbances = outages.filter((outage) => isDuring(outage, app, exchange));
    if (!disturbances.some(({ frozen }) => frozen)) slowest = Math.max(slowest, ended - began);
    const due = dueAt(exchange, disturbances, limits);
    if (ended > due) report('slow', `answered ${ms(ended - began)} after it was asked`);

    if (kind === '503 store_unavailable') {
      if (disturbances.length === 0) report('unavailable', 'nothing was broken');
    } else if (status !== 200 && status !== 401 && status !== 403) {
      report('unexpected response', kind);
    } else {
      checkKey(exchange, report);
      checkProject(exchange, disturbances.length > 0, report);
    }
  }
  const streams = checkStreams(history, limits, (violation) => violations.push(violation));
  return { violations, worstLag, late, overRedacted, slowest, counts, streams };
}
