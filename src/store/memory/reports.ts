import type { Clock } from '../../clock';
import { MAX_REPORT_COUNTS, OTHER_REPORTS, REPORT_DAYS, type ReportStore } from '../report-store';
import { lastDays, readUsageField, usageField } from '../usage-store';

/** Counts of reports in memory, where a batch arrives once. */
export function createMemoryReports(clock: Clock): ReportStore {
  const byWorkspace = new Map<string, Map<string, number>>();
  return {
    async addReports({ workspaceId, counts }) {
      const stored = byWorkspace.get(workspaceId) ?? new Map<string, number>();
      byWorkspace.set(workspaceId, stored);
      const [oldest = ''] = lastDays(REPORT_DAYS, clock.wall());
      for (const field of stored.keys()) if (field < oldest) stored.delete(field);
      for (const [given, count] of counts) {
        const isFull = !stored.has(given) && stored.size >= MAX_REPORT_COUNTS;
        const field = isFull ? usageField(readUsageField(given).day, OTHER_REPORTS) : given;
        stored.set(field, (stored.get(field) ?? 0) + count);
      }
    },

    async readReports(workspaceId, since) {
      return new Map([...(byWorkspace.get(workspaceId) ?? [])].filter(([field]) => field >= since));
    },
  };
}
