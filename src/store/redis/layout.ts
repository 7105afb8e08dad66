import { KeyscopeError } from '../../errors';
import { tagOf, workspaceTag } from '../../token/format';
import type { KeySort } from '../records';

/**
 * The names of everything in Redis. What stands in braces decides the Cluster slot: it is the same for all that one
 * workspace owns, so that one script can change all of it at once.
 */
export interface Layout {
  /** What all names begin with, the client's own key prefix aside. */
  readonly prefix: string;
  /** Hash: a key's record. */
  key(id: string): string;
  /** Hash: a workspace's project configurations, JSON by project id. */
  projects(workspaceId: string): string;
  /** Sorted set of index positions, all with score 0, walked by their bytes. */
  index(workspaceId: string, sort: KeySort): string;
  /** Stream: a workspace's audit trail. */
  audit(workspaceId: string): string;
}

export function createLayout(namespace: string): Layout {
  if (!/^[^{}\s]+$/.test(namespace)) {
    const message = '`namespace` must be text without spaces and braces (braces decide the Redis Cluster slot).';
    throw new KeyscopeError('invalid_options', message, { issues: [{ path: 'namespace', message }] });
  }
  return {
    prefix: `${namespace}:`,
    key: (id) => `${namespace}:key:{${tagOf(id)}}${id}`,
    projects: (workspaceId) => `${namespace}:projects:{${workspaceTag(workspaceId)}}:${workspaceId}`,
    index: (workspaceId, sort) => `${namespace}:index:{${workspaceTag(workspaceId)}}:${workspaceId}:${sort}`,
    audit: (workspaceId) => `${namespace}:audit:{${workspaceTag(workspaceId)}}:${workspaceId}`,
  };
}
