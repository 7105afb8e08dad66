import type { ReportCount, ReportSummary } from '../../usage/report-service';
import type { Command, CommandContext } from '../command';
import { usageError } from '../io';
import { fields, table, toJson } from '../terminal-text';

const COLUMNS = [
  { heading: 'COUNT' },
  { heading: 'REPORT', minimum: 16 },
  { heading: 'ROUTE', minimum: 12 },
  { heading: 'KEY' },
  { heading: 'LAST (UTC)', optional: true },
];

function describeReport({ kind, code, reason, comparedAllowed, withheld, rejection }: ReportCount): string {
  if (kind === 'redacted') return rejection ?? `would remove ${withheld.join(', ')}`;
  const denial = code === reason || reason === null ? code : `${code} (${reason})`;
  if (kind === 'denied') return `would deny: ${denial}`;
  return comparedAllowed ? `would deny, the other check allowed: ${denial}` : 'would allow, the other check denied';
}

function row(report: ReportCount): string[] {
  const { count, method, route, keyId, lastDate } = report;
  const place = [method, route].filter((part) => part !== null).join(' ');
  return [String(count), describeReport(report), place || '-', keyId ?? '-', lastDate];
}

function describe({ since, total, other, reports }: ReportSummary, { style }: CommandContext): string {
  const summary = fields([
    ['since', since],
    ['reports', String(total)],
    ...(other === 0 ? [] : [['of other kinds', String(other)] as const]),
  ]);
  return reports.length === 0 ? summary : `${summary}\n${table(COLUMNS, reports.map(row), style)}`;
}

async function show(context: CommandContext): Promise<undefined> {
  const { apiKeys, values, within } = context;
  const given = values.text('days');
  if (given !== undefined && !/^[1-9]\d{0,3}$/.test(given)) {
    throw usageError('--days: expected a whole number from 1 to 14.');
  }
  const summary = await apiKeys.reports({ ...within, ...(given === undefined ? {} : { days: Number(given) }) });
  context.print(context.json ? `${toJson(summary)}\n` : describe(summary, context));
}

export const REPORTS_COMMAND: Command = {
  name: 'reports',
  summary: "Count what routes with mode: 'report' would have denied or removed",
  args: [],
  options: { days: { value: 'N', help: 'Number of days, including today: 1 to 14. Default 7.' } },
  example: 'keyscope reports --days 1',
  run: show,
};
