import type { OutboxEntry, OutboxEvent } from './outbox-store';

/** A key with events about its expiry that are due. */
export interface DueExpiry {
  readonly keyId: string;
  /** When the next event was due. Negative: no event was planned since the expiry was set at this time. */
  readonly due: number;
}

/**
 * Schedule of the events about the expiry of keys, by the time of the next one. It is derived from the events of changes: a
 * key is in it some time after its change. Times are milliseconds since the epoch. Methods reject with
 * `store_unavailable`.
 */
export interface ExpiryStore {
  /**
   * Puts keys at the beginning of the schedule, because their expiry was set at this time, and acknowledges the event of
   * that change, in one atomic step. Does nothing if the event was acknowledged before: since then, events about these keys
   * can have been added.
   *
   * @param keyIds - Keys of one workspace.
   */
  scheduleExpiry(keyIds: readonly string[], setAt: number, place: OutboxEntry['place']): Promise<void>;
  /** Keys that are due at `now`, at most about `count`. */
  dueExpiries(now: number, count: number): Promise<DueExpiry[]>;
  /**
   * Adds events to the outbox and reschedules the key, or removes it from the schedule if `next` is null, in one atomic
   * step. Resolves with false if the key was rescheduled since it was read.
   */
  claimExpiry(expiry: DueExpiry, events: readonly OutboxEvent[], next: number | null): Promise<boolean>;
  /**
   * Schedules the keys that are not in the schedule, such as those of an older version. It reads the names of all data, so
   * it does so once a day, by one process.
   *
   * @param dueOf Time of the first event of a key with this expiry; null if there is none.
   */
  scheduleMissing(dueOf: (expiresAt: number) => number | null): Promise<void>;
}
