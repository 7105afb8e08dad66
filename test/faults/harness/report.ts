import type { StoreMode } from 'keyscope';
import type { Findings } from '../checker/check';
import type { Time } from '../checker/history';
import type { Violation } from '../checker/violation';
import type { ChangeCounts } from './writer';

/** Result of a trial. */
export interface Report extends Findings {
  readonly name: string;
  readonly took: number;
  readonly requests: number;
  readonly changeCounts: ChangeCounts;
  /** Milliseconds from the end of the last fault until every process served every workspace; null if that took too long. */
  readonly resumedAfter: number | null;
  /** Modes that any process entered during the trial. */
  readonly modes: readonly StoreMode[];
  /** When the trial began. The times below are relative to it. */
  readonly began: Time;
  /** Event loop stalls of the processes. */
  readonly stalls: readonly { readonly app: number; readonly at: Time; readonly lasting: number }[];
  /** When a server was late to reply on an idle connection. */
  readonly slowServers: readonly { readonly at: Time; readonly lasting: number }[];
  readonly notes: readonly string[];
  /** Processes that ended unexpectedly. */
  readonly ended: readonly string[];
}

/** Number of violations in the summary. */
const SHOWN = 12;

function showViolation({ rule, detail, exchange }: Violation, start: Time): string {
  const { app, key, route, began, ended, status, code, shown, project } = exchange;
  const took = Math.round(ended - began);
  const what = `${status}${code === null ? '' : ` ${code}`}${shown === null ? '' : ` as ${JSON.stringify(shown)} of ${project}`}`;
  return `${rule}: ${detail} (process ${app}, key ${key}, ${route}, at ${(began - start).toFixed(0)} ms, took ${took} ms, ${what}) ${exchange.detail ?? ''}`;
}

/** All failures of a trial as sentences. Empty if it passed. */
export function failuresOf({ violations, changeCounts, ended, resumedAfter, began }: Report): string[] {
  const shown = violations.slice(0, SHOWN).map((violation) => showViolation(violation, began));
  if (violations.length > SHOWN) shown.push(`… and ${violations.length - SHOWN} more`);
  if (resumedAfter === null) shown.push('service did not resume');
  return [...shown, ...changeCounts.lost.map((what) => `acknowledged and lost: ${what}`), ...ended];
}

/** Shortest stall that can change the mode of a process. Milliseconds. */
const SIGNIFICANT_STALL = 250;

/** Whether the machine was idle enough for assertions about time. */
export function wasUndisturbed({ stalls, slowServers }: Report): boolean {
  return [...stalls, ...slowServers].every(({ lasting }) => lasting < SIGNIFICANT_STALL);
}

/** Stalls of processes and servers, as lines of the summary. */
function describeStalls({ stalls, slowServers }: Report): string[] {
  const span = ({ at, lasting }: { at: Time; lasting: number }) => `at ${at.toFixed(0)} for ${lasting.toFixed(0)} ms`;
  const lines: string[] = [];
  if (stalls.length > 0) {
    lines.push(`  processes stalled: ${stalls.map((stall) => `${stall.app} ${span(stall)}`).join(', ')}`);
  }
  if (slowServers.length > 0) lines.push(`  servers were late: ${slowServers.map(span).join(', ')}`);
  return lines;
}

/** Summary of one trial. */
export function summarize(report: Report): string {
  const {
    name,
    took,
    requests,
    changeCounts,
    counts,
    worstLag,
    late,
    overRedacted,
    slowest,
    resumedAfter,
    modes,
    notes,
    streams,
  } = report;
  const responses = Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([kind, count]) => `${kind}: ${count}`)
    .join(', ');
  const lines = [
    `${name}: ${(took / 1000).toFixed(1)} s, ${requests} requests, ${changeCounts.acknowledged} changes acknowledged, ${changeCounts.inDoubt} in doubt`,
    `  worst lag ${worstLag.toFixed(0)} ms (${late} responses by a state just replaced), slowest response ${slowest.toFixed(0)} ms, served again after ${resumedAfter?.toFixed(0)} ms`,
    `  ${responses}`,
    `  ${streams.opened} streams opened, ${streams.ended} ended by their process, worst lag ${streams.worstLag.toFixed(0)} ms`,
  ];
  if (overRedacted > 0)
    lines.push(`  ${overRedacted} responses had everything redacted although something was enabled`);
  if (modes.length > 0) lines.push(`  modes: ${modes.join(', ')}`);
  lines.push(...describeStalls(report));
  for (const note of notes) lines.push(`  ${note}`);
  for (const fault of failuresOf(report)) lines.push(`  FAILED ${fault}`);
  return lines.join('\n');
}
