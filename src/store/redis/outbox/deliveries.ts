import type { Delivery, DeliveryStore, FailedDelivery } from '../../delivery-store';
import type { DefineClientScript } from '../client-script';
import { isRefusal, refusalCode, unavailable } from '../errors';
import type { KeyNames } from '../key-names';
import { parseStored } from '../record-codec';
import {
  DUE_DELIVERIES,
  FAILED_DELIVERIES,
  FAILED_DELIVERY,
  PUT_DELIVERY,
  REMOVE_DELIVERY,
} from '../scripts/deliveries.lua';

/** Deliveries that one step of a list of one workspace examines. Redis runs nothing else during it. */
const FILTER_STEP = 200;

function notRead(cause: unknown) {
  const reason = isRefusal(cause) ? `refused it (${refusalCode(cause)})` : 'could not be reached';
  return unavailable(`Deliveries of webhooks could not be read or stored: the key store ${reason}.`, cause);
}

/** Deliveries in one hash, with two sorted sets of their ids. They share a slot. */
export function createDeliveryStore(defineScript: DefineClientScript, keyNames: KeyNames): DeliveryStore {
  const script = (name: string, lua: string) => defineScript({ name, lua, numberOfKeys: 3, toError: notRead });
  const put = script('putDelivery', PUT_DELIVERY);
  const remove = script('removeDelivery', REMOVE_DELIVERY);
  const due = script('dueDeliveries', DUE_DELIVERIES);
  const failed = script('failedDeliveries', FAILED_DELIVERIES);
  const failedOne = script('failedDelivery', FAILED_DELIVERY);
  const keys = (['deliveries', 'due', 'failed'] as const).map((what) => keyNames.group('webhooks', what));
  const decode = (text: unknown) => parseStored(String(text), keys[0]!, 'a delivery') as Delivery;

  async function readFailed(first: number, count: number, workspaceId: string) {
    const reply = await failed(keys, String(first), String(first + count - 1), workspaceId);
    const [examined = 0, ...items] = Array.isArray(reply) ? reply : [];
    const found = items.flatMap((at, i): FailedDelivery[] =>
      i % 2 === 0 ? [{ at: Number(at), delivery: decode(items[i + 1]) }] : [],
    );
    return { examined: Number(examined), found };
  }

  const store: DeliveryStore = {
    async putDelivery(delivery, state, at) {
      await put(keys, state, delivery.id, String(at), JSON.stringify(delivery));
    },

    async removeDelivery(id) {
      await remove(keys, id);
    },

    async dueDeliveries(now, count) {
      const reply = await due(keys, String(now), String(count));
      return Array.isArray(reply) ? reply.map(decode) : [];
    },

    async failedDeliveries({ workspaceId, offset, count }) {
      if (workspaceId === null) return (await readFailed(offset, count, '')).found;
      const found: FailedDelivery[] = [];
      for (let first = 0; found.length < offset + count; first += FILTER_STEP) {
        const step = await readFailed(first, FILTER_STEP, workspaceId);
        found.push(...step.found);
        if (step.examined < FILTER_STEP) break;
      }
      return found.slice(offset, offset + count);
    },

    async replayDelivery(id, at, workspaceId) {
      const text = await failedOne(keys, id);
      if (typeof text !== 'string') return false;
      const delivery = decode(text);
      if (workspaceId !== null && delivery.event.workspaceId !== workspaceId) return false;
      await store.putDelivery({ ...delivery, attempts: 0 }, 'retry', at);
      return true;
    },
  };
  return store;
}
