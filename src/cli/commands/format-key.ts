import type { ApiKey } from '../../keys/types';
import { describeLimit } from '../../limits/limit-name';
import type { KeyExposure } from '../../store/key-fields';
import type { CommandContext } from '../command';
import type { Listing } from '../paging';
import { type Cell, fields, toJson } from '../terminal-text';
import { expiryText, fullTime, isoTime, relativeTime } from '../time-text';

function statusOf(key: Pick<ApiKey, 'disabled' | 'expiresAt' | 'exposure'>, now: number): Cell {
  if (key.exposure?.policy === 'revoke') return ['revoked', 'red'];
  if (key.expiresAt !== null && key.expiresAt.getTime() <= now) return ['expired', 'red'];
  return key.disabled ? ['disabled', 'yellow'] : ['active', 'green'];
}

const SHOWN_AGENTS = 2;

function agentsInRow(agents: ApiKey['agents']): string {
  if (agents === 'all') return 'all';
  return agents.length > SHOWN_AGENTS ? `${agents.length} agents` : agents.join(', ');
}

export function keyListing({ io, style }: CommandContext): Listing<ApiKey> {
  const now = io.now();
  const time = (at: Date) => (style.relative ? relativeTime(at, now) : isoTime(at));
  return {
    columns: [
      { heading: 'ID' },
      { heading: 'NAME', minimum: 8 },
      { heading: 'STATUS' },
      { heading: 'PERMISSIONS', minimum: 8 },
      { heading: 'AGENTS', minimum: 6 },
      { heading: 'CREATED', optional: true },
      { heading: 'EXPIRES' },
      { heading: 'KEY', optional: true },
    ],
    row: (key) => [
      key.id,
      key.name,
      statusOf(key, now),
      key.permissions.join(', '),
      agentsInRow(key.agents),
      time(key.createdAt),
      expiryText(key.expiresAt, time),
      key.masked,
    ],
    none: 'There are no keys.',
  };
}

function limitsInField(limits: ApiKey['rateLimit']): string {
  if (limits === null) return "the app's defaults";
  return limits.length === 0 ? 'none' : limits.map(describeLimit).join(', ');
}

function exposureText({ at, source, url }: KeyExposure, now: number): string {
  return `reported ${fullTime(at, now)} by ${source}${url === null ? '' : `, found at ${url}`}`;
}

/** All columns of a key, one a line. */
export function keyFields(key: ApiKey, { io, style }: Pick<CommandContext, 'io' | 'style'>): string {
  const now = io.now();
  const entries: [string, Cell][] = [
    ['id', key.id],
    ['name', key.name],
    ['key', key.masked],
    ['status', statusOf(key, now)],
    ['workspace', key.workspaceId],
    ['agents', key.agents === 'all' ? 'all' : key.agents.join(', ')],
    ['permissions', key.permissions.join(', ')],
    ['rate limits', limitsInField(key.rateLimit)],
    ['created', fullTime(key.createdAt, now) + (key.createdBy === null ? '' : ` by ${key.createdBy}`)],
    ['updated', `${fullTime(key.updatedAt, now)}, revision ${key.revision}`],
    ['expires', expiryText(key.expiresAt, (at) => fullTime(at, now))],
  ];
  if (key.allowedIps.length > 0) entries.push(['addresses', key.allowedIps.join(', ')]);
  if (key.environment !== null) entries.push(['environment', key.environment]);
  if (key.owner !== null) entries.push(['owner', `${key.owner.kind} ${key.owner.id}`]);
  if (key.contact !== null) entries.push(['contact', key.contact]);
  for (const [name, value] of Object.entries(key.metadata)) entries.push([name, value]);
  if (key.exposure !== null) entries.push(['leaked', exposureText(key.exposure, now)]);
  if (key.rotatedFrom !== null) entries.push(['replaces', key.rotatedFrom]);
  if (key.rotatedTo !== null) entries.push(['replaced by', key.rotatedTo]);
  return fields(entries, style);
}

export function printKey(context: CommandContext, key: ApiKey): void {
  context.print(context.json ? `${toJson(key)}\n` : keyFields(key, context));
}
