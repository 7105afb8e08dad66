import type { AuditRecord, AuditVerification, ListAuditInput } from '../../audit/service';
import type { Command, CommandContext } from '../command';
import { EXIT, type ExitCode } from '../io';
import { type Listing, PAGE_OPTIONS, printPages } from '../paging';
import { fields, toJson } from '../terminal-text';
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

function describe({ entries, unchained, head, fault }: AuditVerification): string {
  return fields([
    ['entries', String(entries)],
    ...(unchained === 0 ? [] : [['not chained', String(unchained)] as const]),
    ['head', head ?? '-'],
    ['result', fault === null ? 'no fault' : `${fault.kind} at ${fault.entryId}: ${fault.message}`],
  ]);
}

async function verify(context: CommandContext): Promise<ExitCode> {
  const { values, apiKeys, within } = context;
  const since = values.text('since');
  const head = values.text('head');
  const result = await apiKeys.audit.verify({
    ...within,
    ...(since === undefined ? {} : { since }),
    ...(head === undefined ? {} : { head }),
  });
  context.print(context.json ? `${toJson(result)}\n` : describe(result));
  return result.ok ? EXIT.ok : EXIT.refused;
}

/** Prints the entries, always as JSON. Notes a gap between the position and the first entry that is left. */
async function exportEntries(context: CommandContext): Promise<undefined> {
  const { values, apiKeys, within } = context;
  const since = values.text('since');
  let isFirst = true;
  for await (const entry of apiKeys.audit.export({ ...within, ...(since === undefined ? {} : { since }) })) {
    if (isFirst && since !== undefined && entry.previous !== null && !entry.previous.startsWith(`${since}:`)) {
      context.note(`Note: entries between ${since} and ${entry.id} are no longer in the log. Export more often.`);
    }
    isFirst = false;
    context.print(`${toJson(entry)}\n`);
  }
}

const LIST_COMMAND: Command = {
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

const VERIFY_LOG_COMMAND: Command = {
  name: 'audit verify',
  summary: 'Check the hash chain of the audit log',
  args: [],
  options: {
    head: { value: 'HEAD', help: 'Head that an earlier check has printed. The log must still contain it.' },
    since: { value: 'ID', help: 'Check only the entries after this one.' },
  },
  example: 'keyscope audit verify --workspace acme',
  run: verify,
};

const EXPORT_COMMAND: Command = {
  name: 'audit export',
  summary: 'Print the audit log as lines of JSON, oldest first',
  args: [],
  options: { since: { value: 'ID', help: 'Only entries after this one: the last id of an earlier export.' } },
  example: 'keyscope audit export --since 1760000000000-0 >> audit.jsonl',
  run: exportEntries,
};

export const AUDIT_COMMANDS: readonly Command[] = [LIST_COMMAND, VERIFY_LOG_COMMAND, EXPORT_COMMAND];
