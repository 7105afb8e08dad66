import type { DueExpiry, ExpiryStore } from '../expiry-store';
import type { KeyRecord } from '../records';
import type { MemoryOutbox } from './outbox';

/** Schedule of expiries in memory. */
export function createMemoryExpiries(keys: ReadonlyMap<string, KeyRecord>, outbox: MemoryOutbox): ExpiryStore {
  const schedule = new Map<string, number>();
  return {
    async scheduleExpiry(keyIds, setAt) {
      for (const keyId of keyIds) schedule.set(keyId, -setAt);
    },

    async dueExpiries(now, count) {
      const found: DueExpiry[] = [];
      for (const [keyId, due] of schedule) {
        if (due <= now && found.length < count) found.push({ keyId, due });
      }
      return found;
    },

    async claimExpiry({ keyId, due }, events, next) {
      if (schedule.get(keyId) !== due) return false;
      for (const event of events) outbox.add(event);
      if (next === null) schedule.delete(keyId);
      else schedule.set(keyId, next);
      return true;
    },

    async scheduleMissing(dueOf) {
      for (const { id, expiresAt } of keys.values()) {
        const due = dueOf(expiresAt);
        if (due !== null && !schedule.has(id)) schedule.set(id, due);
      }
    },
  };
}
