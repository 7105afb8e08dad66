import type { Clock } from '../../clock';
import { boundAfter, indexPosition, readPosition } from '../position';
import { KEY_SORTS, type KeyRecord, type KeySort, type ProjectRecord } from '../records';
import type { KeyPage, KeyQuery } from '../store';
import { AuditTrail } from './audit-trail';
import { SortedPositions } from './sorted-positions';

/** What one workspace owns, besides the records of its keys: indexes, configurations, audit trail. */
export class Workspace {
  readonly audit: AuditTrail;
  /** Replaced with each change, never changed: who has been given it keeps what it was. */
  projects: ReadonlyMap<string, ProjectRecord> = new Map();
  readonly #indexes: Readonly<Record<KeySort, SortedPositions>> = {
    created: new SortedPositions(),
    name: new SortedPositions(),
    expires: new SortedPositions(),
  };

  constructor(auditLimit: number, clock: Clock) {
    this.audit = new AuditTrail(auditLimit, clock);
  }

  index(key: KeyRecord): void {
    for (const sort of KEY_SORTS) this.#indexes[sort].add(indexPosition(key, sort));
  }

  unindex(key: KeyRecord): void {
    for (const sort of KEY_SORTS) this.#indexes[sort].remove(indexPosition(key, sort));
  }

  list(query: KeyQuery, keys: ReadonlyMap<string, KeyRecord>): KeyPage {
    const bound = query.after === null ? null : boundAfter(query.after, query.order);
    const found: KeyRecord[] = [];
    let last: string | null = null;
    for (const position of this.#indexes[query.sort].walk(query.order, bound)) {
      const { id, name } = readPosition(position, query.sort);
      if (!name.includes(query.q)) continue;
      if (found.length === query.limit) return { keys: found, next: last };
      found.push(keys.get(id)!);
      last = position;
    }
    return { keys: found, next: null };
  }
}
