import type { Features } from '../features';

/** Which agents (= projects) a key reaches: all of its workspace's, now and later, or exactly these. */
export type Agents = 'all' | readonly string[];

/**
 * A key as it is stored. Never contains the token or its secret: `digest` is a SHA-256 (or HMAC-SHA-256 with a pepper)
 * of the token, `last4` the end of the token's checksum, kept for the masked form. Times are milliseconds since the epoch.
 */
export interface KeyRecord {
  readonly id: string;
  readonly workspaceId: string;
  readonly name: string;
  readonly agents: Agents;
  readonly permissions: readonly string[];
  readonly digest: string;
  readonly last4: string;
  /** The token prefix at the time of creation, for the masked form. */
  readonly prefix: string;
  readonly createdAt: number;
  readonly createdBy: string | null;
  readonly updatedAt: number;
  readonly expiresAt: number;
  readonly disabled: boolean;
  /** Starts at 1, grows by one with every change. */
  readonly revision: number;
  /** The key that this one replaced, and the key that replaced this one, if any. */
  readonly rotatedFrom: string | null;
  readonly rotatedTo: string | null;
  /**
   * What an imported key's token is looked up by (see `token/foreign.ts`); absent for keys whose tokens were made here. Of
   * an imported key `prefix` and `last4` are the ends of its token, or empty.
   */
  readonly alias?: string;
}

/** What there is to know of a key when a request comes with its token. */
export type Credential = Pick<
  KeyRecord,
  'id' | 'workspaceId' | 'name' | 'agents' | 'permissions' | 'digest' | 'expiresAt' | 'disabled'
>;

/** What may change about a key after its creation. Absent means unchanged. */
export interface KeyChanges {
  readonly name?: string;
  readonly permissions?: readonly string[];
  readonly disabled?: boolean;
}

/** The orders in which keys can be listed. */
export const KEY_SORTS = ['created', 'name', 'expires'] as const;
export type KeySort = (typeof KEY_SORTS)[number];

/** A project's stored configuration. A project without one has nothing enabled. */
export interface ProjectRecord extends Features {
  readonly projectId: string;
  /** Milliseconds since the epoch. */
  readonly updatedAt: number;
}
