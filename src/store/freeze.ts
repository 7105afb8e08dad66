import type { Features } from '../features';
import type { KeyRecord, ProjectRecord } from './records';

/** A list of our own that nobody can change: neither who gave it nor who gets it. */
function frozenList<T extends string>(list: 'all' | readonly T[]): 'all' | readonly T[] {
  return list === 'all' ? list : Object.freeze([...list]);
}

/** A record that shares nothing with the one it was made from, and that nobody can change. */
export function frozenKey(key: KeyRecord): KeyRecord {
  return Object.freeze({
    id: key.id,
    workspaceId: key.workspaceId,
    name: key.name,
    agents: frozenList(key.agents),
    permissions: Object.freeze([...key.permissions]),
    digest: key.digest,
    last4: key.last4,
    prefix: key.prefix,
    createdAt: key.createdAt,
    createdBy: key.createdBy,
    updatedAt: key.updatedAt,
    expiresAt: key.expiresAt,
    disabled: key.disabled,
    revision: key.revision,
    rotatedFrom: key.rotatedFrom,
    rotatedTo: key.rotatedTo,
    ...(key.alias === undefined ? {} : { foreign: key.alias }),
  });
}

export function frozenProject(projectId: string, features: Features, updatedAt: number): ProjectRecord {
  return Object.freeze({
    projectId,
    transcript: features.transcript,
    metrics: frozenList(features.metrics),
    updatedAt,
  });
}
