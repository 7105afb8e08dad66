import type { FailedWebhook } from '../../webhooks/service';
import type { Command, CommandContext } from '../command';
import { EXIT, type ExitCode } from '../io';
import { type Listing, PAGE_OPTIONS, printPages } from '../paging';
import { isoTime, relativeTime } from '../time-text';

function listing({ io, style }: CommandContext): Listing<FailedWebhook> {
  const now = io.now();
  return {
    columns: [
      { heading: 'FAILED' },
      { heading: 'ID', minimum: 24 },
      { heading: 'TYPE' },
      { heading: 'URL', minimum: 16 },
      { heading: 'REASON', minimum: 12 },
    ],
    row: ({ id, url, type, lastError, failedAt }) => [
      style.relative ? relativeTime(failedAt, now) : isoTime(failedAt),
      id,
      type,
      url,
      lastError ?? '',
    ],
    none: 'No webhook has failed.',
  };
}

async function failed(context: CommandContext): Promise<undefined> {
  const read = async ({ limit, cursor }: { limit: number; cursor?: string }) => {
    const offset = Number(cursor ?? 0);
    const items = await context.apiKeys.webhooks.failed({ ...context.within, limit, offset });
    return { items, cursor: items.length === limit ? String(offset + limit) : null };
  };
  await printPages(context, read, listing(context));
}

async function replay(context: CommandContext): Promise<ExitCode> {
  const [id = ''] = context.args;
  const isFound = await context.apiKeys.webhooks.replay(id, context.within);
  context.print(isFound ? 'The webhook is sent again by the app.\n' : 'No failed webhook has this id.\n');
  return isFound ? EXIT.ok : EXIT.refused;
}

export const WEBHOOK_COMMANDS: readonly Command[] = [
  {
    name: 'webhooks failed',
    summary: 'List webhooks that were given up, latest first',
    args: [],
    options: { ...PAGE_OPTIONS },
    example: 'keyscope webhooks failed --limit 10',
    run: failed,
  },
  {
    name: 'webhooks replay',
    summary: 'Send a webhook again that was given up',
    args: ['ID'],
    options: {},
    example: 'keyscope webhooks replay 7hK2m0c9QwXz.4fQaB91zT0',
    run: replay,
  },
];
