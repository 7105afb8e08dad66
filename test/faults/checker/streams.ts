import type { History, KeyState, Limits, Outage, Route, Step, Stream, Time, Timeline } from './history';
import { explain, isDuring } from './timeline';
import { ms, type Rule, type Violation } from './violation';

export interface StreamFindings {
  readonly opened: number;
  /** Streams that their process ended. */
  readonly ended: number;
  /** Longest time after an acknowledgement at which a line was written that only the replaced state allows. */
  readonly worstLag: number;
}

/** Shortest stall of a process that is reported. A shorter one delays the end of a stream. Milliseconds. */
const STALL_TOLERANCE = 100;
/** A process that was paused reads a key before it ends streams: for this share of `maxRevocationLag` at most. */
const AFTER_PAUSE = 0.25;

/** Whether a stream with a key in this state can have a line at this time. */
function allows(state: KeyState, route: Route, at: Time): boolean {
  if (state === null || state.disabled || !state.permissions.includes(route)) return false;
  return at <= state.expires.to + STALL_TOLERANCE;
}

/** Whether a key in this state can end a stream. */
function canEnd(state: KeyState, route: Route, at: Time): boolean {
  if (state === null || state.disabled || !state.permissions.includes(route)) return true;
  return at >= state.expires.from - STALL_TOLERANCE;
}

/** The time that counts for a line: if it was written just after a pause of the process, the beginning of that pause. */
function effectiveTime(
  { app, began }: Stream,
  line: Time,
  outages: readonly Outage[],
  { maxRevocationLag }: Limits,
): Time {
  const window = AFTER_PAUSE * maxRevocationLag + STALL_TOLERANCE;
  // The stream was accepted at its beginning, so what counts is not before that.
  const pauses = outages.filter((outage) => outage.frozen && (outage.app === null || outage.app === app));
  let at = line;
  for (;;) {
    const pause = pauses.find(({ from, until }) => from < at && at <= until + window);
    if (pause === undefined || at <= began) return at;
    at = Math.max(began, pause.from);
  }
}

/** Whether the key was, or may have been, in a state that ends the stream. */
function mayHaveEnded(timeline: Timeline<KeyState>, { route, began, endedAt }: Stream, lag: number): boolean {
  const isPast = ({ knownAt }: Step<KeyState>) => knownAt !== null && knownAt + lag <= began;
  return timeline.some(
    ({ state, sentAt }, index) =>
      sentAt <= endedAt! && canEnd(state, route, endedAt!) && !timeline.slice(index + 1).some(isPast),
  );
}

/** Checks that no stream outlives the validity of its key, and that none ends before. */
export function checkStreams(
  { keys, streams, outages, rewinds }: History,
  limits: Limits,
  report: (violation: Violation) => void,
): StreamFindings {
  const { maxRevocationLag } = limits;
  const tolerant = { ...limits, maxRevocationLag: maxRevocationLag + STALL_TOLERANCE };
  let worstLag = 0;

  function violate(rule: Rule, stream: Stream, ended: Time, detail: string): void {
    const { app, key, route, project, began } = stream;
    const exchange = { app, key, route, project, began, ended, status: 200, code: null, shown: null };
    report({ rule, detail, exchange });
  }

  function checkLines(stream: Stream, timeline: Timeline<KeyState>): void {
    for (const line of stream.lines) {
      const at = effectiveTime(stream, line, outages, limits);
      const isAllowed = (state: KeyState) => allows(state, stream.route, at);
      const { fits, lag } = explain(timeline, { began: at, ended: line }, rewinds, tolerant, isAllowed);
      if (!fits) {
        const since = lag === null ? 'in a state that the key never had' : `${ms(lag)} after the state was replaced`;
        violate('outlived', stream, line, `a line was written ${since}`);
        return;
      }
      worstLag = Math.max(worstLag, lag);
    }
  }

  function checkEnd(stream: Stream, timeline: Timeline<KeyState>): void {
    const { app, began, endedAt } = stream;
    if (endedAt === null || mayHaveEnded(timeline, stream, maxRevocationLag)) return;
    const recent = { began: Math.max(began, endedAt - 2 * maxRevocationLag), ended: endedAt };
    if (outages.some((outage) => isDuring(outage, app, recent))) return;
    violate('cut off', stream, endedAt, 'the key was valid and nothing was broken');
  }

  for (const stream of streams) {
    const timeline = keys.get(stream.key) ?? [];
    checkLines(stream, timeline);
    checkEnd(stream, timeline);
  }
  const ended = streams.filter(({ endedAt }) => endedAt !== null).length;
  return { opened: streams.length, ended, worstLag };
}
