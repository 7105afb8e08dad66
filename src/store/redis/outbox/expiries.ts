import { DAY } from '../../../clock';
import { within } from '../../../timeout';
import { tagOf } from '../../../token/format';
import type { DueExpiry, ExpiryStore } from '../../expiry-store';
import { isCluster, keyPrefixOf, type RedisClient } from '../client';
import type { DefineClientScript } from '../client-script';
import { isRefusal, refusalCode, unavailable } from '../errors';
import type { KeyNames } from '../key-names';
import { CLAIM_EXPIRY, DUE_EXPIRIES, MARK_SCHEDULED, SCHEDULE_EXPIRIES } from '../scripts/expiries.lua';

/** Names that one step of a scan looks at, and keys that one step schedules. */
const SCAN_STEP = 500;
/** Schedules that are read at the same time. */
const CONCURRENCY = 16;

export interface ExpiriesOptions {
  readonly client: RedisClient;
  readonly defineScript: DefineClientScript;
  readonly keyNames: KeyNames;
  /** Milliseconds. */
  readonly storeTimeout: number;
  /** Tags of the outboxes that may have a schedule. */
  readonly findTags: () => Promise<readonly string[]>;
  /** Events were added to the outbox of this tag. */
  readonly onEvents: (tag: string) => void;
}

function notRead(cause: unknown) {
  const reason = isRefusal(cause) ? `refused it (${refusalCode(cause)})` : 'could not be reached';
  return unavailable(`The schedule of expiries could not be read: the key store ${reason}.`, cause);
}

/** Id and expiry in a position of the index by expiry (see `index-position.ts`). */
function readExpiry(position: string): { id: string; expiresAt: number } {
  const [time = '', id = ''] = position.split('\0');
  return { id, expiresAt: Number.parseInt(time, 36) };
}

/** The schedule as a sorted set beside each outbox. */
export function createExpiryStore(options: ExpiriesOptions): ExpiryStore {
  const { client, defineScript, keyNames, storeTimeout, findTags, onEvents } = options;
  const script = (name: string, lua: string, numberOfKeys: number) =>
    defineScript({ name, lua, numberOfKeys, toError: notRead });
  const schedule = script('scheduleExpiries', SCHEDULE_EXPIRIES, 2);
  const due = script('dueExpiries', DUE_EXPIRIES, 1);
  const claim = script('claimExpiry', CLAIM_EXPIRY, 2);
  const mark = script('markScheduled', MARK_SCHEDULED, 1);
  const keysOf = (tag: string) => [keyNames.expiries(tag), keyNames.outbox(tag)];

  /** One command of a scan, on a client of one server. */
  async function send(server: RedisClient, command: string, ...args: readonly string[]): Promise<unknown> {
    try {
      return await within(storeTimeout, server.call(command, ...args));
    } catch (error) {
      throw notRead(error);
    }
  }

  async function scheduleIndex(index: string, dueOf: (expiresAt: number) => number | null): Promise<void> {
    const tag = /\{(.{4})\}/.exec(index)?.[1] ?? '';
    for (let from = '-'; ; ) {
      const page = await send(client, 'zrange', index, from, '+', 'BYLEX', 'LIMIT', '0', String(SCAN_STEP));
      const positions = Array.isArray(page) ? (page as string[]) : [];
      const args = positions.flatMap((position) => {
        const { id, expiresAt } = readExpiry(position);
        const first = dueOf(expiresAt);
        return first === null ? [] : [String(first), id];
      });
      if (args.length > 0) {
        await schedule(keysOf(tag), 'NX', ...args);
        onEvents(tag);
      }
      if (positions.length < SCAN_STEP) return;
      from = `(${positions.at(-1)}`;
    }
  }

  return {
    async scheduleExpiry(keyIds, setAt, place) {
      const [keyId = ''] = keyIds;
      await schedule(keysOf(tagOf(keyId)), place.id, ...keyIds.flatMap((id) => [String(-setAt), id]));
    },

    async dueExpiries(now, count) {
      const found: DueExpiry[] = [];
      const tags = [...(await findTags())];
      while (tags.length > 0 && found.length < count) {
        const some = tags.splice(0, CONCURRENCY);
        const replies = await Promise.all(some.map((tag) => due([keyNames.expiries(tag)], String(now), String(count))));
        for (const reply of replies) {
          if (!Array.isArray(reply)) throw notRead(new Error('Unexpected reply.'));
          for (let i = 0; i < reply.length; i += 2) found.push({ keyId: String(reply[i]), due: Number(reply[i + 1]) });
        }
      }
      return found;
    },

    async claimExpiry({ keyId, due: read }, events, next) {
      const tag = tagOf(keyId);
      const texts = events.map((event) => JSON.stringify(event));
      const reply = await claim(keysOf(tag), keyId, String(read), next === null ? '' : String(next), ...texts);
      if (events.length > 0) onEvents(tag);
      return Number(reply) === 1;
    },

    async scheduleMissing(dueOf) {
      const marked = keyNames.group('expiry', 'scheduled');
      if (Number(await mark([marked], '0')) === 1) return;
      const prefix = keyPrefixOf(client);
      const name = `${prefix}${keyNames.prefix}index:`;
      const pattern = `${name.replace(/[\\*?[\]^-]/g, '\\$&')}*:expires`;
      for (const server of isCluster(client) ? client.nodes('master') : [client]) {
        let cursor = '0';
        do {
          const reply = await send(server, 'scan', cursor, 'MATCH', pattern, 'COUNT', String(SCAN_STEP));
          const [next, names] = Array.isArray(reply) ? reply : [];
          if (!Array.isArray(names)) throw notRead(new Error('Unexpected reply.'));
          for (const index of names) await scheduleIndex(String(index).slice(prefix.length), dueOf);
          cursor = String(next);
        } while (cursor !== '0');
      }
      await mark([marked], String(DAY));
    },
  };
}
