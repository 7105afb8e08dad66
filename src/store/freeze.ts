import type { Features } from '../features';
import { KEY_FIELD_NAMES } from './key-fields';
import type { KeyRecord, ProjectRecord } from './records';

/** A list of our own that nobody can change: neither who gave it nor who gets it. */
function frozenList<T extends string>(list: 'all' | readonly T[]): 'all' | readonly T[] {
  return list === 'all' ? list : Object.freeze([...list]);
}

/** A record that shares nothing with the one it was made from, and that nobody can change. */
export function frozenKey(key: KeyRecord): KeyRecord {
  const copy: Record<string, unknown> = {};
  for (const name of KEY_FIELD_NAMES) {
    const value = key[name];
    copy[name] = Array.isArray(value) ? Object.freeze([...value]) : value;
  }
  return Object.freeze(copy) as KeyRecord;
}

export function frozenProject(projectId: string, features: Features, updatedAt: number): ProjectRecord {
  return Object.freeze({
    projectId,
    transcript: features.transcript,
    metrics: frozenList(features.metrics),
    updatedAt,
  });
}
