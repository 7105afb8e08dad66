import { createHash } from 'node:crypto';
import { KeyscopeError } from '../../errors';
import { tagOf, workspaceTag } from '../../token/format';
import type { LimitSubject } from '../limit-store';
import type { KeySort } from '../records';
import type { CachedName } from '../store';
import { slotOf, tagOfSlot } from './hash-slot';

/**
 * Names of all entries in Redis. The part in braces decides the Cluster slot. It is the same for everything that one
 * workspace owns, so that one script can change all of it at once.
 */
export interface KeyNames {
  /** Prefix of all names, without the client's own key prefix. */
  readonly prefix: string;
  /** Hash: a key's record. */
  key(id: string): string;
  /** Parts that the names of the records, and of the usage counters, of all keys of a workspace begin with. The id follows. */
  namesOf(workspaceId: string): { readonly key: string; readonly usage: string };
  /** Hash: a workspace's project configurations, as JSON by project id. */
  projects(workspaceId: string): string;
  /** Sorted set of index positions, all with score 0, read in the order of their bytes. */
  index(workspaceId: string, sort: KeySort): string;
  /** Index of a declared name of metadata: its state and its entries (hashes), and what the names of its sorted sets begin with. */
  metadataIndex(
    workspaceId: string,
    name: string,
  ): { readonly state: string; readonly entries: string; readonly sets: string };
  /** Stream: a workspace's audit log. */
  audit(workspaceId: string): string;
  /** Stream: the outbox with the events of a tag: one for each slot of a Cluster, or one for a single server. */
  outbox(tag: string): string;
  /** The outbox of a slot of a Cluster. */
  outboxOfSlot(slot: number): string;
  /** Sorted set beside the outbox of a tag: keys by the time of their next event about expiry. */
  expiries(tag: string): string;
  /**
   * In a slot of their own: the leader of a group of the outbox and the time from which it gets events; a mark that all keys
   * are in the schedules of expiries; the deliveries of webhooks (hash), and two sorted sets of their ids.
   */
  group(group: string, what: 'leader' | 'since' | 'scheduled' | 'deliveries' | 'due' | 'failed'): string;
  /** String: marks a key as deleted, for a day. */
  deletedKey(id: string): string;
  /** String: marks a project's configuration as cleared, for a day. */
  clearedProject(workspaceId: string, projectId: string): string;
  /** Hash: usage counters of a key, by day and outcome. */
  usage(id: string): string;
  /** Hash: counts of what `mode: 'report'` has reported in a workspace, by day and subject. */
  reports(workspaceId: string): string;
  /** String: number of the last batch of these counts that a process has added, for a day. */
  reportBatch(workspaceId: string, source: string): string;
  /** Hash: counter of one limit. @param window - Milliseconds. */
  limit(subject: LimitSubject, window: number): string;
  /** String: id of the key that an imported token is linked to, by the token's alias. In a slot of its own. */
  alias(alias: string): string;
  /** Prefixes of the names whose values are cached. Redis sends invalidations for these names. */
  readonly trackedPrefixes: readonly string[];
  /** Parses a name that begins with one of `trackedPrefixes`. Null if the name was not made here. */
  parseKeyName(name: string): CachedName | null;
}

/** The part of a name after the braces. Neither an id nor a workspace's tag can contain a brace. */
function afterTag(name: string, prefix: string): string | null {
  const close = name.indexOf('}', prefix.length);
  return name.startsWith(`${prefix}{`) && close !== -1 ? name.slice(close + 1) : null;
}

/** A request can state any string as its project. */
function shortHash(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22);
}

/** @param options.isCluster Whether the names are for a Cluster. Default: for a single server. */
export function createKeyNames(namespace: string, { isCluster = false } = {}): KeyNames {
  if (!/^[^{}\s]+$/.test(namespace)) {
    const message = '`namespace` must be text without spaces and braces (braces decide the Redis Cluster slot).';
    throw new KeyscopeError('invalid_options', message, { issues: [{ path: 'namespace', message }] });
  }
  const placeOf = (tag: string) => (isCluster ? tagOfSlot(slotOf(tag)) : 'all');
  const keys = `${namespace}:key:`;
  const projects = `${namespace}:projects:`;
  const aliases = `${namespace}:imported:`;
  return {
    prefix: `${namespace}:`,
    key: (id) => `${keys}{${tagOf(id)}}${id}`,
    namesOf(workspaceId) {
      const tag = workspaceTag(workspaceId);
      return { key: `${keys}{${tag}}`, usage: `${namespace}:usage:{${tag}}` };
    },
    projects: (workspaceId) => `${projects}{${workspaceTag(workspaceId)}}:${workspaceId}`,
    index: (workspaceId, sort) => `${namespace}:index:{${workspaceTag(workspaceId)}}:${workspaceId}:${sort}`,
    metadataIndex(workspaceId, name) {
      const place = `{${workspaceTag(workspaceId)}}:${shortHash([workspaceId, name])}`;
      const prefix = `${namespace}:metadata:${place}`;
      return { state: prefix, entries: `${prefix}:entries`, sets: `${prefix}:value:` };
    },
    audit: (workspaceId) => `${namespace}:audit:{${workspaceTag(workspaceId)}}:${workspaceId}`,
    outbox: (tag) => `${namespace}:outbox:{${placeOf(tag)}}`,
    expiries: (tag) => `${namespace}:expiries:{${placeOf(tag)}}`,
    outboxOfSlot: (slot) => `${namespace}:outbox:{${tagOfSlot(slot)}}`,
    group: (group, what) => `${namespace}:group:{${group}}:${what}`,
    deletedKey: (id) => `${namespace}:deleted:{${tagOf(id)}}${id}`,
    clearedProject: (workspaceId, projectId) =>
      `${namespace}:deleted:{${workspaceTag(workspaceId)}}:${workspaceId}:${projectId}`,
    reports: (workspaceId) => `${namespace}:reports:{${workspaceTag(workspaceId)}}:${workspaceId}`,
    reportBatch: (workspaceId, source) =>
      `${namespace}:reports:{${workspaceTag(workspaceId)}}:${source}:${workspaceId}`,
    usage: (id) => `${namespace}:usage:{${tagOf(id)}}${id}`,
    limit(subject, window) {
      if ('address' in subject) return `${namespace}:limit:address:${shortHash([subject.address])}:${window}`;
      if ('keyId' in subject) {
        const { keyId, permission } = subject;
        return `${namespace}:limit:{${tagOf(keyId)}}${keyId}:${permission === null ? '' : `${permission}:`}${window}`;
      }
      const { workspaceId, projectId } = subject;
      return `${namespace}:limit:{${workspaceTag(workspaceId)}}:${shortHash([workspaceId, projectId])}:${window}`;
    },
    alias: (alias) => aliases + alias,
    trackedPrefixes: [keys, projects, aliases],
    parseKeyName(name) {
      const keyId = afterTag(name, keys);
      if (keyId !== null) return { keyId };
      if (name.startsWith(aliases)) return { alias: name.slice(aliases.length) };
      const rest = afterTag(name, projects);
      return rest?.startsWith(':') ? { workspaceId: rest.slice(1) } : null;
    },
  };
}
