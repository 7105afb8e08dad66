import { KeyscopeError } from '../../errors';
import type { Features } from '../../features';
import { frozenKey, frozenProject } from '../frozen';
import { foldName } from '../position';
import type { KeyRecord, ProjectRecord } from '../records';
import { unreadable } from './unavailable';

/** The version of the form in which records are stored. A record of another version is not guessed at. */
export const RECORD_VERSION = '1';

/**
 * The fields of a key's hash, in the order in which they are read. Ids, name, prefix and digest are stored as they are,
 * everything else as JSON. The hash holds two more: `folded`, the name as it is in the indexes (how names are folded
 * depends on the Unicode version of the process, so it cannot be told from the name), and `op`, the last change's number.
 */
export const KEY_FIELDS = [
  'v',
  'id',
  'workspaceId',
  'name',
  'agents',
  'permissions',
  'digest',
  'last4',
  'prefix',
  'createdAt',
  'createdBy',
  'updatedAt',
  'expiresAt',
  'disabled',
  'revision',
  'rotatedFrom',
  'rotatedTo',
] as const;

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

/** A key's record from the values of `KEY_FIELDS`; null where there is none. Half a record is an error, never a guess. */
export function decodeKey(reply: unknown, expectedId: string, where: string): KeyRecord | null {
  if (!Array.isArray(reply) || reply.length !== KEY_FIELDS.length) throw unreadable(where);
  if (reply.every((value) => value === null)) return null;
  for (let i = 0; i < reply.length; i++) {
    if (typeof reply[i] !== 'string') throw unreadable(where, `the field ${KEY_FIELDS[i]} is missing`);
  }
  const [v, id, workspaceId, name, agentsText, permissionsText, digest, last4, prefix, ...rest] = reply as string[];
  const [createdAt, createdBy, updatedAt, expiresAt, disabled, revision, rotatedFrom, rotatedTo] = rest as string[];
  if (v !== RECORD_VERSION)
    throw unreadable(where, 'it was written by a version of keyscope that this one does not know');

  if (id !== expectedId) throw unreadable(where, 'it is the record of another key');
  const agents = parseStored(agentsText as string, where, 'the field agents');
  if (agents !== 'all' && !isTextList(agents)) throw unreadable(where, 'the field agents is not a list');
  const permissions = parseStored(permissionsText as string, where, 'the field permissions');
  if (!isTextList(permissions)) throw unreadable(where, 'the field permissions is not a list');
  for (const number of [createdAt, updatedAt, expiresAt, revision] as string[]) {
    if (!WHOLE.test(number)) throw unreadable(where, 'a time or the revision is not a number');
  }
  if (disabled !== 'true' && disabled !== 'false')
    throw unreadable(where, 'the field disabled is neither true nor false');

  return frozenKey({
    id: id as string,
    workspaceId: workspaceId as string,
    name: name as string,
    agents,
    permissions,
    digest: digest as string,
    last4: last4 as string,
    prefix: prefix as string,
    createdAt: Number(createdAt),
    createdBy: decodeOptional(createdBy as string, where, 'createdBy'),
    updatedAt: Number(updatedAt),
    expiresAt: Number(expiresAt),
    disabled: disabled === 'true',
    revision: Number(revision),
    rotatedFrom: decodeOptional(rotatedFrom as string, where, 'rotatedFrom'),
    rotatedTo: decodeOptional(rotatedTo as string, where, 'rotatedTo'),
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
