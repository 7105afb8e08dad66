import { Redis } from 'ioredis';
import { waitUntil } from '../wait-until';
import type { RedisServer } from './server';

/** A slot on its way from one master of a Cluster to another, in the steps that redis-cli takes. */
export interface SlotMove {
  /** Both masters know the move: the first redirects reads of missing keys to the second. */
  begin(): Promise<void>;
  moveKeys(): Promise<void>;
  /** The slot belongs to the second, and all masters know. */
  finish(): Promise<void>;
  close(): void;
}

export function slotMove(slot: number, from: RedisServer, to: RedisServer, all: readonly RedisServer[]): SlotMove {
  const admins = new Map(all.map((node) => [node, new Redis(node.url, { protocol: 2 })]));
  const source = admins.get(from) as Redis;
  const target = admins.get(to) as Redis;
  return {
    async begin() {
      const [fromId, toId] = await Promise.all([source.call('cluster', 'MYID'), target.call('cluster', 'MYID')]);
      await target.call('cluster', 'SETSLOT', String(slot), 'IMPORTING', String(fromId));
      await source.call('cluster', 'SETSLOT', String(slot), 'MIGRATING', String(toId));
    },
    async moveKeys() {
      const keys = (await source.call('cluster', 'GETKEYSINSLOT', String(slot), '10000')) as string[];
      if (keys.length > 0) await source.call('migrate', '127.0.0.1', String(to.port), '', '0', '5000', 'KEYS', ...keys);
    },
    async finish() {
      const toId = String(await target.call('cluster', 'MYID'));
      for (const admin of [target, source]) await admin.call('cluster', 'SETSLOT', String(slot), 'NODE', toId);
      await waitUntil('all masters know where the slot is', async () => {
        const slots = await Promise.all([...admins.values()].map((admin) => admin.call('cluster', 'NODES')));
        const holds = (text: unknown) => {
          const line =
            String(text)
              .split('\n')
              .find((each) => each.startsWith(toId)) ?? '';
          return line
            .split(' ')
            .slice(8)
            .some((range) => {
              const [first, last = first] = range.split('-').map(Number);
              return Number(first) <= slot && slot <= Number(last);
            });
        };
        return slots.every(holds);
      });
    },
    close() {
      for (const admin of admins.values()) admin.disconnect();
    },
  };
}
