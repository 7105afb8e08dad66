import type { Clock } from '../../../clock';

/** A list in Redis that is read in steps, because its items must be filtered. */
export interface ScanSource<Item, Entry> {
  /** The next `count` items after a position, or from the start if it is null. Fewer only at the end. */
  readItems(after: string | null, count: number): Promise<readonly Item[]>;
  positionOf(item: Item): string;
  matches(item: Item): boolean;
  /** The entries of the items; null if an entry was removed after its item was read, or does not match. */
  load(items: readonly Item[]): Promise<readonly (Entry | null)[]>;
  idOf(entry: Entry): string;
}

export interface ScanOptions {
  readonly limit: number;
  readonly after: string | null;
  /**
   * Items that one step reads if not all of them match. Null: one more than the page still needs. Redis runs nothing
   * else during a step, so the number must be small.
   */
  readonly step: number | null;
  /**
   * True if only the entry tells whether it matches. Then all entries of a step are loaded, and a full page ends the
   * scan. Otherwise the scan goes on until it is known whether more entries follow. Default false.
   */
  readonly matchesEntries?: boolean;
  readonly clock: Clock;
  /** Milliseconds after which the scan stops, and leaves the rest to the next page. */
  readonly timeoutMs: number;
}

/**
 * Scans until the page is full and it is known whether more entries follow. The list can change during the scan. An
 * entry that was removed after its item was read is omitted. An entry that is read twice, because it moved ahead of the
 * scan, is listed once.
 */
export async function scanPage<Item, Entry>(
  source: ScanSource<Item, Entry>,
  { limit, after, step, matchesEntries = false, clock, timeoutMs }: ScanOptions,
): Promise<{ entries: Entry[]; next: string | null }> {
  const until = clock.monotonic() + timeoutMs;
  const entries = new Map<string, Entry>();
  let position = after;
  for (;;) {
    const wanted = limit - entries.size;
    const count = step ?? wanted + 1;
    const items = await source.readItems(position, count);
    const matching = items.filter((item) => source.matches(item));
    const loaded = matchesEntries ? matching : matching.slice(0, wanted);
    let taken = 0;
    for (const entry of await source.load(loaded)) {
      const isNew = entry !== null && !entries.has(source.idOf(entry));
      if (isNew && entries.size === limit) break;
      if (isNew) entries.set(source.idOf(entry), entry);
      taken++;
    }
    const moreHere = taken < matching.length;
    if (!moreHere && items.length < count) return { entries: [...entries.values()], next: null };

    const last = (moreHere ? matching.slice(0, taken) : items).at(-1);
    if (last !== undefined) position = source.positionOf(last);
    const isFull = entries.size === limit && (moreHere || matchesEntries);
    if (isFull || clock.monotonic() >= until) return { entries: [...entries.values()], next: position };
  }
}
