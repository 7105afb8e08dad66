import type { Clock } from '../clock';
import type { Credential, ProjectRecord } from '../store/records';
import type { Store } from '../store/store';
import { createGate } from './gate';
import { ReadThrough, type WhenDown } from './read-through';

export interface RecollectionOptions<Entry extends object> {
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
  /** What is remembered of a key: derived once, not at each request. */
  readonly toEntry: (credential: Credential) => Entry;
}

/** What a workspace's projects have enabled, by project id. */
export type Configurations = ReadonlyMap<string, ProjectRecord>;

/** The two classes of things that are remembered: keys by id, and a workspace's configurations as one. */
export interface Recollection<Entry extends object> {
  readonly keys: ReadThrough<Entry>;
  readonly projects: ReadThrough<Configurations>;
}

/** Reads under way at once, enough to keep a pipeline full, and requests waiting behind them. */
const MAX_READS = 1024;
const MAX_WAITING = 50_000;

/** Remembers what a store says, and forgets what the store says has changed. */
export function createRecollection<Entry extends object>(options: RecollectionOptions<Entry>): Recollection<Entry> {
  const { store, clock, maxRevocationLag, storeTimeout, toEntry } = options;
  const { serveStaleFor = 0, onStale = () => {} } = options;
  const isDown = () => store.health().mode === 'down';
  const whenDown: WhenDown | undefined = serveStaleFor > 0 ? { serveStaleFor, isDown, onStale } : undefined;
  const gate = () => createGate({ maxReads: MAX_READS, maxWaiting: MAX_WAITING, timeout: storeTimeout });

  const keys = new ReadThrough<Entry>({
    clock,
    maxRevocationLag,
    maxEntries: options.maxKeys,
    maxMisses: options.maxMisses,
    gate: gate(),
    whenDown,
    lease: (id) => store.keyLease(id),
    async read(id) {
      const credential = await store.getCredential(id);
      return credential === null ? null : toEntry(credential);
    },
  });
  // A gate of their own: only who holds a valid key gets here, and a flood of unknown ids must not keep them waiting.
  const projects = new ReadThrough<Configurations>({
    clock,
    maxRevocationLag,
    maxEntries: options.maxWorkspaces,
    maxMisses: 1,
    gate: gate(),
    whenDown,
    lease: (workspaceId) => store.projectsLease(workspaceId),
    read: (workspaceId) => store.getProjects(workspaceId),
  });

  store.onChange({
    keyChanged: (id) => keys.forget(id),
    projectsChanged: (workspaceId) => projects.forget(workspaceId),
    allChanged() {
      keys.clear();
      projects.clear();
    },
  });
  return { keys, projects };
}
