import type { Features } from '../features';
import { AUDIT_ACTION, AUDIT_ACTIONS, type AuditAction, type StoredAuditAction } from './audit-actions';
import type { ChainPlace } from './audit-chain';
import type { DeliveryStore } from './delivery-store';
import type { ExpiryStore } from './expiry-store';
import type { KeyFilter } from './key-search';
import type { Exposure } from './leak-report';
import type { Lease, Timestamps } from './lease';
import type { LimitStore } from './limit-store';
import type { OutboxStore } from './outbox-store';
import type { Credential, KeyChanges, KeyRecord, KeySort, ProjectRecord } from './records';
import type { ReportStore } from './report-store';
import type { UsageStore } from './usage-store';

/** Actor, time and source of a change. Stored with the change. */
export interface ChangeOrigin {
  /** The actor, as the app names people: an e-mail address, a user id, `cli`. */
  readonly actor: string | null;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Source of the change, such as an IP address. */
  readonly source: string | null;
}

export { AUDIT_ACTION, AUDIT_ACTIONS, type AuditAction, type StoredAuditAction };

/** One line of the audit log. `before` and `after` hold public fields only, never a digest. */
export interface AuditEntry {
  /** Grows with time. Lists begin with the newest entry. */
  readonly id: string;
  readonly at: number;
  readonly actor: string | null;
  readonly source: string | null;
  readonly action: StoredAuditAction;
  /** The key's or the project's id. */
  readonly target: string;
  /** The target's name at the time of the change. The name of a deleted key is stored only here. */
  readonly name: string | null;
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
}

/** Name of a cache entry: a key, the projects of a workspace, or an imported token. */
export type CachedName = { readonly keyId: string } | { readonly workspaceId: string } | { readonly alias: string };

export interface KeyQuery {
  readonly workspaceId: string;
  /** Folded search (see `foldName`): part of a name, of an id or of a masked token. Empty for all keys. */
  readonly q: string;
  /** Default: all keys. With a filter or a search, a page can be shorter than `limit`, even empty, if `next` is not null. */
  readonly filter?: KeyFilter | null;
  readonly sort: KeySort;
  readonly order: 'asc' | 'desc';
  readonly limit: number;
  /** Index position (see `store/index-position.ts`) after which the page starts; null for the first page. */
  readonly after: string | null;
}

export interface KeyPage {
  readonly keys: readonly KeyRecord[];
  /** Number of keys in the workspace, regardless of the query. */
  readonly total: number;
  /** Position of the last key that was examined, if there may be more keys; null at the end. */
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

/** An entry as it is stored. */
export interface ChainedEntry extends ChainPlace {
  readonly id: string;
  /** Null if the stored entry cannot be decoded. */
  readonly entry: AuditEntry | null;
}

/** A part of an audit log, oldest first. */
export interface AuditRange {
  readonly workspaceId: string;
  /** The first entry is this one, or the oldest one after it. Null for the oldest of all. */
  readonly from: string | null;
  readonly limit: number;
}

/**
 * Result of a mutation of one key. `revision`: the record is not at the revision of the precondition. `revoked`: the key
 * was revoked before.
 */
export type MutationResult =
  | { readonly ok: true; readonly key: KeyRecord }
  | { readonly ok: false; readonly reason: 'not_found' | 'revision' | 'rotated' | 'revoked' };

/** Precondition of a mutation of one key. If the key belongs to another workspace, the result is `not_found`. */
export interface Precondition {
  readonly workspaceId?: string;
  readonly revision?: number;
}

/**
 * How the cache is kept up to date.
 *
 * - `memory`: all changes are made in this process.
 * - `tracking`: Redis sends an invalidation when data changes.
 * - `per-entry`: Redis sends no invalidations. A cache entry expires `maxRevocationLag` after its read.
 * - `down`: Redis does not answer.
 */
export type StoreMode = 'memory' | 'tracking' | 'per-entry' | 'down';

/** One server of a store: the only server, or a master of a Cluster. */
export interface NodeHealth {
  /** Host and port; behind Sentinel, the name of the group. */
  readonly address: string;
  /** State of the invalidation feed of the server. */
  readonly feed: 'closed' | 'opening' | 'open' | 'refused';
  /** Protocol of the feed. `resp3`: the server refuses `CLIENT TRACKING … REDIRECT`. Null if the feed is not open. */
  readonly protocol: 'resp2' | 'resp3' | null;
  /** True if data read from the server can be cached until an invalidation arrives. */
  readonly trusted: boolean;
  readonly lastError: string | null;
}

/** State of a store. It contains host names: a public route should return only the parts that may be public. */
export interface StoreHealth {
  readonly mode: StoreMode;
  /** True if the data is in the memory of this process, and is lost when the process ends. */
  readonly ephemeral?: boolean;
  readonly nodes: readonly NodeHealth[];
  /** The last error; null while there is no error. */
  readonly lastError: string | null;
}

/** Event of a store; see `on('store', …)`. */
export type StoreEvent =
  | { readonly type: 'mode'; readonly mode: Exclude<StoreMode, 'memory'>; readonly detail: string }
  | { readonly type: 'warning'; readonly code: string; readonly message: string };

/** Listener for changes. It is called synchronously, before old data can be used again. */
export interface ChangeListener {
  keyChanged(id: string): void;
  projectsChanged(workspaceId: string): void;
  /** The alias of an imported token has been linked to another key, or to none. */
  aliasChanged?(alias: string): void;
  /** Everything may have changed: all cache entries are invalid. */
  allChanged(): void;
}

/**
 * Store of keys, configurations, the audit log and usage counts. Every mutation changes record, indexes and audit
 * trail in one atomic step or not at all. It resolves only when the change is stored.
 *
 * Methods reject with `KeyscopeError` `store_unavailable` if the store cannot be reached or does not answer in time.
 * They never resolve with a guess.
 */
export interface Store extends UsageStore, LimitStore, OutboxStore, ExpiryStore, DeliveryStore, ReportStore {
  /** Resolves when the store answers. If it does not, rejects with a message that gives the reason. */
  ready(): Promise<void>;
  /** Closes the connections that the store opened itself, never a client that was passed to it. */
  close(): Promise<void>;

