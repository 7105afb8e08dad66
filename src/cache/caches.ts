import type { Clock } from '../clock';
import type { Credential, ProjectRecord } from '../store/records';
import type { CachedName, Store } from '../store/store';
import { ReadThroughCache, type WhenDown } from './read-through-cache';

export interface CachesOptions<Entry extends object> {
  readonly store: Store;
  readonly clock: Clock;
  readonly maxKeys: number;
  readonly maxMisses: number;
  readonly maxWorkspaces: number;
  /** Milliseconds. */
  readonly maxRevocationLag: number;
  /** Milliseconds; see `whenStoreDown` in the options. Default 0: stale values are not used. */
  readonly serveStaleFor?: number;
  /** Called when a value is used after its lease has lapsed. */
  readonly onStale?: () => void;
  /** Whether imported tokens are looked up. Default false. */
  readonly importedTokens?: boolean;
  /** Creates the cache entry of a key, once per read instead of once per request. */
  readonly toEntry: (credential: Credential) => Entry;
}

/** Configurations of a workspace's projects, by project id. */
export type Configurations = ReadonlyMap<string, ProjectRecord>;

/** Cache entry of an imported token: the id of its key. */
export interface Alias {
  readonly keyId: string;
}

/** The caches of an app: keys by id, the configurations of a workspace as one entry, keys of imported tokens. */
export interface Caches<Entry extends object> {
  readonly keys: ReadThroughCache<Entry>;
  readonly projects: ReadThroughCache<Configurations>;
  /** Undefined if imported tokens are not looked up. */
  readonly aliases: ReadThroughCache<Alias> | undefined;
}

/** Creates the caches. An entry is invalidated when the store reports a change. */
export function createCaches<Entry extends object>(options: CachesOptions<Entry>): Caches<Entry> {
  const { store, clock, maxRevocationLag, toEntry } = options;
  const { serveStaleFor = 0, onStale = () => {} } = options;
  const isDown = () => store.health().mode === 'down';
  function whenDown(nameOf: (id: string) => CachedName): WhenDown | undefined {
    if (serveStaleFor === 0) return undefined;
    return { serveStaleFor, isDown, onStale, answeredAt: (id) => store.answeredAt(nameOf(id)) };
  }

  const keys = new ReadThroughCache<Entry>({
    clock,
    maxRevocationLag,
    maxEntries: options.maxKeys,
    maxMisses: options.maxMisses,
    whenDown: whenDown((keyId) => ({ keyId })),
    confirmedAt: (keyId) => store.confirmedAt({ keyId }),
    lease: (id) => store.keyLease(id),
    async read(id) {
      const credential = await store.getCredential(id);
      return credential === null ? null : toEntry(credential);
    },
  });
  const projects = new ReadThroughCache<Configurations>({
    clock,
    maxRevocationLag,
    maxEntries: options.maxWorkspaces,
    maxMisses: 1,
    whenDown: whenDown((workspaceId) => ({ workspaceId })),
    confirmedAt: (workspaceId) => store.confirmedAt({ workspaceId }),
    lease: (workspaceId) => store.projectsLease(workspaceId),
    read: (workspaceId) => store.getProjects(workspaceId),
  });

  const aliases = options.importedTokens
    ? new ReadThroughCache<Alias>({
        clock,
        maxRevocationLag,
        maxEntries: options.maxKeys,
        maxMisses: options.maxMisses,
        whenDown: whenDown((alias) => ({ alias })),
        confirmedAt: (alias) => store.confirmedAt({ alias }),
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
