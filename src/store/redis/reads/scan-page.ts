import type { Clock } from '../../../clock';

/** The items of one step of a scan that match, as far as the items tell. */
export interface ScanStep<Item> {
  readonly matches: readonly Item[];
  /** Position of the last item that was examined. Null at the end of the list. */
  readonly last: string | null;
}

/** A list in Redis that is read in steps, because its items must be filtered. */
export interface ScanSource<Item, Entry> {
  /** Examines items after a position, or from the start if it is null. It can end after `wanted` matches. */
  readStep(after: string | null, wanted: number): Promise<ScanStep<Item>>;
  positionOf(item: Item): string;
  /** The entries of the items; null if an entry was removed after its item was read, or does not match. */
  load(items: readonly Item[]): Promise<readonly (Entry | null)[]>;
  idOf(entry: Entry): string;
}

export interface ScanOptions {
  readonly limit: number;
  readonly after: string | null;
  /**
   * True if a full page ends the scan. Otherwise the scan goes on until it is known whether more entries follow. Default
   * false.
   */
  readonly endsWhenFull?: boolean;
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
  { limit, after, endsWhenFull = false, clock, timeoutMs }: ScanOptions,
): Promise<{ entries: Entry[]; next: string | null }> {
  const until = clock.monotonic() + timeoutMs;
  const entries = new Map<string, Entry>();
  let position = after;
  for (;;) {
    const wanted = limit - entries.size;
    const { matches, last } = await source.readStep(position, endsWhenFull ? wanted : wanted + 1);
    let taken = 0;
    for (const entry of await source.load(matches.slice(0, wanted))) {
      taken++;
      if (entry !== null && !entries.has(source.idOf(entry))) entries.set(source.idOf(entry), entry);
    }
    const moreHere = taken < matches.length;
    if (!moreHere && last === null) return { entries: [...entries.values()], next: null };

    if (!moreHere) position = last;
    else if (taken > 0) position = source.positionOf(matches[taken - 1] as Item);
    const isFull = entries.size === limit && (moreHere || endsWhenFull);
    if (isFull || clock.monotonic() >= until) return { entries: [...entries.values()], next: position };
  }
}
