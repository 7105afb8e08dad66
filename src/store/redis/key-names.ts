import { KeyscopeError } from '../../errors';
import { tagOf, workspaceTag } from '../../token/format';
import type { KeySort } from '../records';

/**
 * The names of everything in Redis. What stands in braces decides the Cluster slot: it is the same for all that one
 * workspace owns, so that one script can change all of it at once.
 */
export interface KeyNames {
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
  /** String: that a key was deleted, for a day. */
  deletedKey(id: string): string;
  /** String: that a project's configuration was cleared, for a day. */
  clearedProject(workspaceId: string, projectId: string): string;
  /** Hash: how often a key has been used, by day and outcome. */
  usage(id: string): string;
  /** String: the id of the key that a foreign token stands for, by the token's alias. In a slot of its own. */
  alias(alias: string): string;
  /** What the names begin with of that which is remembered, and which changes are therefore told of. */
  readonly trackedPrefixes: readonly string[];
  /** Whose name this is, of the names in `remembered`; null where it is none that was made here. */
  parseKeyName(name: string): TrackedKey | null;
}

export type TrackedKey = { readonly keyId: string } | { readonly workspaceId: string } | { readonly alias: string };

/** What follows the braces, which neither an id nor a workspace's tag can contain. */
function afterTag(name: string, prefix: string): string | null {
  const close = name.indexOf('}', prefix.length);
  return name.startsWith(`${prefix}{`) && close !== -1 ? name.slice(close + 1) : null;
}

export function createKeyNames(namespace: string): KeyNames {
  if (!/^[^{}\s]+$/.test(namespace)) {
    const message = '`namespace` must be text without spaces and braces (braces decide the Redis Cluster slot).';
    throw new KeyscopeError('invalid_options', message, { issues: [{ path: 'namespace', message }] });
  }
  const keys = `${namespace}:key:`;
  const projects = `${namespace}:projects:`;
  const foreign = `${namespace}:foreign:`;
  return {
    prefix: `${namespace}:`,
    key: (id) => `${keys}{${tagOf(id)}}${id}`,
    projects: (workspaceId) => `${projects}{${workspaceTag(workspaceId)}}:${workspaceId}`,
    index: (workspaceId, sort) => `${namespace}:index:{${workspaceTag(workspaceId)}}:${workspaceId}:${sort}`,
    audit: (workspaceId) => `${namespace}:audit:{${workspaceTag(workspaceId)}}:${workspaceId}`,
    deletedKey: (id) => `${namespace}:deleted:{${tagOf(id)}}${id}`,
    clearedProject: (workspaceId, projectId) =>
      `${namespace}:deleted:{${workspaceTag(workspaceId)}}:${workspaceId}:${projectId}`,
    usage: (id) => `${namespace}:usage:{${tagOf(id)}}${id}`,
    alias: (alias) => foreign + alias,
    trackedPrefixes: [keys, projects, foreign],
    parseKeyName(name) {
      const keyId = afterTag(name, keys);
      if (keyId !== null) return { keyId };
      if (name.startsWith(foreign)) return { alias: name.slice(foreign.length) };
      const rest = afterTag(name, projects);
      return rest?.startsWith(':') ? { workspaceId: rest.slice(1) } : null;
    },
  };
}
