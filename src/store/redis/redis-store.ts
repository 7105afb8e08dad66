import { type Clock, systemClock } from '../../clock';
import { Deadline, within } from '../../timeout';
import { type AppSettings, compareSettings } from '../app-settings';
import type { CachedName, ChangeListener, Store, StoreEvent } from '../store';
import { recordAppSettings } from './app-settings';
import { checkClient, isCluster, keyPrefixOf, type RedisClient } from './client';
import { createClientScripts } from './client-script';
import { Connection } from './connection';
import { unusable } from './errors';
import { createFeed } from './invalidation';
import { createKeyNames } from './key-names';
import { createDeliveryStore } from './outbox/deliveries';
import { createOutboxStore } from './outbox/outbox';
import { createListAudit, createReadAudit } from './reads/audit';
import { BatchedReader } from './reads/batched-reader';
import { createIndexOf } from './reads/indexed-metadata';
import { createListKeys, createReadCredential, createReadKey } from './reads/keys';
import { createReadProjects } from './reads/projects';
import { createScanKeys } from './reads/scan-keys';
import { createReadUsage } from './reads/usage';
import { START_TIMEOUT, waitForServer, warnAtStart } from './startup-checks';
import { createAliasStore } from './writes/imported-tokens';
import { createLeaseSlice } from './writes/limits';
import { createMutations } from './writes/mutations';
import { createReportStore } from './writes/reports';
import { type Durability, MutationRunner, type RunMutation } from './writes/run-mutation';
import { createAddUsage } from './writes/usage';

export interface RedisStoreOptions {
  /** An ioredis `Redis` or `Cluster`. Its owner closes it, not the store. */
  readonly client: RedisClient;
  /** Prefix of all keys in Redis, after the client's own `keyPrefix`. Default `'keyscope'`. */
  readonly namespace?: string;
  /** Milliseconds within which every read and every change settles, if necessary with an error. Default 500. */
  readonly storeTimeout?: number;
  /** Milliseconds after which no process uses data from before an acknowledged change. Default 1000. */
  readonly maxRevocationLag?: number;
  /** Replicas that must have a change before it is acknowledged. Default: none. */
  readonly durability?: Durability;
  /**
   * Approximate number of audit entries that each workspace keeps: Redis removes old ones in batches. Default 10,000.
   */
  readonly auditLimit?: number;
  /** Names of metadata with an index. Default: none. */
  readonly indexedMetadata?: readonly string[];
  /** Default: the system's clock. */
  readonly clock?: Clock;
  /** Settings to record for the command line and for other apps. Default: none are recorded. */
  readonly app?: Omit<AppSettings, 'format'>;
}

/** Milliseconds after which a filtered list or a search of keys ends its page. */
const SCAN_TIME = 30;

/** How often a read is repeated because the client has reconnected, or the slot has moved to another node of a Cluster. */
const MAX_MOVES = 20;
/** Milliseconds before all repetitions but the first ones: the client and the nodes learn of a moved slot one by one. */
const MOVE_PAUSE = 10;

/** An id that no key has, to check that the user may read keys. */
const NO_KEY = '0000000000000000';

/**
 * A store in Redis 6.2 or later, on one server, behind Sentinel or in a Cluster. Throws `invalid_options` if the client
 * cannot be used.
 */
