import { KeyscopeError } from '../../errors';
import type { Features } from '../../features';
import { isAlias } from '../../token/imported-token';
import { frozenKey, frozenProject } from '../freeze';
import { foldName } from '../index-position';
import type { Credential, KeyRecord, ProjectRecord } from '../records';
import { unreadable } from './errors';

/** The version of the form in which records are stored. A record of another version is not guessed at. */
export const RECORD_VERSION = '1';

/** What is read of a key when a request comes with its token. */
export const CREDENTIAL_FIELDS = [
  'v',
  'id',
  'workspaceId',
  'name',
  'agents',
  'permissions',
  'digest',
  'expiresAt',
  'disabled',
] as const;

const REST_FIELDS = [
  'last4',
  'prefix',
  'createdAt',
  'createdBy',
  'updatedAt',
  'revision',
  'rotatedFrom',
  'rotatedTo',
] as const;

/**
 * The fields of a key's hash, in the order in which they are read. Ids, name, prefix and digest are stored as they are,
 * everything else as JSON. The hash holds two more: `folded`, the name as it is in the indexes (how names are folded
 * depends on the Unicode version of the process, so it cannot be told from the name), and `op`, the last change's number.
 */
export const KEY_FIELDS = [...CREDENTIAL_FIELDS, ...REST_FIELDS] as const;

/** Only imported keys have this one, as it is. It is read after the others, and need not be there. */
export const FOREIGN_FIELD = 'foreign';

/** A value for each of the fields. */
type Texts<Fields extends readonly string[]> = { -readonly [Index in keyof Fields]: string };

/** Whole numbers only: a time with a fraction would be stored, and then refused whenever it is read. */
function encodeNumber(value: number): string {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new KeyscopeError('invalid_request', 'Times and revisions of a key must be whole numbers, not below 0.');
  }
  return String(value);
}

/** A time as it is stored. */
export const encodeTime = encodeNumber;

/** The fields and values of a key's hash, flat, without `op`. */
export function encodeKey(key: KeyRecord): string[] {
  return [
    ...['v', RECORD_VERSION],
    ...['id', key.id],
    ...['workspaceId', key.workspaceId],
    ...['name', key.name],
    ...['folded', foldName(key.name)],
    ...['agents', JSON.stringify(key.agents)],
    ...['permissions', JSON.stringify(key.permissions)],
    ...['digest', key.digest],
    ...['last4', key.last4],
    ...['prefix', key.prefix],
    ...['createdAt', encodeNumber(key.createdAt)],
    ...['createdBy', JSON.stringify(key.createdBy)],
    ...['updatedAt', encodeNumber(key.updatedAt)],
    ...['expiresAt', encodeNumber(key.expiresAt)],
    ...['disabled', JSON.stringify(key.disabled)],
    ...['revision', encodeNumber(key.revision)],
    ...['rotatedFrom', JSON.stringify(key.rotatedFrom)],
    ...['rotatedTo', JSON.stringify(key.rotatedTo)],
    ...(key.alias === undefined ? [] : [FOREIGN_FIELD, key.alias]),
  ];
}

export function parseStored(text: string, where: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own error would quote what is stored.
    throw unreadable(where, `${what} is not JSON`);
  }
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

const WHOLE = /^\d{1,16}$/;

/** The values of a record's fields, in order; null where there is no record. Half a record is an error, never a guess. */
function readFields(reply: unknown, fields: readonly string[], where: string): string[] | null {
  if (!Array.isArray(reply) || reply.length !== fields.length) throw unreadable(where);
  if (reply.every((value) => value === null)) return null;
  for (let i = 0; i < reply.length; i++) {
    if (typeof reply[i] !== 'string') throw unreadable(where, `the field ${fields[i]} is missing`);
  }
  return reply as string[];
}

function decodeNumber(text: string, where: string): number {
  if (!WHOLE.test(text)) throw unreadable(where, 'a time or the revision is not a number');
  return Number(text);
}

