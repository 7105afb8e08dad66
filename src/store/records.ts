import type { Features } from '../features';

export type { Credential, KeyChanges, KeyRecord } from './key-fields';

/** Agents (= projects) in a key's scope: all agents of its workspace, now and later, or exactly these. */
export type Agents = 'all' | readonly string[];

/** The orders in which keys can be listed. */
export const KEY_SORTS = ['created', 'name', 'expires'] as const;
export type KeySort = (typeof KEY_SORTS)[number];

/** A project's stored configuration. A project without one has nothing enabled. */
export interface ProjectRecord extends Features {
  readonly projectId: string;
  /** Milliseconds since the epoch. */
  readonly updatedAt: number;
}