export function createRedisStore({
  client,
  namespace = 'keyscope',
  storeTimeout = 500,
  maxRevocationLag = 1000,
  durability,
  auditLimit = 10_000,
  indexedMetadata = [],
  clock = systemClock,
  app,
}: RedisStoreOptions): Store {
  checkClient(client);
  const keyNames = createKeyNames(namespace, { isCluster: isCluster(client) });
  const connection = new Connection(client, ['hmget', keyNames.key(NO_KEY), 'revision']);
  const reader = new BatchedReader(client, connection, storeTimeout);
  const readKey = createReadKey(reader, keyNames);
  const readCredential = createReadCredential(reader, keyNames);
  const readProjects = createReadProjects(reader, keyNames);
  const readUsage = createReadUsage(reader, keyNames);
  const listeners: ChangeListener[] = [];
  const eventListeners: ((event: StoreEvent) => void)[] = [];

  const keyPrefix = keyPrefixOf(client);
  const feed = createFeed({
    client,
    connection,
    epochKey: `${keyPrefix}${namespace}:epoch`,
    prefixes: keyNames.trackedPrefixes.map((prefix) => keyPrefix + prefix),
    clock,
    maxRevocationLag,
    onChanged,
    onOpened: () => searchAgain(),
    emit,
  });

  let isRecorded = app === undefined;
  /** Records the app's settings once, when the server replies. This is advice: if it fails, nothing changes. */
  async function recordSettings(): Promise<void> {
    if (app === undefined || isRecorded) return;
    isRecorded = true;
    try {
      const recorded = await recordAppSettings(client, namespace, app, storeTimeout);
      const differences = recorded === null ? [] : compareSettings(recorded, app);
      if (differences.length === 0) return;
      const message = `Another app has used this namespace with other settings. ${differences.map(({ message: sentence }) => sentence).join(' ')} Use the same settings in all apps, or another \`namespace\`.`;
      emit({ type: 'warning', code: 'settings_differ', message });
    } catch {
      isRecorded = false;
    }
  }

  function emit(event: StoreEvent): void {
    if (event.type === 'mode' && event.mode !== 'down') void recordSettings();
    for (const listener of eventListeners) listener(event);
  }

  function onChanged(names: readonly unknown[] | null): void {
    if (names === null) {
      for (const listener of listeners) listener.allChanged();
      return;
    }
    for (const name of names) {
      const owner = keyNames.parseKeyName(String(name).slice(keyPrefix.length));
      if (owner === null) continue;
      for (const listener of listeners) {
        if ('keyId' in owner) listener.keyChanged(owner.keyId);
        else if ('alias' in owner) listener.aliasChanged?.(owner.alias);
        else listener.projectsChanged(owner.workspaceId);
      }
    }
  }

  /** Reads, and rejects if the reply came from a server that was replaced, even if the reply is valid. */
  async function readConfirmed<T>(name: CachedName, read: () => Promise<T>): Promise<T> {
    const deadline = new Deadline(storeTimeout);
    const key = redisKeyOf(name);
    let server = feed.serverOf(key);
    let result = await read();
    for (let moves = 0; moves < MAX_MOVES; moves++) {
      const hasMoved = () => feed.serverOf(key) !== server;
      if (!hasMoved() && feed.problemOf(key) !== null) await deadline.within(feed.confirmServer(key));
      // The server that is confirmed now must be the one that has replied.
      if (!hasMoved()) {
        const problem = feed.problemOf(key);
        if (problem !== null) throw unusable(problem);
        return result;
      }
      if (moves > 2) await deadline.within(new Promise<void>((resolve) => setTimeout(resolve, MOVE_PAUSE)));
      server = feed.serverOf(key);
      result = await deadline.within(read());
    }
    throw unusable('the server of this entry changes again and again');
  }

  const mutations = new MutationRunner({ client, connection, clock, storeTimeout, durability });
  const runMutation: RunMutation = async (mutation) => {
    const deadline = new Deadline(storeTimeout);
    if (feed.serverProblem !== null) {
      await connection.waitUntilReady(storeTimeout);
      await deadline.within(feed.confirmServer());
    }
    if (feed.serverProblem !== null) throw unusable(feed.serverProblem);
    return mutations.run(mutation);
  };

  const isServerReplaced = () => feed.serverProblem !== null;
  const addUsage = createAddUsage({ client, connection, keyNames, clock, timeout: storeTimeout, isServerReplaced });
  const defineScript = createClientScripts({ client, connection, storeTimeout, isServerReplaced });

  // A long scan stops early enough for its last step to be answered, and leaves the rest to the next page.
  const scanOptions = { reader, keyNames, clock, timeoutMs: storeTimeout / 2 };
  const scanKeys = createScanKeys({ defineScript, keyNames, keyPrefix });
  const indexes = createIndexOf({ defineScript, keyNames, keyPrefix, clock, names: indexedMetadata });
  const listKeys = createListKeys({
    ...scanOptions,
    readKey,
    scanKeys,
    indexOf: indexes.indexOf,
    timeoutMs: Math.min(SCAN_TIME, scanOptions.timeoutMs),
  });
  const listAudit = createListAudit(scanOptions);
  const readAudit = createReadAudit(scanOptions);
  const { searchAgain, ...outbox } = createOutboxStore({
    client,
    connection,
    defineScript,
    keyNames,
    clock,
    storeTimeout,
    listeners,
  });

  const aliases = createAliasStore({ runMutation, keyNames, reader, clock, listeners });

  function redisKeyOf(name: CachedName): string {
    if ('keyId' in name) return keyPrefix + keyNames.key(name.keyId);
    return keyPrefix + ('alias' in name ? keyNames.alias(name.alias) : keyNames.projects(name.workspaceId));
  }

  function leaseFor(name: CachedName) {
    feed.start();
    return feed.leaseFor(redisKeyOf(name));
  }

  return {
    async ready() {
      feed.start();
      await waitForServer(client, connection);
      await recordSettings();
      await Promise.all([mutations.connect(START_TIMEOUT), warnAtStart(client, storeTimeout, emit)]);
      await feed.settled();
    },

    async close() {
      feed.close();
      mutations.close();
      indexes.close();
      reader.close();
      connection.close();
    },

    getKey: (id) => readConfirmed({ keyId: id }, () => readKey(id)),
    getCredential: (id) => readConfirmed({ keyId: id }, () => readCredential(id)),
    getProjects: (workspaceId) => readConfirmed({ workspaceId }, () => readProjects(workspaceId)),
    listKeys: (query) => within(storeTimeout, listKeys(query)),
    listAudit: (query) => within(storeTimeout, listAudit(query)),
    readAudit: (range) => readConfirmed({ workspaceId: range.workspaceId }, () => readAudit(range)),
    addUsage,
    readUsage,
    leaseSlice: createLeaseSlice(defineScript, keyNames),

    ...createDeliveryStore(defineScript, keyNames),
    ...createReportStore(defineScript, keyNames, clock),
    ...outbox,
    leadGroup(request) {
      // Its invalidations report new events.
      feed.start();
      return outbox.leadGroup(request);
    },

    ...aliases,
    getAlias: (alias) => readConfirmed({ alias }, () => aliases.getAlias(alias)),
    ...createMutations({ runMutation, keyNames, reader, clock, auditLimit, listeners }),

    keyLease: (keyId) => leaseFor({ keyId }),
    projectsLease: (workspaceId) => leaseFor({ workspaceId }),
    aliasLease: (alias) => leaseFor({ alias }),
    answeredAt: (name) => feed.answeredAt(redisKeyOf(name)),
    confirmedAt: (name) => feed.confirmedAt(redisKeyOf(name)),

    onChange(listener) {
      listeners.push(listener);
    },

    onEvent(listener) {
      eventListeners.push(listener);
    },

    health: () => ({ mode: feed.mode ?? 'down', nodes: feed.nodes(), lastError: feed.lastError() }),
  };
}
