import { type Clock, systemClock } from '../../clock';
import type { ChangeListener, Store, StoreEvent } from '../store';
import { createMakeChange } from './change';
import { checkClient, type RedisClient } from './client';
import { Connection } from './connection';
import { within } from './deadline';
import { createLayout } from './layout';
import { createListAudit } from './list-audit';
import { createListKeys } from './list-keys';
import { createMutations } from './mutations';
import { createReadKey } from './read-key';
import { createReadProjects } from './read-projects';
import { Reads } from './reads';
import { inspectAtStart, untilAnswering } from './ready';
import { defineScripts } from './scripts';

export interface RedisStoreOptions {
  /** An ioredis `Redis` or `Cluster`; it stays its owner's to close. */
  readonly client: RedisClient;
  /** What all keys in Redis begin with, after the client's own `keyPrefix`. Default `'keyscope'`. */
  readonly namespace?: string;
  /** Milliseconds within which every read and every change is answered, by an error if need be. Default 500. */
  readonly storeTimeout?: number;
  /** How many audit entries each workspace keeps, roughly: Redis removes old ones in batches. Default 10,000. */
  readonly auditLimit?: number;
  /** Default: the system's clock. */
  readonly clock?: Clock;
}

/**
 * A store in Redis 6.2 or later, on one server, behind Sentinel or in a Cluster. Throws `invalid_options` where the
 * client is none that will do.
 */
export function createRedisStore({
  client,
  namespace = 'keyscope',
  storeTimeout = 500,
  auditLimit = 10_000,
  clock = systemClock,
}: RedisStoreOptions): Store {
  checkClient(client);
  const layout = createLayout(namespace);
  const connection = new Connection(client);
  const reads = new Reads(client, connection, storeTimeout);
  const readKey = createReadKey(reads, layout);
  const listeners: ChangeListener[] = [];
  const eventListeners: ((event: StoreEvent) => void)[] = [];

  // A long walk leaves the rest to the next page in time for its last step to be answered.
  const walking = { reads, layout, clock, patience: storeTimeout / 2 };
  const listKeys = createListKeys({ ...walking, readKey });
  const listAudit = createListAudit(walking);
  const makeChange = createMakeChange(connection, defineScripts(client), storeTimeout);

  function emit(event: StoreEvent): void {
    for (const listener of eventListeners) listener(event);
  }

  return {
    async ready() {
      await untilAnswering(client, connection);
      await inspectAtStart(client, storeTimeout, emit);
      const detail = 'Redis does not tell of changes here, so what was read is trusted for a limited time.';
      emit({ type: 'mode', mode: 'per-entry', detail });
    },

    async close() {
      reads.close();
      connection.close();
    },

    getKey: readKey,
    getProjects: createReadProjects(reads, layout),
    listKeys: (query) => within(storeTimeout, listKeys(query)),
    listAudit: (query) => within(storeTimeout, listAudit(query)),

    ...createMutations({ makeChange, layout, reads, auditLimit, listeners }),

    // Nobody vouches for what was read: each entry ages by itself.
    keyLease: () => null,
    projectsLease: () => null,

    onChange(listener) {
      listeners.push(listener);
    },

    onEvent(listener) {
      eventListeners.push(listener);
    },
  };
}
