import type { Usage, UsageDay } from '../../usage/service';
import type { Command, CommandContext } from '../command';
import { usageError } from '../io';
import { fields, table, toJson } from '../terminal-text';
import { fullTime } from '../time-text';

function daysOf({ values }: CommandContext): { days?: number } {
  const given = values.text('days');
  if (given === undefined) return {};
  if (!/^[1-9]\d{0,3}$/.test(given)) throw usageError('--days: expected a whole number from 1 to 90.');
  return { days: Number(given) };
}

function row({ date, allowed, denied, reasons }: UsageDay): string[] {
  const denials = Object.entries(reasons).map(([code, count]) => `${code} ${count}`);
  return [date, String(allowed), String(denied), denials.join(', ')];
}

const COLUMNS = [
  { heading: 'DAY (UTC)' },
  { heading: 'ALLOWED' },
  { heading: 'DENIED' },
  { heading: 'REASONS', minimum: 12 },
];

/** A summary, and a table of the days with requests. */
function describe({ keyId, lastUsedAt, days }: Usage, { io, style }: CommandContext): string {
  const sum = (of: (day: UsageDay) => number) => String(days.reduce((total, day) => total + of(day), 0));
  const busy = days.filter(({ allowed, denied }) => allowed + denied > 0);
  const summary = fields([
    ['key', keyId],
    ['last used', lastUsedAt === null ? 'never' : fullTime(lastUsedAt, io.now())],
    [`${days.length} days`, `${sum(({ allowed }) => allowed)} allowed, ${sum(({ denied }) => denied)} denied`],
  ]);
  return busy.length === 0 ? summary : `${summary}\n${table(COLUMNS, busy.map(row), style)}`;
}

async function show(context: CommandContext): Promise<undefined> {
  const { apiKeys, args, within } = context;
  const usage = await apiKeys.usage(args[0] as string, { ...within, ...daysOf(context) });
  context.print(context.json ? `${toJson(usage)}\n` : describe(usage, context));
}

export const USAGE_COMMAND: Command = {
  name: 'usage',
  summary: 'Show how often a key was used, by day',
  args: ['ID'],
  options: { days: { value: 'N', help: 'Number of days, including today: 1 to 90. Default 30.' } },
  example: 'keyscope usage 8MPCk2Rw0dQzLx7V --days 7',
  run: show,
};
