import type { Clock } from '../../clock';
import { hashEntry, placeInChain, writeHead } from '../audit-chain';
import { isOlder, matchesAuditQuery } from '../audit-entry';
import type { AuditEntry, AuditPage, AuditQuery, AuditRange, ChainedEntry } from '../store';

interface StoredEntry {
  readonly entry: AuditEntry;
  readonly previous: string;
  readonly hash: string;
}

/** The fields that an entry has in Redis, except its hash. */
function fieldsOf({ id, ...entry }: AuditEntry, previous: string): string[] {
  return ['previous', previous, ...Object.entries(entry).flatMap(([name, value]) => [name, JSON.stringify(value)])];
}

/** Audit log of one workspace: the last `limit` entries, oldest first. */
export class AuditLog {
  readonly #limit: number;
  readonly #clock: Clock;
  #entries: StoredEntry[] = [];
  #ms = 0;
  #sequence = 0;

  constructor(limit: number, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
  }

  get lastId(): string | null {
    return this.#entries.at(-1)?.entry.id ?? null;
  }

  add(content: Omit<AuditEntry, 'id'>): void {
    const last = this.#entries.at(-1);
    const previous = last === undefined ? '' : writeHead({ id: last.entry.id, hash: last.hash });
    const entry = Object.freeze({ id: this.#nextId(), ...content });
    this.#entries.push({ entry, previous, hash: hashEntry(fieldsOf(entry, previous)) });
    // Truncated once per `limit` entries: a shift for each entry would move the whole array each time.
    if (this.#entries.length >= this.#limit * 2) this.#entries = this.#entries.slice(-this.#limit);
  }

  list(query: AuditQuery): AuditPage {
    const found: AuditEntry[] = [];
    for (let i = this.#entries.length - 1; i >= this.#oldest(); i--) {
      const { entry } = this.#entries[i]!;
      if (query.before !== null && !isOlder(entry.id, query.before)) continue;
      if (!matchesAuditQuery(entry, query)) continue;
      if (found.length === query.limit) return { entries: found, next: found.at(-1)?.id ?? null };
      found.push(entry);
    }
    return { entries: found, next: null };
  }

  read({ from, limit }: AuditRange): ChainedEntry[] {
    const found: ChainedEntry[] = [];
    for (let i = this.#oldest(); i < this.#entries.length && found.length < limit; i++) {
      const { entry, previous, hash } = this.#entries[i]!;
      if (from !== null && isOlder(entry.id, from)) continue;
      found.push({ id: entry.id, ...placeInChain([...fieldsOf(entry, previous), 'hash', hash]), entry });
    }
    return found;
  }

  #oldest(): number {
    return Math.max(0, this.#entries.length - this.#limit);
  }

  /** Like the id of a Redis stream entry: `<ms>-<sequence>`. Ids grow even if the clock is set back. */
  #nextId(): string {
    const now = this.#clock.wall();
    if (now > this.#ms) {
      this.#ms = now;
      this.#sequence = 0;
    } else this.#sequence++;
    return `${this.#ms}-${this.#sequence}`;
  }
}
