import type { Clock } from '../clock';
import type { Credential, ProjectRecord } from '../store/records';
import type { Store } from '../store/store';
import { createReadQueue } from './read-queue';
import { ReadThroughCache, type WhenDown } from './read-through-cache';

export interface CachesOptions<Entry extends object> {
  readonly store: Store;
  readonly clock: Clock;
  readonly maxKeys: number;
  readonly maxMisses: number;
  readonly maxWorkspaces: number;
  /** Milliseconds. */
  readonly maxRevocationLag: number;
  /** Milliseconds. */
  readonly storeTimeout: number;
  /** Milliseconds; see `whenStoreDown` in the options. Default 0: not at all. */
  readonly serveStaleFor?: number;
  /** Something has been given out that nobody vouches for. */
  readonly onStale?: () => void;
  /** Whether tokens that others made are looked up. Default false. */
  readonly foreignTokens?: boolean;
  /** What is remembered of a key: derived once, not at each request. */
  readonly toEntry: (credential: Credential) => Entry;
}

/** What a workspace's projects have enabled, by project id. */
export type Configurations = ReadonlyMap<string, ProjectRecord>;

/** The key that a foreign token stands for. */
export interface Alias {
  readonly keyId: string;
}

/** What is remembered: keys by id, a workspace's configurations as one, and what foreign tokens stand for. */
export interface Caches<Entry extends object> {
  readonly keys: ReadThroughCache<Entry>;
  readonly projects: ReadThroughCache<Configurations>;
  /** The keys that foreign tokens stand for; undefined where there are no foreign tokens. */
  readonly aliases: ReadThroughCache<Alias> | undefined;
}

/** Reads under way at once, enough to keep a pipeline full, and requests waiting behind them. */
const MAX_READS = 1024;
const MAX_WAITING = 50_000;

/** Remembers what a store says, and forgets what the store says has changed. */
export function createCaches<Entry extends object>(options: CachesOptions<Entry>): Caches<Entry> {
  const { store, clock, maxRevocationLag, storeTimeout, toEntry } = options;
  const { serveStaleFor = 0, onStale = () => {} } = options;
  const isDown = () => store.health().mode === 'down';
  const whenDown: WhenDown | undefined = serveStaleFor > 0 ? { serveStaleFor, isDown, onStale } : undefined;
  const newReadQueue = () => createReadQueue({ maxReads: MAX_READS, maxWaiting: MAX_WAITING, timeout: storeTimeout });

  const keyReadQueue = newReadQueue();

  const keys = new ReadThroughCache<Entry>({
    clock,
    maxRevocationLag,
    maxEntries: options.maxKeys,
    maxMisses: options.maxMisses,
    readQueue: keyReadQueue,
    whenDown,
    lease: (id) => store.keyLease(id),
    async read(id) {
      const credential = await store.getCredential(id);
      return credential === null ? null : toEntry(credential);
    },
  });
  // A gate of their own: only who holds a valid key gets here, and a flood of unknown ids must not keep them waiting.
  const projects = new ReadThroughCache<Configurations>({
    clock,
    maxRevocationLag,
    maxEntries: options.maxWorkspaces,
    maxMisses: 1,
    readQueue: newReadQueue(),
    whenDown,
    lease: (workspaceId) => store.projectsLease(workspaceId),
    read: (workspaceId) => store.getProjects(workspaceId),
  });

  // The same gate as for keys: garbage is as welcome in one form as in the other.
  const aliases = options.foreignTokens
    ? new ReadThroughCache<Alias>({
        clock,
        maxRevocationLag,
        maxEntries: options.maxKeys,
        maxMisses: options.maxMisses,
        readQueue: keyReadQueue,
        whenDown,
        lease: (alias) => store.aliasLease(alias),
        async read(alias) {
          const keyId = await store.getAlias(alias);
          return keyId === null ? null : { keyId };
        },
      })
    : undefined;

  store.onChange({
    keyChanged: (id) => keys.invalidate(id),
    projectsChanged: (workspaceId) => projects.invalidate(workspaceId),
    aliasChanged: (alias) => aliases?.invalidate(alias),
    allChanged() {
      aliases?.invalidateAll();
      keys.invalidateAll();
      projects.invalidateAll();
    },
  });
  return { keys, projects, aliases };
}
