import type { Clock } from '../../clock';
import { isOlder, matchesAuditQuery } from '../audit-entry';
import type { AuditEntry, AuditPage, AuditQuery } from '../store';

/** One workspace's audit trail: the last `limit` entries, oldest first. */
export class AuditTrail {
  readonly #limit: number;
  readonly #clock: Clock;
  #entries: AuditEntry[] = [];
  #ms = 0;
  #sequence = 0;

  constructor(limit: number, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
  }

  add(entry: Omit<AuditEntry, 'id'>): void {
    this.#entries.push(Object.freeze({ id: this.#nextId(), ...entry }));
    // Cut in one go every `limit` entries: shifting on each would move the whole array each time.
    if (this.#entries.length >= this.#limit * 2) this.#entries = this.#entries.slice(-this.#limit);
  }

  list(query: AuditQuery): AuditPage {
    const found: AuditEntry[] = [];
    const oldest = Math.max(0, this.#entries.length - this.#limit);
    for (let i = this.#entries.length - 1; i >= oldest; i--) {
      const entry = this.#entries[i]!;
      if (query.before !== null && !isOlder(entry.id, query.before)) continue;
      if (!matchesAuditQuery(entry, query)) continue;
      if (found.length === query.limit) return { entries: found, next: found.at(-1)?.id ?? null };
      found.push(entry);
    }
    return { entries: found, next: null };
  }

  /** Like the id of a Redis stream entry: `<ms>-<sequence>`, growing even where the clock is set back. */
  #nextId(): string {
    const now = this.#clock.wall();
    if (now > this.#ms) {
      this.#ms = now;
      this.#sequence = 0;
    } else this.#sequence++;
    return `${this.#ms}-${this.#sequence}`;
  }
}
