import { z } from 'zod';
import type { Clock } from '../clock';
import { KeyscopeError } from '../errors';
import { contextWorkspace } from '../field-schemas';
import type { Store } from '../store/store';
import { lastDays, readUsageField, USAGE_DAYS, type UsageRecord } from '../store/usage-store';
import { isKeyId } from '../token/format';
import { parseInput } from '../validate-input';
import type { UsageRecorder } from './recorder';

/** How often a key was used on one day. */
export interface UsageDay {
  /** `YYYY-MM-DD`, in UTC. */
  readonly date: string;
  /** Requests that were let in. */
  readonly allowed: number;
  /** Requests that came with the key and its secret and were refused. */
  readonly denied: number;
  /** The same by code, e.g. `{ permission_denied: 3 }`. */
  readonly reasons: Readonly<Record<string, number>>;
}

/** How often a key was used, by all processes. */
export interface Usage {
  readonly keyId: string;
  /** To the minute: the last request that came with the key and its secret, let in or not. Null: none did. */
  readonly lastUsedAt: Date | null;
  /** Oldest first, without gaps; the last one is today. */
  readonly days: readonly UsageDay[];
}

export interface UsageOptions {
  /** Given, another workspace's key is `key_not_found`. Left out, every workspace's can be reached. */
  readonly workspaceId?: string;
  /** How many days, today among them: 1–90, default 30. */
  readonly days?: number;
}

export interface UsageService {
  /** Rejects with `key_not_found`, `invalid_request` and `store_unavailable`. */
  get(id: string, options?: UsageOptions): Promise<Usage>;
  /** Of these keys, without those that are not the workspace's, in the order of the ids. */
  getMany(ids: readonly string[], options: UsageOptions & { readonly workspaceId: string }): Promise<Usage[]>;
}

const DEFAULT_DAYS = 30;
const DAYS_MESSAGE = `Give a whole number of days from 1 to ${USAGE_DAYS}.`;
const optionsSchema = z.strictObject({
  workspaceId: contextWorkspace,
  days: z.int(DAYS_MESSAGE).min(1, DAYS_MESSAGE).max(USAGE_DAYS, DAYS_MESSAGE).default(DEFAULT_DAYS),
});

function notFound(id: unknown): KeyscopeError {
  // What is not an id could be anything, a token among them.
  const which = isKeyId(id) ? `There is no key with the id ${id}.` : 'There is no such key.';
  return new KeyscopeError('key_not_found', which);
}

function toUsage(keyId: string, record: UsageRecord | undefined, dates: readonly string[]): Usage {
  const byDate = new Map(dates.map((date) => [date, { allowed: 0, denied: 0, reasons: {} as Record<string, number> }]));
  for (const [field, count] of record?.counts ?? []) {
    const { day, outcome } = readUsageField(field);
    const counts = byDate.get(day);
    if (counts === undefined) continue;
    if (outcome === 'allowed') counts.allowed += count;
    else {
      counts.denied += count;
      counts.reasons[outcome] = count;
    }
  }
  const lastUsedAt = record?.lastUsedAt ?? null;
  return {
    keyId,
    lastUsedAt: lastUsedAt === null ? null : new Date(lastUsedAt),
    days: [...byDate].map(([date, counts]) => ({ date, ...counts })),
  };
}

export function createUsageService(deps: {
  readonly store: Pick<Store, 'getKey' | 'readUsage'>;
  readonly clock: Clock;
  readonly recorder: Pick<UsageRecorder, 'flush' | 'isIdle'>;
}): UsageService {
  const { store, clock, recorder } = deps;

  /** What this process has counted is told too: who has just made a request wants to see it. */
  async function read(ids: readonly string[], days: number): Promise<ReadonlyMap<string, UsageRecord>> {
    if (!recorder.isIdle) await recorder.flush();
    const [since = ''] = lastDays(days, clock.wall());
    return store.readUsage(ids, since);
  }

  return {
    async get(id, options) {
      const { workspaceId, days } = parseInput(optionsSchema, options ?? {}, 'usage');
      if (!isKeyId(id)) throw notFound(id);
      const [record, found] = await Promise.all([store.getKey(id), read([id], days)]);
      if (record === null || (workspaceId !== undefined && record.workspaceId !== workspaceId)) throw notFound(id);
      return toUsage(id, found.get(id), lastDays(days, clock.wall()));
    },

    async getMany(givenIds, options) {
      const { workspaceId, days } = parseInput(optionsSchema, options, 'usage');
      const ids = [...new Set(givenIds)].filter(isKeyId);
      const [records, found] = await Promise.all([Promise.all(ids.map((id) => store.getKey(id))), read(ids, days)]);
      const dates = lastDays(days, clock.wall());
      return ids
        .filter((_, i) => records[i] != null && records[i].workspaceId === workspaceId)
        .map((id) => toUsage(id, found.get(id), dates));
    },
  };
}
