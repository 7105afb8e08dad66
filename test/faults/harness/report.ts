import type { StoreMode } from 'keyscope';
import type { Findings, Violation } from '../checker/check';
import type { Time } from '../checker/history';
import type { Deeds } from './writer';

/** What came of a round. */
export interface Report extends Findings {
  readonly name: string;
  readonly took: number;
  readonly requests: number;
  readonly deeds: Deeds;
  /** How long it took, after the last fault was mended, until every process served every workspace; null: too long. */
  readonly resumedAfter: number | null;
  /** Those that any process entered meanwhile. */
  readonly modes: readonly StoreMode[];
  /** When it began. The times below are counted from here. */
  readonly began: Time;
  /** When processes' event loops stood still, and for how long. */
  readonly stalls: readonly { readonly app: number; readonly at: Time; readonly lasting: number }[];
  /** When a server was late to answer who asked nothing else of it, and for how long. */
  readonly serversLate: readonly { readonly at: Time; readonly lasting: number }[];
  readonly notes: readonly string[];
  /** Processes that did not live to see the end. */
  readonly ended: readonly string[];
}

/** As many as anyone reads. */
const SHOWN = 12;

function showViolation({ rule, detail, answer }: Violation, start: Time): string {
  const { app, key, route, began, ended, status, code, shown, project } = answer;
  const took = Math.round(ended - began);
  const what = `${status}${code === null ? '' : ` ${code}`}${shown === null ? '' : ` as ${JSON.stringify(shown)} of ${project}`}`;
  return `${rule}: ${detail} (process ${app}, key ${key}, ${route}, at ${(began - start).toFixed(0)} ms, took ${took} ms, ${what})`;
}

/** Everything that should not have happened, in sentences. Empty: the promise was kept. */
export function faultsOf({ violations, deeds, ended, resumedAfter, began }: Report): string[] {
  const shown = violations.slice(0, SHOWN).map((violation) => showViolation(violation, began));
  if (violations.length > SHOWN) shown.push(`… and ${violations.length - SHOWN} more`);
  if (resumedAfter === null) shown.push('service did not resume by itself');
  return [...shown, ...deeds.lost.map((what) => `acknowledged, and lost: ${what}`), ...ended];
}

/** From how many milliseconds on a standstill can change what a process thinks of Redis. */
const UPSETTING = 250;

/** Whether the machine let everyone run, so that what should happen in a given time can be asked for. */
export function wasCalm({ stalls, serversLate }: Report): boolean {
  return [...stalls, ...serversLate].every(({ lasting }) => lasting < UPSETTING);
}

/** What the machine kept everybody from doing, as far as it was seen. */
function describeHalts({ stalls, serversLate }: Report): string[] {
  const spell = ({ at, lasting }: { at: Time; lasting: number }) => `at ${at.toFixed(0)} for ${lasting.toFixed(0)} ms`;
  const lines: string[] = [];
  if (stalls.length > 0) {
    lines.push(`  processes stood still: ${stalls.map((stall) => `${stall.app} ${spell(stall)}`).join(', ')}`);
  }
  if (serversLate.length > 0) lines.push(`  servers were late: ${serversLate.map(spell).join(', ')}`);
  return lines;
}

/** One round in a few lines. */
export function summarize(report: Report): string {
  const { name, took, requests, deeds, counts, worstLag, late, withheld, slowest, resumedAfter, modes, notes } = report;
  const answers = Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([kind, count]) => `${kind}: ${count}`)
    .join(', ');
  const lines = [
    `${name}: ${(took / 1000).toFixed(1)} s, ${requests} requests, ${deeds.acknowledged} changes acknowledged, ${deeds.inDoubt} in doubt`,
    `  worst lag ${worstLag.toFixed(0)} ms (${late} answers by a state just replaced), slowest answer ${slowest.toFixed(0)} ms, served again after ${resumedAfter?.toFixed(0)} ms`,
    `  ${answers}`,
  ];
  if (withheld > 0) lines.push(`  ${withheld} answers let nothing out, though something was enabled`);
  if (modes.length > 0) lines.push(`  modes: ${modes.join(', ')}`);
  lines.push(...describeHalts(report));
  for (const note of notes) lines.push(`  ${note}`);
  for (const fault of faultsOf(report)) lines.push(`  FAILED ${fault}`);
  return lines.join('\n');
}
