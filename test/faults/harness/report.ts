import type { StoreMode } from 'keyscope';
import type { Findings, Violation } from '../checker/check';
import type { Deeds } from './mutator';

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
  /** Of any process' event loop. */
  readonly longestStall: number;
  readonly notes: readonly string[];
  /** Processes that did not live to see the end. */
  readonly ended: readonly string[];
}

/** As many as anyone reads. */
const SHOWN = 12;

function showViolation({ rule, detail, answer }: Violation): string {
  const { app, key, route, began, ended, status, code, shown } = answer;
  const took = Math.round(ended - began);
  const what = `${status}${code === null ? '' : ` ${code}`}${shown === null ? '' : ` as ${JSON.stringify(shown)} of ${answer.project}`}`;
  return `${rule}: ${detail} (process ${app}, key ${key}, ${route}, at ${began.toFixed(1)}, took ${took} ms, ${what})`;
}

/** Everything that should not have happened, in sentences. Empty: the promise was kept. */
export function faultsOf({ violations, deeds, ended, resumedAfter }: Report): string[] {
  const shown = violations.slice(0, SHOWN).map(showViolation);
  if (violations.length > SHOWN) shown.push(`… and ${violations.length - SHOWN} more`);
  if (resumedAfter === null) shown.push('service did not resume by itself');
  return [...shown, ...deeds.lost.map((what) => `acknowledged, and lost: ${what}`), ...ended];
}

/** One round in a few lines. */
export function summarize(report: Report): string {
  const { name, took, requests, deeds, counts, worstLag, late, slowest, resumedAfter, modes, longestStall, notes } =
    report;
  const answers = Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([kind, count]) => `${kind}: ${count}`)
    .join(', ');
  const lines = [
    `${name}: ${(took / 1000).toFixed(1)} s, ${requests} requests, ${deeds.acknowledged} changes acknowledged, ${deeds.inDoubt} in doubt`,
    `  worst lag ${worstLag.toFixed(0)} ms (${late} answers by a state just replaced), slowest answer ${slowest.toFixed(0)} ms, served again after ${resumedAfter?.toFixed(0)} ms, longest stall ${longestStall.toFixed(0)} ms`,
    `  ${answers}`,
  ];
  if (modes.length > 0) lines.push(`  modes: ${modes.join(', ')}`);
  for (const note of notes) lines.push(`  ${note}`);
  for (const fault of faultsOf(report)) lines.push(`  FAILED ${fault}`);
  return lines.join('\n');
}
