import type { ApiKey } from '../../keys/types';
import type { CommandContext } from '../command';
import type { Listing } from '../paging';
import { fields, timeFormat, toJson } from '../terminal-text';

export function statusOf(key: Pick<ApiKey, 'disabled' | 'expiresAt'>, now: number): string {
  if (key.expiresAt.getTime() <= now) return 'expired';
  return key.disabled ? 'disabled' : 'active';
}

const SHOWN_AGENTS = 2;

function agentsInRow(agents: ApiKey['agents']): string {
  if (agents === 'all') return 'all';
  return agents.length > SHOWN_AGENTS ? `${agents.length} agents` : agents.join(', ');
}

export function keyListing({ io }: CommandContext): Listing<ApiKey> {
  const time = timeFormat(io);
  const now = io.now();
  return {
    headings: ['ID', 'NAME', 'STATUS', 'PERMISSIONS', 'AGENTS', 'CREATED', 'EXPIRES', 'KEY'],
    row: (key) => [
      key.id,
      key.name,
      statusOf(key, now),
      key.permissions.join(', '),
      agentsInRow(key.agents),
      time(key.createdAt),
      time(key.expiresAt),
      key.masked,
    ],
    none: 'There are no keys.',
  };
}

/** A key in full, for people. */
export function keyFields(key: ApiKey, { io }: Pick<CommandContext, 'io'>): string {
  const time = timeFormat(io);
  return fields([
    ['id', key.id],
    ['name', key.name],
    ['key', key.masked],
    ['status', statusOf(key, io.now())],
    ['workspace', key.workspaceId],
    ['agents', key.agents === 'all' ? 'all' : key.agents.join(', ')],
    ['permissions', key.permissions.join(', ')],
    ['created', time(key.createdAt) + (key.createdBy === null ? '' : ` by ${key.createdBy}`)],
    ['updated', `${time(key.updatedAt)} (revision ${key.revision})`],
    ['expires', time(key.expiresAt)],
    ...(key.rotatedFrom === null ? [] : [['replaces', key.rotatedFrom] as const]),
    ...(key.rotatedTo === null ? [] : [['replaced by', key.rotatedTo] as const]),
  ]);
}

export function printKey(context: CommandContext, key: ApiKey): void {
  context.print(context.json ? `${toJson(key)}\n` : keyFields(key, context));
}
