import type { Features } from '../features';

import type { Lease } from './lease';
import type { Credential, KeyChanges, KeyRecord, KeySort, ProjectRecord } from './records';
import type { UsageStore } from './usage-store';

/** Who changed something, when, and from where; stored with the change. */
export interface ChangeOrigin {
  /** Who, as the app names people: an e-mail address, a user id, `cli`. */
  readonly actor: string | null;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** From where: an IP address or the like. */
  readonly source: string | null;
}

export const AUDIT_ACTIONS = [
  'key.created',
  'key.updated',
  'key.rotated',
  'key.deleted',
  'project.configured',
  'project.cleared',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** One line of the audit trail. `before` and `after` hold public fields only, never a digest. */
export interface AuditEntry {
  /** Grows with time; newest first in lists. */
  readonly id: string;
  readonly at: number;
  readonly actor: string | null;
  readonly source: string | null;
  readonly action: AuditAction;
  /** The key's or the project's id. */
  readonly target: string;
  /** The target's name at the time: a deleted key is only known by it. */
  readonly name: string | null;
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
}

export interface KeyQuery {
  readonly workspaceId: string;
  /** Part of a name, already folded (see `foldName`); empty for all. */
  readonly q: string;
  readonly sort: KeySort;
  readonly order: 'asc' | 'desc';
  readonly limit: number;
  /** The index position (see `store/position.ts`) after which to go on; null from the start. */
  readonly after: string | null;
}

export interface KeyPage {
  readonly keys: readonly KeyRecord[];
  /** Number of keys in the workspace, whatever the query is. */
  readonly total: number;
  /** The position of the last key looked at, where there may be more; null at the end. */
  readonly next: string | null;
}

export interface AuditQuery {
  readonly workspaceId: string;
  readonly limit: number;
  /** Only entries older than this id. */
  readonly before: string | null;
  readonly target?: string;
  readonly actor?: string;
  readonly action?: AuditAction;
}

export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  readonly next: string | null;
}

/** What a mutation of one key came to. `revision` = the record is not at the revision that was asked for. */
export type MutationResult =
  | { readonly ok: true; readonly key: KeyRecord }
  | { readonly ok: false; readonly reason: 'not_found' | 'revision' | 'rotated' };

/** What a mutation of one key insists on. Another workspace's key is `not_found`. */
export interface Precondition {
  readonly workspaceId?: string;
  readonly revision?: number;
}

/**
 * How changes are heard of. `memory`: all are made in this process. `tracking`: Redis tells of them as they are made.
 * `per-entry`: it does not, so what was read is trusted for `maxRevocationLag` from then on. `down`: it does not answer.
 */
export type StoreMode = 'memory' | 'tracking' | 'per-entry' | 'down';

/** One server that a store is on: the only one, or a master of a Cluster. */
export interface NodeHealth {
  /** Host and port; behind Sentinel, the name of the group. */
  readonly address: string;
  /** The connection on which the server tells of changes. */
  readonly feed: 'closed' | 'opening' | 'open' | 'refused';
  /** Protocol of the feed. `resp3`: the server refuses `CLIENT TRACKING … REDIRECT`. Null if the feed is not open. */
  readonly protocol: 'resp2' | 'resp3' | null;
  /** Whether what was read from it is trusted until a change is told of. */
  readonly trusted: boolean;
  readonly lastError: string | null;
}

/** How a store is. Names hosts: put what the public may know of it behind a public route, not all of it. */
export interface StoreHealth {
  readonly mode: StoreMode;
  /** True if the store is the memory of this process, and ends with it. */
  readonly ephemeral?: boolean;
  readonly nodes: readonly NodeHealth[];
  /** What went wrong last; null while nothing does. */
  readonly lastError: string | null;
}

/** What a store says of itself; see `on('store', …)`. */
export type StoreEvent =
  | { readonly type: 'mode'; readonly mode: Exclude<StoreMode, 'memory'>; readonly detail: string }
  | { readonly type: 'warning'; readonly code: string; readonly message: string };

