import { z } from 'zod';
import type { Clock } from '../clock';
import { DEFAULT_WORKSPACE, externalId } from '../field-schemas';
import { REPORT_DAYS, type ReportStore } from '../store/report-store';
import { lastDays, readUsageField } from '../store/usage-store';
import { parseInput } from '../validate-input';
import type { ReportRecorder } from './report-recorder';
import { type ReportSubject, readSubject } from './report-subject';

/** Reports of one kind. */
export interface ReportCount extends ReportSubject {
  readonly count: number;
  /** The last day with one, `YYYY-MM-DD` in UTC. */
  readonly lastDate: string;
}

/** Reports of routes with `mode: 'report'`, over all processes. */
export interface ReportSummary {
  /** The first day, `YYYY-MM-DD` in UTC. */
  readonly since: string;
  /** Number of all reports. */
  readonly total: number;
  /** Those that are in no entry of `reports`, because there were too many kinds. */
  readonly other: number;
  /** Most frequent first. */
  readonly reports: readonly ReportCount[];
}

export interface ReportsInput {
  /** Default `'default'`. Requests without a key of a workspace are in `'default'`. */
  readonly workspaceId?: string;
  /** Number of days including today: 1–14, default 7. */
  readonly days?: number;
}

const DAYS_MESSAGE = `Expected an integer from 1 to ${REPORT_DAYS}.`;
export const reportsInputSchema = z.strictObject({
  workspaceId: externalId.default(DEFAULT_WORKSPACE),
  days: z
    .int(DAYS_MESSAGE)
    .min(1, DAYS_MESSAGE)
    .max(REPORT_DAYS, DAYS_MESSAGE)
    .default(7)
    .meta({ description: 'Number of days, including today.' }),
});

export type ReadReports = (input?: ReportsInput) => Promise<ReportSummary>;

export function createReportService(deps: {
  readonly store: ReportStore;
  readonly clock: Clock;
  readonly recorder: Pick<ReportRecorder, 'flush' | 'isIdle'>;
}): ReadReports {
  const { store, clock, recorder } = deps;

  return async function reports(input) {
    const { workspaceId, days } = parseInput(reportsInputSchema, input ?? {}, 'reports');
    // Includes the counts of this process.
    if (!recorder.isIdle) await recorder.flush();
    const [since = ''] = lastDays(days, clock.wall());
    const bySubject = new Map<string, ReportCount>();
    let [total, other] = [0, 0];
    for (const [field, count] of await store.readReports(workspaceId, since)) {
      const { day, outcome: stored } = readUsageField(field);
      const before = bySubject.get(stored);
      const subject = before ?? readSubject(stored);
      total += count;
      if (subject === null) other += count;
      else {
        const lastDate = before !== undefined && before.lastDate > day ? before.lastDate : day;
        bySubject.set(stored, { ...subject, count: (before?.count ?? 0) + count, lastDate });
      }
    }
    return { since, total, other, reports: [...bySubject.values()].sort((a, b) => b.count - a.count) };
  };
}
