import { type ChainHead, writeHead } from '../store/audit-chain';
import { isOlder } from '../store/audit-entry';
import type { ChainedEntry } from '../store/store';

/**
 * Fault of an audit log.
 *
 * - `changed`: the entry is not the one that was written.
 * - `removed`: entries before this one, or after it, are missing.
 * - `inserted`: the entry was not written by keyscope, or by a version without the hash chain.
 * - `reordered`: the entry is at another place than the one it was written at.
 */
export interface AuditFault {
  readonly kind: 'changed' | 'removed' | 'inserted' | 'reordered';
  /** The entry at which the chain breaks. */
  readonly entryId: string;
  /** One sentence: what does not fit. */
  readonly message: string;
}

/** Checks the hash chain of an audit log, entry by entry, oldest first. Keeps the first fault only. */
export class ChainCheck {
  entries = 0;
  /** Entries without a hash. */
  unchained = 0;
  firstId: string | null = null;
  fault: AuditFault | null = null;
  readonly #since: string | null;
  readonly #kept: ChainHead | null;
  #isKeptFound = false;
  #last: ChainHead | null = null;
  /** Hash of the entry that is missing at the first fault. If it follows later, it was moved. */
  #missing: string | null = null;

  /**
   * @param since - The check begins after this entry. The log must still contain it.
   * @param kept - A head of earlier that the log must still contain.
   */
  constructor({ since, kept }: { readonly since: string | null; readonly kept: ChainHead | null }) {
    this.#since = since;
    this.#kept = kept;
  }

  /** Id of the newest entry so far. */
  get lastId(): string | null {
    return this.#last?.id ?? null;
  }

  /** The head of the chain; null if its newest entry has no hash. */
  get head(): string | null {
    return this.#last === null || this.#last.hash === '' ? null : writeHead(this.#last);
  }

  /** Adds the entry `since`, which is not checked itself. */
  startAfter({ id, hash }: ChainedEntry): void {
    this.#last = { id, hash: hash ?? '' };
    this.#findKept(this.#last);
  }

  add(entry: ChainedEntry): void {
    const { id, previous, hash } = entry;
    this.firstId ??= id;
    // Entries that the limit removed: the oldest one that is left tells which was the last of them.
    if (this.#last === null && previous !== null) this.#findKept(previous);
    if (this.#last === null && this.#since !== null) this.#reportMissing(this.#since);
    if (this.fault === null) this.#check(entry);
    else if (this.#missing !== null && hash === this.#missing && entry.isIntact) this.#moved(id);
    this.#findKept({ id, hash: hash ?? '' });
    this.entries++;
    if (hash === null) this.unchained++;
    this.#last = { id, hash: hash ?? '' };
  }

  /** @param lastId - The last id that the log has given. */
  end(lastId: string | null): void {
    const newest = this.#last?.id ?? '0-0';
    if (lastId !== null && isOlder(newest, lastId)) {
      this.#report(
        'removed',
        newest,
        `The entries after ${newest} are missing: the last that was written is ${lastId}.`,
      );
    }
    if (this.#last === null && this.#since !== null) this.#reportMissing(this.#since);
    if (this.#kept !== null && !this.#isKeptFound) this.#reportMissing(this.#kept.id);
  }

  #check({ id, previous, hash, isIntact }: ChainedEntry): void {
    const last = this.#last;
    if (hash === null) {
      if (last !== null && last.hash !== '') {
        const message = `The entry ${id} has no hash: an older version of keyscope, or another program, has written it.`;
        this.#report('inserted', id, message);
      }
      return;
    }
    if (!isIntact || previous === null) {
      this.#report('changed', id, `The entry ${id} does not match its hash.`);
    } else if (!isOlder(previous.id, id)) {
      this.#report('reordered', id, `The entry ${id} was written after ${previous.id}.`);
    } else if (last === null) return;
    else if (isOlder(last.id, previous.id)) {
      this.#missing = previous.hash;
      this.#report('removed', id, `Entries between ${last.id} and ${id} are missing: ${previous.id} is one of them.`);
    } else if (isOlder(previous.id, last.id)) {
      this.#report('inserted', last.id, `The entry ${id} was written after ${previous.id}, and not after ${last.id}.`);
    } else if (previous.hash !== last.hash) {
      this.#report('changed', last.id, `The entry ${id} was written after another entry ${last.id}.`);
    }
  }

  /** Compares an entry with the head of earlier. */
  #findKept({ id, hash }: ChainHead): void {
    if (this.#kept?.id !== id) return;
    this.#isKeptFound = true;
    if (hash !== this.#kept.hash) this.#report('changed', id, `The entry ${id} has another hash than the given head.`);
  }

  #moved(to: string): void {
    const { entryId } = this.fault as AuditFault;
    this.#missing = null;
    this.fault = {
      kind: 'reordered',
      entryId,
      message: `The entry that is missing before ${entryId} is at ${to}.`,
    };
  }

  /** An entry that the caller has named is missing. */
  #reportMissing(id: string): void {
    const begin = this.firstId !== null && isOlder(id, this.firstId) ? ` It begins with ${this.firstId}.` : '';
    this.#report('removed', id, `The log does not contain the given entry ${id}.${begin}`);
  }

  #report(kind: AuditFault['kind'], entryId: string, message: string): void {
    this.fault ??= { kind, entryId, message };
  }
}