/** Who wants to hear that something changed. Called synchronously, before the change can be read anywhere as old. */
export interface ChangeListener {
  keyChanged(id: string): void;
  projectsChanged(workspaceId: string): void;
  /** The key that a foreign token stands for. */
  aliasChanged?(alias: string): void;
  /** Everything may have changed: nothing remembered counts any more. */
  allChanged(): void;
}

/**
 * Where keys, configurations, the audit trail and counts of use live. Every mutation changes record, indexes and audit trail in one
 * atomic step or not at all, and resolves only when it is stored. Methods reject with `KeyscopeError`
 * `store_unavailable` when the store cannot be reached or does not answer in time; they never resolve with a guess.
 */
export interface Store extends UsageStore {
  /** Resolves when the store answers. Rejects with a sentence that says why it does not. */
  ready(): Promise<void>;
  /** Ends what the store opened itself, never what it was given. */
  close(): Promise<void>;

  getKey(id: string): Promise<KeyRecord | null>;
  /** What a request needs of a key and no more, because reading is most of what a request with an unknown key costs. */
  getCredential(id: string): Promise<Credential | null>;
  /** Every project of the workspace that has a configuration, by id. */
  getProjects(workspaceId: string): Promise<ReadonlyMap<string, ProjectRecord>>;
  listKeys(query: KeyQuery): Promise<KeyPage>;
  listAudit(query: AuditQuery): Promise<AuditPage>;

  /** `false` where the id is taken already. */
  createKey(key: KeyRecord, origin: ChangeOrigin): Promise<boolean>;
  updateKey(id: string, changes: KeyChanges, origin: ChangeOrigin, precondition: Precondition): Promise<MutationResult>;
  /** Resolves with the record as it was. */
  deleteKey(id: string, origin: ChangeOrigin, precondition: Precondition): Promise<MutationResult>;
  /**
   * Stores `successor`, and lets the old key expire at `oldExpiresAt` or at its own expiry, whichever is earlier. Null
   * revokes the old key: its expiry becomes the time of the change, and `revoked` denies it whatever a clock says.
   * Fails with `rotated` where the key has been replaced before. Resolves with the old key's new record.
   */
  rotateKey(
    id: string,
    successor: KeyRecord,
    oldExpiresAt: number | null,
    origin: ChangeOrigin,
    precondition: Precondition,
  ): Promise<MutationResult>;
  setProject(workspaceId: string, projectId: string, features: Features, origin: ChangeOrigin): Promise<ProjectRecord>;
  /** `false` where there was no configuration to clear. */
  clearProject(workspaceId: string, projectId: string, origin: ChangeOrigin): Promise<boolean>;

  /** The id of the key that a foreign token stands for, by the token's alias. There need not be such a key any more. */
  getAlias(alias: string): Promise<string | null>;
  /**
   * Lets an alias stand for a key, where it stands for nothing, or for `replacing`. Resolves with the id that it stands for
   * now. Not in one step with the key's record, which may lie on another server: an alias without a key is harmless.
   */
  linkAlias(alias: string, id: string, replacing?: string): Promise<string>;
  /** Lets an alias stand for nothing, where it stands for this key. */
  unlinkAlias(alias: string, id: string): Promise<void>;

  /**
   * The lease under which a read of this key, or of this workspace's projects, started now, may be remembered;
   * null where the store has no way to tell of changes, so that each entry must age by itself.
   */
  keyLease(id: string): Lease | null;
  projectsLease(workspaceId: string): Lease | null;
  aliasLease(alias: string): Lease | null;
  /** Tells of changes by anyone, anywhere, for as long as the leases hold. */
  onChange(listener: ChangeListener): void;
  onEvent(listener: (event: StoreEvent) => void): void;
  /** How the store is, as far as is known. No I/O. */
  health(): StoreHealth;
}