  getKey(id: string): Promise<KeyRecord | null>;
  /** Only the columns that a request needs: the read is most of the cost of a request with an unknown key. */
  getCredential(id: string): Promise<Credential | null>;
  /** All projects of the workspace that have a configuration, by id. */
  getProjects(workspaceId: string): Promise<ReadonlyMap<string, ProjectRecord>>;
  listKeys(query: KeyQuery): Promise<KeyPage>;
  listAudit(query: AuditQuery): Promise<AuditPage>;
  /** Entries as they are stored, oldest first, with their places in the hash chain. Fewer than `limit` only at the end. */
  readAudit(range: AuditRange): Promise<readonly ChainedEntry[]>;
  /** The last id that the audit log has given, also if its entry was removed since. Null if there is no log. */
  lastAuditId(workspaceId: string): Promise<string | null>;

  /** Resolves with `false` if the id is in use already. */
  createKey(key: KeyRecord, origin: ChangeOrigin): Promise<boolean>;
  updateKey(id: string, changes: KeyChanges, origin: ChangeOrigin, precondition: Precondition): Promise<MutationResult>;
  /** Resolves with the record as it was before its deletion. */
  deleteKey(id: string, origin: ChangeOrigin, precondition: Precondition): Promise<MutationResult>;
  /**
   * Stores `successor`. The old key expires at `oldExpiresAt` or at its own expiry, whichever is earlier. Null revokes
   * the old key: its expiry becomes the time of the change, and `revoked` denies it regardless of any clock. The result
   * is `rotated` if the key has been replaced before. Otherwise it is the old key's new record.
   */
  rotateKey(
    id: string,
    successor: KeyRecord,
    oldExpiresAt: number | null,
    origin: ChangeOrigin,
    precondition: Precondition,
  ): Promise<MutationResult>;
  /**
   * Records that the key's token was found in a public place, and revokes or disables the key in the same step. A revoked
   * key expires at the time of the change, and `revoked` denies it permanently. The result is `revoked`, and nothing is
   * recorded, if it was revoked before.
   */
  exposeKey(id: string, exposure: Exposure, origin: ChangeOrigin, precondition: Precondition): Promise<MutationResult>;
  setProject(workspaceId: string, projectId: string, features: Features, origin: ChangeOrigin): Promise<ProjectRecord>;
  /** Resolves with `false` if there was no configuration to clear. */
  clearProject(workspaceId: string, projectId: string, origin: ChangeOrigin): Promise<boolean>;

  /** Id of the key of an imported token, by the token's alias. The key may have been deleted. */
  getAlias(alias: string): Promise<string | null>;
  /**
   * Links an alias to a key, if it is linked to no key or to `replacing`. Resolves with the id that it is linked to
   * now. The key's record is not changed in the same step, because it may be on another server. An alias without a key
   * is harmless.
   */
  linkAlias(alias: string, id: string, replacing?: string): Promise<string>;
  /** Removes an alias if it is linked to this key. */
  unlinkAlias(alias: string, id: string): Promise<void>;

  /**
   * Lease for the cache entry of a read that starts now: of this key, this workspace's projects or this alias. Null if
   * the store has no way to send invalidations. Each entry then expires by itself.
   */
  keyLease(id: string): Lease | null;
  projectsLease(workspaceId: string): Lease | null;
  aliasLease(alias: string): Lease | null;
  /**
   * When the server of this entry was last asked and could be used. Data whose lease held then can lack only changes of the
   * `maxRevocationLag` before. Now, if the store was closed: that is no outage.
   */
  answeredAt(name: CachedName): Timestamps;
  /**
   * When the server that a read of this entry is sent to now was last known to be the one that takes changes. A read without a
   * lease counts from then. Now, if no other server can take its place.
   */
  confirmedAt(name: CachedName): Timestamps;
  /** Adds a listener. It is called for changes by any process, for as long as the leases hold. */
  onChange(listener: ChangeListener): void;
  onEvent(listener: (event: StoreEvent) => void): void;
  /** State of the store, as far as it is known. No I/O. */
  health(): StoreHealth;
}
