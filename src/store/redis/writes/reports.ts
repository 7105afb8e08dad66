import type { Clock } from '../../../clock';
import { REPORT_DAYS, type ReportStore } from '../../report-store';
import { dayOf, isUsageField, lastDays } from '../../usage-store';
import type { DefineClientScript } from '../client-script';
import { isRefusal, refusalCode, unavailable } from '../errors';
import type { KeyNames } from '../key-names';
import { ADD_REPORTS, READ_REPORTS } from '../scripts/reports.lua';

function notCounted(cause: unknown) {
  const reason = isRefusal(cause) ? `refused it (${refusalCode(cause)})` : 'could not be reached';
  return unavailable(`Counts of reports could not be read or stored: the key store ${reason}.`, cause);
}

/** Counts of reports: one hash for each workspace. */
export function createReportStore(defineScript: DefineClientScript, keyNames: KeyNames, clock: Clock): ReportStore {
  const add = defineScript({ name: 'addReports', lua: ADD_REPORTS, numberOfKeys: 2, toError: notCounted });
  const read = defineScript({ name: 'readReports', lua: READ_REPORTS, numberOfKeys: 1, toError: notCounted });
  return {
    async addReports({ workspaceId, source, number, counts }) {
      const wall = clock.wall();
      const [oldest = ''] = lastDays(REPORT_DAYS, wall);
      const fields = [...counts].flatMap(([field, count]) => [field, String(count)]);
      const keys = [keyNames.reports(workspaceId), keyNames.reportBatch(workspaceId, source)];
      await add(keys, String(number), oldest, dayOf(wall), ...fields);
    },

    async readReports(workspaceId, since) {
      const reply = await read([keyNames.reports(workspaceId)]);
      const found = new Map<string, number>();
      if (!Array.isArray(reply)) return found;
      for (let i = 0; i < reply.length; i += 2) {
        const field = String(reply[i]);
        if (isUsageField(field) && field >= since) found.set(field, Number(reply[i + 1]));
      }
      return found;
    },
  };
}
