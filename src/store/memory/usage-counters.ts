import type { Clock } from '../../clock';
import { lastDays, USAGE_DAYS, type UsageDelta, type UsageReceipt, type UsageRecord } from '../usage-store';

interface KeyUsage {
  lastUsedAt: number;
  readonly counts: Map<string, number>;
  /** Number of the last delta that was added, by source. */
  readonly numbers: Map<string, number>;
}

/** Usage counts of the keys of a store in memory. */
export class UsageCounters {
  readonly #clock: Clock;
  readonly #byKey = new Map<string, KeyUsage>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(source: string, deltas: readonly UsageDelta[], exists: (id: string) => boolean): UsageReceipt {
    const [oldest = ''] = lastDays(USAGE_DAYS, this.#clock.wall());
    for (const delta of deltas) if (exists(delta.keyId)) this.#addOne(source, delta, oldest);
    return { settled: new Set(deltas.map(({ keyId }) => keyId)), failure: null };
  }

  read(ids: readonly string[], since: string): ReadonlyMap<string, UsageRecord> {
    const found = new Map<string, UsageRecord>();
    for (const id of ids) {
      const page = this.#byKey.get(id);
      if (!page) continue;
      const counts = new Map([...page.counts].filter(([field]) => field >= since));
      found.set(id, { lastUsedAt: page.lastUsedAt, counts });
    }
    return found;
  }

  lastUse(id: string): number | null {
    return this.#byKey.get(id)?.lastUsedAt ?? null;
  }

  delete(id: string): void {
    this.#byKey.delete(id);
  }

  #addOne(source: string, { keyId, number, counts, lastUsedAt }: UsageDelta, oldest: string): void {
    const page = this.#byKey.get(keyId) ?? { lastUsedAt: 0, counts: new Map(), numbers: new Map() };
    this.#byKey.set(keyId, page);
    if (number <= (page.numbers.get(source) ?? 0)) return;
    page.numbers.set(source, number);
    page.lastUsedAt = Math.max(page.lastUsedAt, lastUsedAt);
    for (const [field, count] of counts) page.counts.set(field, (page.counts.get(field) ?? 0) + count);
    // A field begins with its day. If it sorts before the oldest day, it is of an earlier day.
    for (const field of page.counts.keys()) if (field < oldest) page.counts.delete(field);
  }
}
