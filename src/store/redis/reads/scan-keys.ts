import { boundAfter } from '../../index-position';
import { COLUMNS } from '../../key-fields';
import { type KeyFilter, mayBeId, mayBeMasked } from '../../key-search';
import type { KeyRecord } from '../../records';
import type { KeyQuery } from '../../store';
import type { DefineClientScript } from '../client-script';
import { isRefusal, refusalCode, unavailable, unreadable } from '../errors';
import type { KeyNames } from '../key-names';
import { SCAN_KEYS } from '../scripts/lists.lua';
import type { ScanStep } from './scan-page';

/** Bounds of one step, in which Redis runs nothing else: measured, about 2 ms. */
const STEP = { positions: 2000, records: 500 };

export type ScanKeys = (
  index: string,
  query: KeyQuery,
  after: string | null,
  wanted: number,
  now: number,
) => Promise<ScanStep<string>>;

/** A condition on the stored value of a column: equal, unequal, containing; or a number above, or at most. */
type Condition = readonly [column: keyof KeyRecord, test: 'is' | 'is not' | 'has' | 'after' | 'until', value: string];

/** Bounds of the part of an index that follows a position, in the order of the query. */
export function boundsAfter({ order }: KeyQuery, after: string | null): [first: string, last: string] {
  const [first, last] = order === 'asc' ? (['-', '+'] as const) : (['+', '-'] as const);
  return [after === null ? first : `(${boundAfter(after, order)}`, last];
}

function stored<Name extends keyof KeyRecord>(name: Name, value: KeyRecord[Name]): string {
  return COLUMNS[name].encode(value) ?? '';
}

function statusConditions(status: KeyFilter['status'], now: string): Condition[] {
  if (status === undefined) return [];
  if (status === 'rotated') return [['rotatedTo', 'is not', stored('rotatedTo', null)]];
  if (status === 'expired') return [['expiresAt', 'until', now]];
  return [
    ['disabled', 'is', stored('disabled', status === 'disabled')],
    ['expiresAt', 'after', now],
  ];
}

/**
 * Conditions on stored columns that every match of a filter fulfils. Other keys can fulfil them too, so the records of
 * those that do are compared with the filter.
 */
function conditionsOf(filter: KeyFilter, now: number): Condition[] {
  const { status, expiringWithin, unusedFor, permission, agent, owner, environment, metadata = {}, createdBy } = filter;
  const conditions = statusConditions(status, String(now));
  const add = (...condition: Condition) => conditions.push(condition);
  if (owner !== undefined) add('owner', 'is', stored('owner', owner));
  if (createdBy !== undefined) add('createdBy', 'is', stored('createdBy', createdBy));
  if (environment !== undefined) add('environment', 'is', stored('environment', environment));
  for (const [name, value] of Object.entries(metadata)) {
    add('metadata', 'has', `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  }
  if (permission !== undefined) add('permissions', 'has', JSON.stringify(permission));
  if (agent !== undefined) add('agents', 'has', JSON.stringify(agent));
  if (expiringWithin !== undefined) {
    add('expiresAt', 'after', String(now));
    add('expiresAt', 'until', String(now + expiringWithin));
  }
  if (unusedFor !== undefined) add('createdAt', 'until', String(now - unusedFor));
  return conditions;
}

function notScanned(cause: unknown) {
  const reason = isRefusal(cause) ? `refused it (${refusalCode(cause)})` : 'could not be reached';
  return unavailable(`The keys could not be listed: the key store ${reason}.`, cause);
}

interface ScanKeysOptions {
  readonly defineScript: DefineClientScript;
  readonly keyNames: KeyNames;
  /** The client's own prefix of all names. */
  readonly keyPrefix: string;
}

/** Finds keys that may match a search or a filter, and leaves the records of all others in Redis. */
export function createScanKeys({ defineScript, keyNames, keyPrefix }: ScanKeysOptions): ScanKeys {
  const run = defineScript({ name: 'scanKeys', lua: SCAN_KEYS, numberOfKeys: 1, toError: notScanned });

  return async function scanKeys(index, query, after, wanted, now) {
    const { workspaceId, q, filter, order } = query;
    const names = keyNames.namesOf(workspaceId);
    const reply = await run(
      [index],
      ...boundsAfter(query, after),
      order === 'asc' ? '' : 'REV',
      ...[STEP.positions, STEP.records, wanted].map(String),
      ...[q, mayBeId(q) ? 'id' : '', mayBeMasked(q) ? 'masked' : ''],
      ...[keyPrefix + names.key, keyPrefix + names.usage],
      filter?.unusedFor === undefined ? '' : String(now - filter.unusedFor),
      ...(filter ? conditionsOf(filter, now).flat() : []),
    );
    const [hasEnded, last, ...matches] = Array.isArray(reply) ? (reply as unknown[]) : [];
    if (![last, ...matches].every((item) => typeof item === 'string')) throw unreadable(index);
    return { matches: matches as string[], last: Number(hasEnded) === 1 ? null : (last as string) };
  };
}
