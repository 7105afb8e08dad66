import type { Redis } from 'ioredis';
import { type Caches, createCaches } from '../../../../src/cache/caches';
import { type Clock, systemClock } from '../../../../src/clock';
import { KeyscopeError } from '../../../../src/errors';
import type { KeyRecord } from '../../../../src/store/records';
import type { RedisClient } from '../../../../src/store/redis/client';
import { createRedisStore } from '../../../../src/store/redis/redis-store';
import type { Store, StoreEvent } from '../../../../src/store/store';
import { waitUntil } from '../../../support/wait-until';

type Entry = { readonly record: KeyRecord };

/** What one process of an app has: a client, a store, and what it remembers. */
export interface Reader {
  readonly store: Store;
  readonly memory: Caches<Entry>;
  readonly events: StoreEvent[];
  /** What it was told of, in order: ids, workspaces, `*` for everything. */
  readonly told: string[];
  /** What it believes of a key without asking: a record, null (no such key), undefined (it would have to ask). */
  recall(id: string): KeyRecord | null | undefined;
  read(id: string): Promise<KeyRecord | null>;
  close(): Promise<void>;
}

export interface ReaderOptions {
  readonly client: RedisClient & { disconnect(): void };
  readonly namespace?: string;
  readonly maxRevocationLag?: number;
  readonly storeTimeout?: number;
  readonly clock?: Clock;
}

export function createReader({
  client,
  namespace,
  maxRevocationLag = 400,
  storeTimeout = 5000,
  clock = systemClock,
}: ReaderOptions): Reader {
  client.on('error', () => {}); // lost connections are the subject here
  const store = createRedisStore({ client, namespace, maxRevocationLag, storeTimeout, clock });
  const events: StoreEvent[] = [];
  store.onEvent((event) => events.push(event));
  const bounds = { maxKeys: 1000, maxMisses: 1000, maxWorkspaces: 100 };
  const memory = createCaches<Entry>({
    ...bounds,
    // The whole record: its revision says which of its states is believed.
    store: { ...store, getCredential: store.getKey },
    clock,
    maxRevocationLag,
    storeTimeout,
    toEntry: (record) => ({ record: record as KeyRecord }),
  });
  const told: string[] = [];
  store.onChange({
    keyChanged: (id) => told.push(id),
    projectsChanged: (workspaceId) => told.push(workspaceId),
    allChanged: () => told.push('*'),
  });
  return {
    store,
    memory,
    events,
    told,
    recall(id) {
      const entry = memory.keys.get(id, clock.wall());
      return entry === null || entry === undefined ? entry : entry.record;
    },
    async read(id) {
      return (await memory.keys.load(id))?.record ?? null;
    },
    async close() {
      await store.close();
      client.disconnect();
    },
  };
}

/** Waits until a reader is told of changes, and trusted because of it. */
export async function untilTracking({ store }: Reader): Promise<void> {
  await waitUntil('Redis tells of changes', () => {
    const { mode, nodes } = store.health();
    return mode === 'tracking' && nodes.length > 0 && nodes.every(({ trusted }) => trusted);
  });
}

/**
 * Reads a key until it is remembered under a lease of its server: changes that are still being told of overtake reads,
 * and without a lease a reading ages by itself.
 */
export async function remember(reader: Reader, id: string): Promise<void> {
  await waitUntil('the key is remembered', async () => {
    const lease = reader.store.keyLease(id);
    await reader.read(id);
    return lease !== null && lease === reader.store.keyLease(id) && reader.recall(id) !== undefined;
  });
}

/** Whether the store gives a key's record now. */
export async function isReadable(store: Store, id: string): Promise<boolean> {
  try {
    return (await store.getKey(id)) !== null;
  } catch (error) {
    if (error instanceof KeyscopeError && error.code === 'store_unavailable') return false;
    throw error;
  }
}

/**
 * Looks without pause at what a reader believes of a key, until it believes something else than `old` for `after`
 * milliseconds, and gives the last time at which it still believed it.
 */
export async function lastBelieved(reader: Reader, id: string, old: KeyRecord | null, after: number): Promise<number> {
  let last = Number.NEGATIVE_INFINITY;
  let since = performance.now();
  for (;;) {
    const now = performance.now();
    const believed = reader.recall(id);
    if (believed === old || (believed && old && believed.revision === old.revision)) {
      last = now;
      since = now;
    } else if (now - since > after) {
      return last;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The feeds of our processes, as the server lists its clients. */
export async function feedsOn(admin: Redis): Promise<Map<string, string>[]> {
  const lines = String(await admin.client('LIST')).split('\n');
  return lines
    .filter((line) => line.includes('name=keyscope-feed'))
    .map((line) => new Map(line.split(' ').map((pair) => pair.split('=') as [string, string])));
}

/** What a client sends that becomes a feed, for proxies. */
export const isFeed = (sent: string) => sent.includes('keyscope-feed');
