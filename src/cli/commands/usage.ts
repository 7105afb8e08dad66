import type { Usage, UsageDay } from '../../usage/service';
import type { Command, CommandContext } from '../command';
import { usageError } from '../io';
import { fields, table, timeFormat, toJson } from '../terminal-text';

function daysOf({ values }: CommandContext): { days?: number } {
  const given = values.text('days');
  if (given === undefined) return {};
  if (!/^[1-9]\d{0,3}$/.test(given)) throw usageError('--days needs a whole number from 1 to 90.');
  return { days: Number(given) };
}

function row({ date, allowed, denied, reasons }: UsageDay): string[] {
  const why = Object.entries(reasons).map(([code, count]) => `${code} ${count}`);
  return [date, String(allowed), String(denied), why.join(', ')];
}

/** Days without requests say nothing that their absence does not. */
function forPeople({ keyId, lastUsedAt, days }: Usage, { io }: CommandContext): string {
  const sum = (of: (day: UsageDay) => number) => String(days.reduce((total, day) => total + of(day), 0));
  const busy = days.filter(({ allowed, denied }) => allowed + denied > 0);
  const summary = fields([
    ['key', keyId],
    ['last used', lastUsedAt === null ? 'never' : timeFormat(io)(lastUsedAt)],
    [`${days.length} days`, `${sum(({ allowed }) => allowed)} let in, ${sum(({ denied }) => denied)} refused`],
  ]);
  return busy.length === 0 ? summary : `${summary}\n${table(['DAY (UTC)', 'LET IN', 'REFUSED', 'WHY'], busy.map(row))}`;
}

async function show(context: CommandContext): Promise<undefined> {
  const { apiKeys, args, within } = context;
  const usage = await apiKeys.usage(args[0] as string, { ...within, ...daysOf(context) });
  context.print(context.json ? `${toJson(usage)}\n` : forPeople(usage, context));
}

export const USAGE_COMMAND: Command = {
  name: 'usage',
  summary: 'How often a key was used, day by day',
  args: ['ID'],
  options: { days: { value: 'N', help: 'How many days, today among them: 1 to 90. Default 30.' } },
  run: show,
};
