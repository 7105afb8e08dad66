import type { AuditRecord, ListAuditInput } from '../../audit/service';
import type { Command, CommandContext } from '../command';
import { type Listing, PAGE_OPTIONS, printPages } from '../paging';
import { timeFormat } from '../terminal-text';

function listing({ io }: CommandContext): Listing<AuditRecord> {
  const time = timeFormat(io);
  return {
    headings: ['WHEN', 'WHO', 'FROM', 'WHAT', 'TARGET', 'NAME'],
    row: ({ at, actor, source, action, target, name }) => [
      time(at),
      actor ?? '-',
      source ?? '-',
      action,
      target,
      name ?? '',
    ],
    none: 'Nothing has been changed.',
  };
}

async function list(context: CommandContext): Promise<undefined> {
  const { values, apiKeys, within } = context;
  const filter: Record<string, string> = {};
  for (const name of ['target', 'actor', 'action']) {
    const given = values.text(name);
    if (given !== undefined) filter[name] = given;
  }
  const read = async (page: { limit: number; cursor?: string }) => {
    const { entries, cursor } = await apiKeys.audit.list({ ...within, ...filter, ...page } as ListAuditInput);
    return { items: entries, cursor };
  };
  await printPages(context, read, listing(context));
}

export const AUDIT_COMMAND: Command = {
  name: 'audit',
  summary: 'Who changed what, newest first',
  args: [],
  options: {
    target: { value: 'ID', help: 'Only what was done to this key or project.' },
    actor: { value: 'NAME', help: 'Only what they did, e.g. cli:ops.' },
    action: { value: 'ACTION', help: 'Only this, e.g. key.deleted.' },
    ...PAGE_OPTIONS,
  },
  run: list,
};
