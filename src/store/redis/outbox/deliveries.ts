import type { Delivery, DeliveryStore } from '../../delivery-store';
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

    async failedDeliveries(offset, count) {
      const reply = await failed(keys, String(offset), String(offset + count - 1));
      const items = Array.isArray(reply) ? reply : [];
      return items.flatMap((at, i) => (i % 2 === 0 ? [{ at: Number(at), delivery: decode(items[i + 1]) }] : []));
    },

    async replayDelivery(id, at) {
      const text = await failedOne(keys, id);
      if (typeof text !== 'string') return false;
      await store.putDelivery({ ...decode(text), attempts: 0 }, 'retry', at);
      return true;
    },
  };
  return store;
}
