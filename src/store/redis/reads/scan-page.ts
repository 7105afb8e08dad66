import type { Clock } from '../../../clock';

/** A list in Redis that is walked in steps, because what is asked for must be picked out of it. */
export interface ScanSource<Item, Entry> {
  /** The next `count` items after a place; from the start where it is null. Fewer only at the end. */
  readItems(after: string | null, count: number): Promise<readonly Item[]>;
  placeOf(item: Item): string;
  matches(item: Item): boolean;
  /** The entries that items stand for; null where one has gone meanwhile. */
  load(items: readonly Item[]): Promise<readonly (Entry | null)[]>;
  idOf(entry: Entry): string;
}

export interface ScanOptions {
  readonly limit: number;
  readonly after: string | null;
  /** How many items one step looks at where not all match. Redis does nothing else meanwhile, so not too many. */
  readonly step: number | null;
  readonly clock: Clock;
  /** Milliseconds after which the walk stops where it is, and leaves the rest to the next page. */
  readonly timeoutMs: number;
}

/**
 * Walks until the page is full and it is known whether there is more. Others change the list meanwhile: an entry that has
 * gone since its item was read is left out, and one that is met twice (it moved ahead of us) is listed once.
 */
export async function scanPage<Item, Entry>(
  walk: ScanSource<Item, Entry>,
  { limit, after, step, clock, timeoutMs }: ScanOptions,
): Promise<{ entries: Entry[]; next: string | null }> {
  const until = clock.monotonic() + timeoutMs;
  const entries = new Map<string, Entry>();
  let place = after;
  for (;;) {
    const wanted = limit - entries.size;
    const count = step ?? wanted + 1;
    const items = await walk.readItems(place, count);
    const matching = items.filter((item) => walk.matches(item));
    const taken = matching.slice(0, wanted);
    for (const entry of await walk.load(taken)) {
      if (entry !== null && !entries.has(walk.idOf(entry))) entries.set(walk.idOf(entry), entry);
    }
    const moreHere = matching.length > wanted;
    if (!moreHere && items.length < count) return { entries: [...entries.values()], next: null };

    const last = (moreHere ? taken : items).at(-1);
    if (last !== undefined) place = walk.placeOf(last);
    const isFull = entries.size === limit && moreHere;
    if (isFull || clock.monotonic() >= until) return { entries: [...entries.values()], next: place };
  }
}
