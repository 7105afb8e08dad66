import type { Clock } from '../../clock';
import { boundAfter, comparePositions, indexPosition, readPosition } from '../index-position';
import { matchesKey } from '../key-search';
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

/** Data of one workspace except the records of its keys: indexes, configurations, audit log. */
export class Workspace {
  readonly audit: AuditLog;
  /** Replaced on each change, never mutated: a caller that has read it keeps the old state. */
  projects: ReadonlyMap<string, ProjectRecord> = new Map();
  readonly #indexes: Readonly<Record<KeySort, SortedPositions>> = {
    created: new SortedPositions(),
    name: new SortedPositions(),
    expires: new SortedPositions(),
  };

  constructor(auditLimit: number, clock: Clock) {
    this.audit = new AuditLog(auditLimit, clock);
  }

  index(key: KeyRecord): void {
    for (const sort of KEY_SORTS) this.#indexes[sort].add(indexPosition(key, sort));
  }

  unindex(key: KeyRecord): void {
    for (const sort of KEY_SORTS) this.#indexes[sort].remove(indexPosition(key, sort));
  }

  list(query: KeyQuery, keys: ReadonlyMap<string, KeyRecord>): KeyPage {
    const bound = query.after === null ? null : boundAfter(query.after, query.order);
    const total = this.#indexes.created.size;
    const found: KeyRecord[] = [];
    let last: string | null = null;
    for (const position of this.#indexes[query.sort].walk(query.order, bound)) {
      const key = keys.get(readPosition(position).id)!;
      if (query.q !== '' && !matchesKey(key, query.q)) continue;
      if (found.length === query.limit) return { keys: found, next: last, total };
      found.push(key);
      last = position;
    }
    return { keys: found, next: null, total };
  }
}
