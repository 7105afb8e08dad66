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

/** The parts of one app process: a client, a store and its caches. */
export interface Reader {
  readonly store: Store;
  readonly caches: Caches<Entry>;
  readonly events: StoreEvent[];
  /** Invalidations that it received, in order: ids, workspaces, `*` for everything. */
  readonly invalidated: string[];
  /** The key in its cache: a record, null (no such key), undefined (it has to read). */
  getCached(id: string): KeyRecord | null | undefined;
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
  const caches = createCaches<Entry>({
    ...bounds,
    // The whole record: its revision says which of its states is cached.
    store: { ...store, getCredential: store.getKey },
    clock,
    maxRevocationLag,
    toEntry: (record) => ({ record: record as KeyRecord }),
  });
  const invalidated: string[] = [];
  store.onChange({
    keyChanged: (id) => invalidated.push(id),
    projectsChanged: (workspaceId) => invalidated.push(workspaceId),
    allChanged: () => invalidated.push('*'),
  });
  return {
    store,
    caches,
    events,
    invalidated,
    getCached(id) {
      const entry = caches.keys.get(id, clock.wall());
      return entry === null || entry === undefined ? entry : entry.record;
    },
    async read(id) {
      // As a request does: a value that cannot be used is read once more.
      const first = await caches.keys.load(id);
      const { value } = first.isValid(clock.wall()) ? first : await caches.keys.load(id);
      return value?.record ?? null;
    },
    async close() {
      await store.close();
      client.disconnect();
    },
  };
}

/** Waits until a reader receives invalidations and has a lease. */
export async function untilTracking({ store }: Reader): Promise<void> {
  await waitUntil('Redis sends invalidations', () => {
    const { mode, nodes } = store.health();
    return mode === 'tracking' && nodes.length > 0 && nodes.every(({ trusted }) => trusted);
  });
}

/**
 * Reads a key until it is cached under a lease of its server: invalidations that are still arriving prevent that, and
 * without a lease an entry expires by age.
 */
export async function cacheKey(reader: Reader, id: string): Promise<void> {
  await waitUntil('the key is cached', async () => {
    const lease = reader.store.keyLease(id);
    await reader.read(id);
    return lease !== null && lease === reader.store.keyLease(id) && reader.getCached(id) !== undefined;
  });
}

/** Whether the store returns a key's record now. */
export async function isReadable(store: Store, id: string): Promise<boolean> {
  try {
    return (await store.getKey(id)) !== null;
  } catch (error) {
    if (error instanceof KeyscopeError && error.code === 'store_unavailable') return false;
    throw error;
  }
}

/**
 * Watches a reader's cache entry of a key until it has not been `old` for `after` milliseconds. Resolves with the last
 * time at which it was.
 */
export async function lastCachedAt(reader: Reader, id: string, old: KeyRecord | null, after: number): Promise<number> {
  let last = Number.NEGATIVE_INFINITY;
  let since = performance.now();
  const deadline = since + 10_000 + after;
  for (;;) {
    const now = performance.now();
    if (now > deadline) throw new Error('The key was still read from the cache after 10 seconds.');
    const cached = reader.getCached(id);
    if (cached === old || (cached && old && cached.revision === old.revision)) {
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

/** Recognises the first bytes of a feed, for proxies. */
export const isFeed = (sent: string) => sent.includes('keyscope-feed');

/** Recognises the first bytes of a connection for changes, for proxies. */
export const isForChanges = (sent: string) => sent.includes('keyscope-changes');
