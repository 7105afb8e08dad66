import { type Delivery, type DeliveryState, type DeliveryStore, MAX_FAILED, MAX_WAITING } from '../delivery-store';

/** Deliveries in memory. */
export function createMemoryDeliveries(): DeliveryStore {
  const waiting = new Map<string, { delivery: Delivery; at: number }>();
  const failed = new Map<string, { delivery: Delivery; at: number }>();

  function put(delivery: Delivery, state: DeliveryState, at: number): void {
    const { id } = delivery;
    if (state === 'new' && (waiting.has(id) || failed.has(id))) return;
    waiting.delete(id);
    failed.delete(id);
    if (state !== 'failed' && waiting.size < MAX_WAITING) {
      waiting.set(id, { delivery, at });
      return;
    }
    failed.set(id, { delivery, at });
    const [oldest] = failed.keys();
    if (failed.size > MAX_FAILED && oldest !== undefined) failed.delete(oldest);
  }

  return {
    async putDelivery(delivery, state, at) {
      put(delivery, state, at);
    },

    async removeDelivery(id) {
      waiting.delete(id);
    },

    async dueDeliveries(now, count) {
      return [...waiting.values()]
        .filter(({ at }) => at <= now)
        .sort((a, b) => a.at - b.at)
        .slice(0, count)
        .map(({ delivery }) => delivery);
    },

    async failedDeliveries({ workspaceId, offset, count }) {
      return [...failed.values()]
        .filter(({ delivery }) => workspaceId === null || delivery.event.workspaceId === workspaceId)
        .reverse()
        .slice(offset, offset + count);
    },

    async replayDelivery(id, at, workspaceId) {
      const found = failed.get(id);
      if (found === undefined) return false;
      if (workspaceId !== null && found.delivery.event.workspaceId !== workspaceId) return false;
      put({ ...found.delivery, attempts: 0 }, 'retry', at);
      return true;
    },
  };
}
