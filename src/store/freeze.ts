import type { Features } from '../features';
import { copyValue } from './column-codecs';
import { KEY_FIELD_NAMES } from './key-fields';
import type { KeyRecord, ProjectRecord } from './records';

/** Frozen copy of an array. Neither the caller that passed the array nor one that receives the copy can change it. */
function frozenList<T extends string>(list: 'all' | readonly T[]): 'all' | readonly T[] {
  return list === 'all' ? list : Object.freeze([...list]);
}

/** Frozen copy of a record. It shares no arrays or objects with the original. */
export function frozenKey(key: KeyRecord): KeyRecord {
  const copy: Record<string, unknown> = {};
  for (const name of KEY_FIELD_NAMES) copy[name] = copyValue(key[name], Object.freeze);
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
