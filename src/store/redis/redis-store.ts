import { type Clock, systemClock } from '../../clock';
import { within } from '../../timeout';
import type { ChangeListener, Store, StoreEvent } from '../store';
import { checkClient, keyPrefixOf, type RedisClient } from './client';
import { Connection } from './connection';
import { unavailable } from './errors';
import { createFeed } from './invalidation';
import { createLayout } from './key-names';
import { createListAudit } from './reads/audit';
import { Reads } from './reads/batched-reader';
import { createListKeys, createReadCredential, createReadKey } from './reads/keys';
import { createReadProjects } from './reads/projects';
import { createReadUsage } from './reads/usage';
import { defineScripts } from './scripts';
import { inspectAtStart, untilAnswering } from './startup-checks';
import { createForeign } from './writes/imported-tokens';
import { createMutations } from './writes/mutations';
import { createMakeChange, type MakeChange } from './writes/run-mutation';
import { createAddUsage } from './writes/usage';
import { type Durability, DurableRunner } from './writes/wait-for-replicas';

export interface RedisStoreOptions {
  /** An ioredis `Redis` or `Cluster`; it stays its owner's to close. */
  readonly client: RedisClient;
  /** What all keys in Redis begin with, after the client's own `keyPrefix`. Default `'keyscope'`. */
  readonly namespace?: string;
  /** Milliseconds within which every read and every change is answered, by an error if need be. Default 500. */
  readonly storeTimeout?: number;
  /** Milliseconds after which no process believes what was before an acknowledged change. Default 1000. */
  readonly maxRevocationLag?: number;
  /** How many replicas must have a change before it counts as made. Default: none need to. */
  readonly durability?: Durability;
  /** How many audit entries each workspace keeps, roughly: Redis removes old ones in batches. Default 10,000. */
  readonly auditLimit?: number;
  /** Default: the system's clock. */
  readonly clock?: Clock;
}

const REPLACED = 'The key store has been replaced by another server, to which there is no connection yet.';

/**
 * A store in Redis 6.2 or later, on one server, behind Sentinel or in a Cluster. Throws `invalid_options` where the
 * client is none that will do.
 */
export function createRedisStore({
  client,
  namespace = 'keyscope',
  storeTimeout = 500,
  maxRevocationLag = 1000,
  durability,
  auditLimit = 10_000,
  clock = systemClock,
}: RedisStoreOptions): Store {
  checkClient(client);
  const layout = createLayout(namespace);
  const connection = new Connection(client);
  const reads = new Reads(client, connection, storeTimeout);
  const readKey = createReadKey(reads, layout);
  const readCredential = createReadCredential(reads, layout);
  const readProjects = createReadProjects(reads, layout);
  const readUsage = createReadUsage(reads, layout);
  const listeners: ChangeListener[] = [];
  const eventListeners: ((event: StoreEvent) => void)[] = [];

  // A long walk leaves the rest to the next page in time for its last step to be answered.
  const walking = { reads, layout, clock, patience: storeTimeout / 2 };
  const listKeys = createListKeys({ ...walking, readKey });
  const listAudit = createListAudit(walking);
  const runScript = defineScripts(client);
  const durable = durability && new DurableRunner({ client, durability, runScript, storeTimeout });
  // One `storeTimeout` for the client to be ready, one for the connection on which replicas are waited for.
  const patience = durability === undefined ? storeTimeout : 2 * storeTimeout + durability.timeout;
  const changeAnywhere = createMakeChange(connection, durable?.run ?? runScript, patience);

  const keyPrefix = keyPrefixOf(client);
  const feed = createFeed({
    client,
    prefixes: layout.remembered.map((prefix) => keyPrefix + prefix),
    clock,
    maxRevocationLag,
    onChanged,
    emit,
  });

  function emit(event: StoreEvent): void {
    for (const listener of eventListeners) listener(event);
  }

  function onChanged(names: readonly unknown[] | null): void {
    if (names === null) {
      for (const listener of listeners) listener.allChanged();
      return;
    }
    for (const name of names) {
      const whose = layout.readName(String(name).slice(keyPrefix.length));
      if (whose === null) continue;
      for (const listener of listeners) {
        if ('keyId' in whose) listener.keyChanged(whose.keyId);
        else if ('alias' in whose) listener.foreignChanged?.(whose.alias);
        else listener.projectsChanged(whose.workspaceId);
      }
    }
  }

  /** A read that is refused, however well it was answered, where the answer came from a server that was replaced. */
  async function fromTheRightServer<T>(key: string, read: () => Promise<T>): Promise<T> {
    const route = feed.routeOf(key);
    const result = await read();
    if (route.isWrong()) throw unavailable(REPLACED);
    return result;
  }

  const makeChange: MakeChange = async (change) => {
    if (feed.routeOf(keyPrefix + change.keys[0]).isWrong()) throw unavailable(`${REPLACED} Nothing was changed.`);
    return changeAnywhere(change);
  };

  const addUsage = createAddUsage({
    ...{ client, connection, layout, runScript, clock, timeout: storeTimeout },
    isWrong: (key) => feed.routeOf(key).isWrong(),
  });

  const foreign = createForeign({ makeChange, layout, reads, listeners });

  function leaseFor(key: string) {
    feed.start();
    return feed.leaseFor(keyPrefix + key);
  }

  return {
    async ready() {
      feed.start();
      await untilAnswering(client, connection);
      await inspectAtStart(client, storeTimeout, emit);
      await feed.settled();
    },

    async close() {
      feed.close();
      durable?.close();
      reads.close();
      connection.close();
    },

    getKey: (id) => fromTheRightServer(layout.key(id), () => readKey(id)),
    getCredential: (id) => fromTheRightServer(layout.key(id), () => readCredential(id)),
    getProjects: (workspaceId) => fromTheRightServer(layout.projects(workspaceId), () => readProjects(workspaceId)),
    listKeys: (query) => within(storeTimeout, listKeys(query)),
    listAudit: (query) => within(storeTimeout, listAudit(query)),
    addUsage,
    readUsage,

    ...foreign,
    getForeign: (alias) => fromTheRightServer(layout.foreign(alias), () => foreign.getForeign(alias)),
    ...createMutations({ makeChange, layout, reads, auditLimit, listeners }),

    keyLease: (id) => leaseFor(layout.key(id)),
    projectsLease: (workspaceId) => leaseFor(layout.projects(workspaceId)),
    foreignLease: (alias) => leaseFor(layout.foreign(alias)),

    onChange(listener) {
      listeners.push(listener);
    },

    onEvent(listener) {
      eventListeners.push(listener);
    },

    health: () => ({ mode: feed.mode ?? 'down', nodes: feed.nodes(), lastError: feed.lastError() }),
  };
}