function decodeList(text: string, where: string, field: string): readonly string[] {
  const value = parseStored(text, where, `the field ${field}`);
  if (!isTextList(value)) throw unreadable(where, `the field ${field} is not a list`);
  return Object.freeze(value);
}

/** From the values of `CREDENTIAL_FIELDS`, or a list that begins with them. */
function toCredential(values: readonly string[], expectedId: string, where: string): Credential {
  const [v, id, workspaceId, name, agents, permissions, digest, expiresAt, disabled] = values as Texts<
    typeof CREDENTIAL_FIELDS
  >;
  if (v !== RECORD_VERSION) {
    throw unreadable(where, 'it was written by a version of keyscope that this one does not know');
  }
  if (id !== expectedId) throw unreadable(where, 'it is the record of another key');
  if (disabled !== 'true' && disabled !== 'false') {
    throw unreadable(where, 'the field disabled is neither true nor false');
  }
  return {
    id,
    workspaceId,
    name,
    agents: agents === '"all"' ? 'all' : decodeList(agents, where, 'agents'),
    permissions: decodeList(permissions, where, 'permissions'),
    digest,
    expiresAt: decodeNumber(expiresAt, where),
    disabled: disabled === 'true',
  };
}

/** What a request needs, from the values of `CREDENTIAL_FIELDS`; null where there is no such key. */
export function decodeCredential(reply: unknown, expectedId: string, where: string): Credential | null {
  const values = readFields(reply, CREDENTIAL_FIELDS, where);
  return values && Object.freeze(toCredential(values, expectedId, where));
}

/** A key's record from the values of `KEY_FIELDS` and `FOREIGN_FIELD`; null where there is none. */
export function decodeKey(reply: unknown, expectedId: string, where: string): KeyRecord | null {
  const whole = Array.isArray(reply) && reply.length === KEY_FIELDS.length + 1;
  const values = readFields(whole ? reply.slice(0, -1) : reply, KEY_FIELDS, where);
  if (!whole || values === null) return null;
  // A script cannot answer with nothing in the middle of a list; it gives an empty text instead.
  const foreign: unknown = reply.at(-1) || null;
  if (foreign !== null && !(typeof foreign === 'string' && isAlias(foreign))) {
    throw unreadable(where, `the field ${FOREIGN_FIELD} is not an alias`);
  }
  const rest = values.slice(CREDENTIAL_FIELDS.length);
  const [last4, prefix, createdAt, createdBy, updatedAt, revision, rotatedFrom, rotatedTo] = rest as Texts<
    typeof REST_FIELDS
  >;
  return frozenKey({
    ...toCredential(values, expectedId, where),
    last4,
    prefix,
    createdAt: decodeNumber(createdAt, where),
    createdBy: decodeOptional(createdBy, where, 'createdBy'),
    updatedAt: decodeNumber(updatedAt, where),
    revision: decodeNumber(revision, where),
    rotatedFrom: decodeOptional(rotatedFrom, where, 'rotatedFrom'),
    rotatedTo: decodeOptional(rotatedTo, where, 'rotatedTo'),
    ...(foreign === null ? {} : { alias: foreign }),
  });
}

function decodeOptional(text: string, where: string, field: string): string | null {
  if (text === 'null') return null;
  const value = parseStored(text, where, `the field ${field}`);
  if (typeof value !== 'string') throw unreadable(where, `the field ${field} is not text`);
  return value;
}

/**
 * A project's configuration as JSON, in two parts: what was configured, and when. Two configurations are the same where
 * the first parts are.
 */
export function encodeProject(projectId: string, features: Features, at: number): { what: string; when: string } {
  const { transcript, metrics } = features;
  const what = JSON.stringify({ v: Number(RECORD_VERSION), projectId, transcript, metrics });
  return { what: `${what.slice(0, -1)},`, when: `"updatedAt":${encodeNumber(at)}}` };
}

function readFeatures(value: unknown): Features | null {
  if (typeof value !== 'object' || value === null) return null;
  const { transcript, metrics } = value as Record<string, unknown>;
  if (typeof transcript !== 'boolean' || !(metrics === 'all' || isTextList(metrics))) return null;
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
