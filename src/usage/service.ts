import { z } from 'zod';
import type { Clock } from '../clock';
import { contextWorkspace } from '../field-schemas';
import { keyNotFound } from '../store/key-not-found';
import type { Store } from '../store/store';
import { lastDays, readUsageField, USAGE_DAYS, type UsageRecord } from '../store/usage-store';
import { isKeyId } from '../token/format';
import { parseInput } from '../validate-input';
import type { UsageRecorder } from './recorder';

/** Requests of a key on one day. */
export interface UsageDay {
  /** `YYYY-MM-DD`, in UTC. */
  readonly date: string;
  /** Requests that were allowed. */
  readonly allowed: number;
  /** Requests with the token of the key that were denied. */
  readonly denied: number;
  /** Denied requests by code, e.g. `{ "permission_denied": 3 }`. */
  readonly reasons: Readonly<Record<string, number>>;
}

/** Requests of a key in all processes. */
export interface Usage {
  readonly keyId: string;
  /** Time of the last request with the token of the key, allowed or denied, to the minute. Null: there was none. */
  readonly lastUsedAt: Date | null;
  /** Oldest first, without gaps. The last one is today. */
  readonly days: readonly UsageDay[];
}

export interface UsageOptions {
  /** If set, keys of other workspaces are `key_not_found`. Default: keys of every workspace. */
  readonly workspaceId?: string;
  /** Number of days including today: 1–90, default 30. */
  readonly days?: number;
}

export interface UsageService {
  /** Rejects with `key_not_found`, `invalid_request` or `store_unavailable`. */
  get(id: string, options?: UsageOptions): Promise<Usage>;
  /** Usage of these keys, in the order of the ids. Keys of other workspaces are left out. */
  getMany(ids: readonly string[], options: UsageOptions & { readonly workspaceId: string }): Promise<Usage[]>;
}

const DEFAULT_DAYS = 30;
const DAYS_MESSAGE = `Expected an integer from 1 to ${USAGE_DAYS}.`;
const optionsSchema = z.strictObject({
  workspaceId: contextWorkspace,
  days: z.int(DAYS_MESSAGE).min(1, DAYS_MESSAGE).max(USAGE_DAYS, DAYS_MESSAGE).default(DEFAULT_DAYS),
});

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

  /** Includes the counts of this process, so that a request is visible at once. */
  async function read(ids: readonly string[], days: number): Promise<ReadonlyMap<string, UsageRecord>> {
    if (!recorder.isIdle) await recorder.flush();
    const [since = ''] = lastDays(days, clock.wall());
    return store.readUsage(ids, since);
  }

  return {
    async get(id, options) {
      const { workspaceId, days } = parseInput(optionsSchema, options ?? {}, 'usage');
      if (!isKeyId(id)) throw keyNotFound(id);
      const [record, found] = await Promise.all([store.getKey(id), read([id], days)]);
      if (record === null || (workspaceId !== undefined && record.workspaceId !== workspaceId)) throw keyNotFound(id);
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
