import type { AuditRecord, ListAuditInput } from '../../audit/service';
import type { Command, CommandContext } from '../command';
import { type Listing, PAGE_OPTIONS, printPages } from '../paging';
import { isoTime, relativeTime } from '../time-text';

function listing({ io, style }: CommandContext): Listing<AuditRecord> {
  const now = io.now();
  return {
    columns: [
      { heading: 'TIME' },
      { heading: 'ACTOR', minimum: 12 },
      { heading: 'SOURCE', minimum: 8, optional: true },
      { heading: 'ACTION' },
      { heading: 'TARGET', minimum: 16 },
      { heading: 'NAME', minimum: 8 },
    ],
    row: ({ at, actor, source, action, target, name }) => [
      style.relative ? relativeTime(at, now) : isoTime(at),
      actor ?? '-',
      source ?? '-',
      action,
      target,
      name ?? '',
    ],
    none: 'There are no entries.',
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
  summary: 'List changes, newest first',
  args: [],
  options: {
    target: { value: 'ID', help: 'Changes of this key or project.' },
    actor: { value: 'NAME', help: 'Changes by this actor, such as cli:ops.' },
    action: { value: 'ACTION', help: 'Changes of this kind, such as key.deleted.' },
    ...PAGE_OPTIONS,
  },
  example: 'keyscope audit --action key.deleted --limit 10',
  run: list,
};
