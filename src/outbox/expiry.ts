import { type Clock, DAY, LAST_TIME } from '../clock';
import { auditedKey } from '../store/audit-entry';
import type { DueExpiry } from '../store/expiry-store';
import type { OutboxEntry, OutboxEvent } from '../store/outbox-store';
import type { KeyRecord } from '../store/records';
import type { Store } from '../store/store';

/** Keys that one step announces, so that the leadership is extended between steps. */
const BATCH = 100;
/** Milliseconds between two looks for keys that are not scheduled. The store looks once a day. */
const SEARCH_INTERVAL = DAY / 24;
/** The same after a failure. */
const RETRY_INTERVAL = 5 * 60_000;
/** Batches in one step. */
const MAX_BATCHES = 20;

export interface ExpiryOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Milliseconds before the expiry of a key at which `expiring` is sent. */
  readonly leads: readonly number[];
  readonly report: (error: unknown) => void;
}

/** The lead of `expired`. */
const END = 0;

/**
 * Sends `expiring` and `expired`. The schedule has one time for each key: that of its next event. A claim adds the event to
 * the outbox and moves the key to the next time, in one step, and an event of a change is acknowledged in the step that
 * schedules its keys, so each event is added once.
 */
export function createExpiry({ store, clock, leads, report }: ExpiryOptions) {
  let searchedAt = Number.NEGATIVE_INFINITY;

  /** Times of the events of a key, with their leads, earliest first. A key that never expires has none. */
  function pointsOf(expiresAt: number): { at: number; lead: number }[] {
    if (expiresAt === LAST_TIME) return [];
    return [...leads, END].sort((a, b) => b - a).map((lead) => ({ at: expiresAt - lead, lead }));
  }

  function toEvent(key: KeyRecord, lead: number, now: number): OutboxEvent {
    const { id, workspaceId, name, expiresAt } = key;
    return {
      id: `exp_${id}_${expiresAt.toString(36)}_${lead.toString(36)}`,
      type: lead === END ? 'key.expired' : 'key.expiring',
      at: now,
      workspaceId,
      target: id,
      name,
      actor: null,
      source: null,
      before: null,
      after: auditedKey(key),
      ...(lead !== END && { lead }),
    };
  }

  /** Resolves with true if events were added. */
  async function announce(expiry: DueExpiry, now: number): Promise<boolean> {
    const key = await store.getKey(expiry.keyId);
    // A revoked key ended with its rotation, which was an event.
    if (key === null || key.revoked) {
      await store.claimExpiry(expiry, [], null);
      return false;
    }
    const { due } = expiry;
    const points = pointsOf(key.expiresAt);
    // A lead that is not shorter than the rest of the lifetime was over when the expiry was set.
    const isOpen = (at: number) => (due < 0 ? at > -due : at >= due);
    const events = points.filter(({ at }) => at <= now && isOpen(at)).map(({ lead }) => toEvent(key, lead, now));
    const next = points.find(({ at }) => at > now)?.at ?? null;
    return (await store.claimExpiry(expiry, events, next)) && events.length > 0;
  }

  /** Of a key from before the schedule: the last event that is due, or the first. Expired keys have none. */
  function dueOf(expiresAt: number): number | null {
    const now = clock.wall();
    if (expiresAt <= now) return null;
    const points = pointsOf(expiresAt);
    return (points.findLast(({ at }) => at <= now) ?? points[0])?.at ?? null;
  }

  return {
    wants: ({ type }: OutboxEvent) => type === 'key.created' || type === 'key.updated' || type === 'key.rotated',

    /** Schedules a key whose expiry was set, and its successor. */
    async handle({ target, at, after }: OutboxEvent, place: OutboxEntry['place']): Promise<void> {
      const keyIds = [
        ...(typeof after?.expiresAt === 'number' ? [target] : []),
        ...(typeof after?.rotatedTo === 'string' ? [after.rotatedTo] : []),
      ];
      if (keyIds.length > 0) await store.scheduleExpiry(keyIds, at, place);
    },

    /** Adds the events that are due to the outbox. Resolves with true if there were any. */
    async announceDue(): Promise<boolean> {
      if (clock.monotonic() - searchedAt >= SEARCH_INTERVAL) {
        searchedAt = clock.monotonic();
        // It can take longer than the leadership: the store leaves it to one process a day.
        store.scheduleMissing(dueOf).catch((error: unknown) => {
          searchedAt += RETRY_INTERVAL - SEARCH_INTERVAL;
          report(error);
        });
      }
      const now = Math.floor(clock.wall());
      let hasEvents = false;
      for (let i = 0; i < MAX_BATCHES; i++) {
        const due = await store.dueExpiries(now, BATCH);
        const results = await Promise.allSettled(due.map((expiry) => announce(expiry, now)));
        // Of a key whose record cannot be read, for example. It does not stop the others.
        const failed = results.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
        if (failed !== undefined) throw failed.reason;
        hasEvents ||= results.some((result) => result.status === 'fulfilled' && result.value);
        if (due.length < BATCH) break;
      }
      return hasEvents;
    },
  };
}
