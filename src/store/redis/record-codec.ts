import type { Features } from '../../features';
import { FORMAT } from '../app-settings';
import { encodeNumber } from '../column-codecs';
import { frozenKey, frozenProject } from '../freeze';
import { foldName } from '../index-position';
import {
  CHANGEABLE_FIELD_NAMES,
  COLUMNS,
  CREDENTIAL_FIELD_NAMES,
  KEY_FIELD_NAMES,
  type KeyFieldName,
  REQUIRED,
} from '../key-fields';
import type { Credential, KeyChanges, KeyRecord, ProjectRecord } from '../records';
import { unreadable } from './errors';

/** A record of any other version is rejected. */
export const RECORD_VERSION = String(FORMAT);

/** The fields of a key's hash, in the order in which they are read: the version, then the columns. */
export const STORED_KEY_FIELDS = ['v', ...KEY_FIELD_NAMES];
/** The fields that a request needs. */
export const STORED_CREDENTIAL_FIELDS = ['v', ...CREDENTIAL_FIELD_NAMES];

/** Encodes a time for storage. */
export const encodeTime = encodeNumber;

/** Field name and encoded value of a column. Empty if the value is stored by omitting the field. */
function encodeField<Name extends KeyFieldName>(name: Name, value: KeyRecord[Name]): string[] {
  const text = COLUMNS[name].encode(value);
  return text === undefined ? [] : [name, text];
}

/**
 * Fields and values of a key's hash, as a flat array. It also has `folded`, the name as it is in the indexes. Folding
 * depends on the Unicode version of the process, so `folded` cannot be derived from the name.
 */
export function encodeKey(key: KeyRecord): string[] {
  const columns = KEY_FIELD_NAMES.flatMap((name) => encodeField(name, key[name]));
  return ['v', RECORD_VERSION, 'folded', foldName(key.name), ...columns];
}

/** Fields and values that an edit changes, as a flat array. */
export function encodeChanges(changes: KeyChanges): string[] {
  const fields = CHANGEABLE_FIELD_NAMES.flatMap((name) => {
    const value = changes[name];
    return value === undefined ? [] : encodeField(name, value);
  });
  return changes.name === undefined ? fields : [...fields, 'folded', foldName(changes.name)];
}

export function parseStored(text: string, where: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own error quotes the stored value.
    throw unreadable(where, `${what} is not JSON`);
  }
}

/**
 * Decodes a stored record, from the values of `v` and of the columns' fields; null if there is no record. If a field is
 * missing, an older version wrote the record, and the column takes its default. Fields without a column are not read: a
 * newer version wrote them.
 */
function decodeFields(
  reply: unknown,
  names: readonly KeyFieldName[],
  expectedId: string,
  where: string,
): Record<string, unknown> | null {
  if (!Array.isArray(reply) || reply.length !== names.length + 1) throw unreadable(where);
  if (reply.every((value) => value === null)) return null;
  if (reply[0] !== RECORD_VERSION) {
    throw unreadable(where, 'it was written by a version of keyscope that this one does not know');
  }
  const record: Record<string, unknown> = {};
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as KeyFieldName;
    record[name] = decodeField(name, reply[i + 1], where);
  }
  if (record.id !== expectedId) throw unreadable(where, 'it is the record of another key');
  return record;
}

function decodeField(name: KeyFieldName, text: unknown, where: string): unknown {
  const { missing, decode } = COLUMNS[name];
  if (text === null) {
    if (missing === REQUIRED) throw unreadable(where, `the field ${name} is missing`);
    return missing;
  }
  if (typeof text !== 'string') throw unreadable(where);
  try {
    return decode(text);
  } catch (error) {
    throw unreadable(where, `the field ${name} ${(error as Error).message}`);
  }
}

/**
 * Decodes the fields that a request needs, from the values of `STORED_CREDENTIAL_FIELDS`; null if there is no such key.
 */
export function decodeCredential(reply: unknown, expectedId: string, where: string): Credential | null {
  const fields = decodeFields(reply, CREDENTIAL_FIELD_NAMES, expectedId, where);
  return fields && (Object.freeze(fields) as Credential);
}

/** Decodes a key's record, from the values of `STORED_KEY_FIELDS`; null if there is none. */
export function decodeKey(reply: unknown, expectedId: string, where: string): KeyRecord | null {
  const fields = decodeFields(reply, KEY_FIELD_NAMES, expectedId, where);
  return fields && frozenKey(fields as KeyRecord);
}

function isStringArray(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/**
 * Encodes a project's configuration as JSON, in two parts. The first is the configuration itself. The second is its
 * time and its change (`op`, random). Two configurations are the same if the first parts are.
 */
export function encodeProject(
  projectId: string,
  features: Features,
  at: number,
  op: string,
): { what: string; when: string } {
  const { transcript, metrics } = features;
  const what = JSON.stringify({ v: Number(RECORD_VERSION), projectId, transcript, metrics });
  return { what: `${what.slice(0, -1)},`, when: `"updatedAt":${encodeNumber(at)},"op":${JSON.stringify(op)}}` };
}

function readFeatures(value: unknown): Features | null {
  if (typeof value !== 'object' || value === null) return null;
  const { transcript, metrics } = value as Record<string, unknown>;
  if (typeof transcript !== 'boolean' || !(metrics === 'all' || isStringArray(metrics))) return null;
  return { transcript, metrics };
}

export function decodeProject(text: unknown, where: string): ProjectRecord {
  const value = typeof text === 'string' ? parseStored(text, where, 'a configuration') : null;
  const features = readFeatures(value);
  const { v, projectId, updatedAt } = (value ?? {}) as Record<string, unknown>;
  if (!features || v !== Number(RECORD_VERSION) || typeof projectId !== 'string' || !isTime(updatedAt)) {
    throw unreadable(where, 'a configuration is not complete');
  }
  return frozenProject(projectId, features, updatedAt);
}
