import type { Clock } from '../../../clock';
import { within } from '../../../timeout';
import type { ExpiryStore } from '../../expiry-store';
import type { OutboxEntry, OutboxGroup, OutboxStore } from '../../outbox-store';
import type { ChangeListener } from '../../store';
import { isCluster, type RedisClient } from '../client';
import type { DefineClientScript } from '../client-script';
import type { Connection } from '../connection';
import { isRefusal, refusalCode, unavailable } from '../errors';
import type { KeyNames } from '../key-names';
import { ACKNOWLEDGE, LEAD_GROUP, LEAVE_GROUP, READ_OUTBOX } from '../scripts/outbox.lua';
import { ClusterOutboxes } from './cluster-outboxes';
import { decodeEvent } from './decode-event';
import { createExpiryStore } from './expiries';

/** Outboxes that are read at the same time. */
const CONCURRENCY = 16;
/** Milliseconds between two reads of the schedules of a Cluster. There can be thousands. */
const CLUSTER_EXPIRY_INTERVAL = 30_000;

export interface OutboxOptions {
  readonly client: RedisClient;
  readonly connection: Connection;
  readonly defineScript: DefineClientScript;
  readonly keyNames: KeyNames;
  readonly clock: Clock;
  /** Milliseconds. */
  readonly storeTimeout: number;
  readonly listeners: ChangeListener[];
}

function notRead(cause: unknown) {
  const reason = isRefusal(cause) ? `refused it (${refusalCode(cause)})` : 'could not be reached';
  return unavailable(`Events could not be read: the key store ${reason}.`, cause);
}

function decodeEntries(outbox: string, reply: unknown): OutboxEntry[] {
  if (!Array.isArray(reply)) throw notRead(new Error('Unexpected reply.'));
  return reply.map(([id, fields]) => ({ place: { outbox, id: String(id) }, event: decodeEvent(fields) }));
}

/** The outbox as streams with consumer groups: one stream for a single server, one for each slot of a Cluster. */
export function createOutboxStore(options: OutboxOptions): OutboxStore & ExpiryStore & { searchAgain(): void } {
  const { client, connection, defineScript, keyNames, clock, storeTimeout, listeners } = options;
  const script = (name: string, lua: string, numberOfKeys = 1) =>
    defineScript({ name, lua, numberOfKeys, toError: notRead });
  const lead = script('leadGroup', LEAD_GROUP, 2);
  const leave = script('leaveGroup', LEAVE_GROUP);
  const read = script('readOutbox', READ_OUTBOX);
  const acknowledge = script('acknowledge', ACKNOWLEDGE);
  /** Times from which groups get events, as the server has stated them. */
  const since = new Map<OutboxGroup, string>();
  const outboxes = isCluster(client) ? new ClusterOutboxes(client, keyNames, clock) : null;
  let isListening = false;

  let expiriesReadAt = Number.NEGATIVE_INFINITY;
  /** Tags with a schedule of expiries. */
  async function findTags(): Promise<string[]> {
    if (outboxes === null) return [''];
    if (clock.monotonic() - expiriesReadAt < CLUSTER_EXPIRY_INTERVAL) return [];
    expiriesReadAt = clock.monotonic();
    return outboxes.foundTags();
  }

  const expiries = createExpiryStore({
    client,
    defineScript,
    keyNames,
    storeTimeout,
    findTags,
    onEvents: (tag) => outboxes?.add(keyNames.outbox(tag)),
  });

  async function findOutboxes(group: OutboxGroup, which: 'new' | 'unacknowledged'): Promise<string[]> {
    if (outboxes === null) return [keyNames.outbox('')];
    await connection.waitUntilReady(storeTimeout);
    const search = which === 'new' ? outboxes.takeUnread(group) : outboxes.findAll();
    // A search takes many round trips.
    return within(20 * storeTimeout, search).catch((error) => {
      throw notRead(error);
    });
  }

  return {
    ...expiries,

    /** Invalidations were missed. */
    searchAgain: () => outboxes?.searchAgain(),

    async leadGroup({ group, leader, ttl, age }) {
      if (outboxes !== null && !isListening) {
        isListening = true;
        listeners.push(outboxes.listener);
      }
      const keys = [keyNames.group(group, 'leader'), keyNames.group(group, 'since')];
      // The script runs up to `storeTimeout` after this call: the group must not miss the events until then.
      const reply = await lead(keys, leader, String(Math.ceil(ttl)), String(Math.ceil(age + storeTimeout)));
      if (reply === null) return false;
      since.set(group, String(reply));
      return true;
    },

    async leaveGroup(group, leader) {
      await leave([keyNames.group(group, 'leader')], leader);
    },

    async readGroup(group, which, count) {
      const found = await findOutboxes(group, which);
      const entries: OutboxEntry[] = [];
      // A Cluster can have thousands of outboxes: the new entries of all of them do not fit in memory.
      while (found.length > 0 && (which === 'unacknowledged' || entries.length < count)) {
        const some = found.splice(0, CONCURRENCY);
        try {
          const replies = await Promise.all(
            some.map((name) =>
              read([name], group, since.get(group) ?? '0', String(count), which === 'new' ? '>' : '0'),
            ),
          );
          some.forEach((name, i) => {
            const decoded = decodeEntries(name, replies[i]);
            entries.push(...decoded);
            if (decoded.length >= count) outboxes?.putBack(group, [name]);
          });
        } catch (error) {
          outboxes?.putBack(group, [...some, ...found]);
          throw error;
        }
      }
      outboxes?.putBack(group, found);
      return entries;
    },

    async acknowledge(group, places) {
      const byOutbox = new Map<string, string[]>();
      for (const { outbox, id } of places) {
        const ids = byOutbox.get(outbox);
        if (ids === undefined) byOutbox.set(outbox, [id]);
        else ids.push(id);
      }
      await Promise.all([...byOutbox].map(([outbox, ids]) => acknowledge([outbox], group, ...ids)));
    },
  };
}
