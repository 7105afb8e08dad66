import type { Clock } from '../../clock';
import { boundAfter, comparePositions, indexPosition, readPosition } from '../index-position';
import { indexedPair, isUnused, matchesFilter, matchesKey } from '../key-search';
import { KEY_SORTS, type KeyRecord, type KeySort, type ProjectRecord } from '../records';
import type { KeyPage, KeyQuery } from '../store';
import { AuditLog } from './audit-log';

/**
 * Sorted set of index positions, like the sorted set that the Redis store walks with `BYLEX`. It is a sorted array:
 * moving the tail of 100,000 references takes microseconds, and a walk needs only an index.
 */
class SortedPositions {
  readonly #positions: string[] = [];

  get size(): number {
    return this.#positions.length;
  }

  add(position: string): void {
    const index = this.firstNotBelow(position);
    if (this.#positions[index] !== position) this.#positions.splice(index, 0, position);
  }

  remove(position: string): void {
    const index = this.firstNotBelow(position);
    if (this.#positions[index] === position) this.#positions.splice(index, 1);
  }

  /** Index of the first position that is not below `bound`; `size` if there is none. */
  firstNotBelow(bound: string): number {
    let low = 0;
    let high = this.#positions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (comparePositions(this.#positions[middle]!, bound) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Walks the positions in `order` from `bound`, or from the first in that order if `bound` is null. */
  *walk(order: 'asc' | 'desc', bound: string | null): Generator<string, void, void> {
    if (order === 'asc') {
      for (let i = bound === null ? 0 : this.firstNotBelow(bound); i < this.size; i++) yield this.#positions[i]!;
    } else {
      for (let i = (bound === null ? this.size : this.firstNotBelow(bound)) - 1; i >= 0; i--) yield this.#positions[i]!;
    }
  }
}

/** Keys that one page of a filtered list or a search examines, so that it does not block the process. */
const MAX_EXAMINED = 10_000;

type Indexes = Readonly<Record<KeySort, SortedPositions>>;

function createIndexes(): Indexes {
  return { created: new SortedPositions(), name: new SortedPositions(), expires: new SortedPositions() };
}

const NO_KEYS = createIndexes();

export interface WorkspaceOptions {
  /** Number of audit entries that are kept per workspace. Older entries are removed. Default 10,000. */
  readonly auditLimit: number;
  /** Names of metadata with an index. Default: none. */
  readonly indexedMetadata: readonly string[];
  /** Default: the system's clock. */
  readonly clock: Clock;
}

/** Data of one workspace except the records of its keys: indexes, configurations, audit log. */
export class Workspace {
  readonly #clock: Clock;
  readonly #indexedMetadata: readonly string[];
  readonly audit: AuditLog;
  /** Replaced on each change, never mutated: a caller that has read it keeps the old state. */
  projects: ReadonlyMap<string, ProjectRecord> = new Map();
  readonly #indexes = createIndexes();
  /** Indexes of the keys with one value of indexed metadata, by name and value. */
  readonly #byMetadata = new Map<string, Indexes>();

  constructor({ auditLimit, indexedMetadata, clock }: WorkspaceOptions) {
    this.#clock = clock;
    this.#indexedMetadata = indexedMetadata;
    this.audit = new AuditLog(auditLimit, clock);
  }

  index(key: KeyRecord): void {
    for (const sort of KEY_SORTS) {
      const position = indexPosition(key, sort);
      for (const indexes of this.#indexesOf(key)) indexes[sort].add(position);
    }
  }

  unindex(key: KeyRecord): void {
    for (const sort of KEY_SORTS) {
      const position = indexPosition(key, sort);
      for (const indexes of this.#indexesOf(key)) indexes[sort].remove(position);
    }
    for (const place of this.#placesOf(key))
      if (this.#byMetadata.get(place)?.created.size === 0) this.#byMetadata.delete(place);
  }

  /** Names of the indexes by metadata that a key is in. */
  #placesOf({ metadata }: KeyRecord): string[] {
    return this.#indexedMetadata.flatMap((name) => {
      const value = metadata[name];
      return value === undefined ? [] : [JSON.stringify([name, value])];
    });
  }

  /** All indexes that a key is in. */
  #indexesOf(key: KeyRecord): Indexes[] {
    return [
      this.#indexes,
      ...this.#placesOf(key).map((place) => {
        const indexes = this.#byMetadata.get(place) ?? createIndexes();
        this.#byMetadata.set(place, indexes);
        return indexes;
      }),
    ];
  }

  /** @param lastUse - Time of a key's last use, or null. */
  list(query: KeyQuery, keys: ReadonlyMap<string, KeyRecord>, lastUse: (id: string) => number | null): KeyPage {
    const { q, filter, limit, sort, order } = query;
    const now = this.#clock.wall();
    const bound = query.after === null ? null : boundAfter(query.after, order);
    const total = this.#indexes.created.size;
    const found: KeyRecord[] = [];
    let last: string | null = null;
    let examined = 0;
    const isScan = filter != null || q !== '';
    const pair = indexedPair(filter ?? null, this.#indexedMetadata);
    const indexes = pair === null ? this.#indexes : (this.#byMetadata.get(JSON.stringify(pair)) ?? NO_KEYS);

    function matches(key: KeyRecord): boolean {
      if (q !== '' && !matchesKey(key, q)) return false;
      if (!filter) return true;
      if (!matchesFilter(key, filter, now)) return false;
      return filter.unusedFor === undefined || isUnused(key, lastUse(key.id), filter.unusedFor, now);
    }

    for (const position of indexes[sort].walk(order, bound)) {
      if (isScan && examined++ === MAX_EXAMINED) return { keys: found, next: last, total };
      const key = keys.get(readPosition(position).id)!;
      const isFound = matches(key);
      if (isFound && found.length === limit) return { keys: found, next: last, total };
      if (isFound) found.push(key);
      if (isFound || isScan) last = position;
    }
    return { keys: found, next: null, total };
  }
}
