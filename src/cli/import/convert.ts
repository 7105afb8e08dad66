import type { InputIssue } from '../../errors';
import { parseTime } from '../../keys/time';
import type { ImportKeyInput } from '../../keys/types';
import { parseOwner, parseRateLimit } from '../column-text';
import type { PickedRow } from './columns';
import type { Field } from './fields';
import { metadataMayLimit, parseObject } from './limits';
import { notAToken } from './not-a-token';
import { isEveryAgent, readNames } from './read-names';
import type { ToInstant } from './time-zone';
import { isEmpty, isSet, statusOf, toBoolean } from './words';

/** Values for rows without their own. */
export interface Defaults {
  readonly name?: string;
  readonly agents?: 'all' | readonly string[];
  readonly permissions?: readonly string[];
  readonly expiresAt?: string;
  readonly expiresIn?: string;
}

/** The same for optional columns, which have no field in exports of other systems. */
export type ColumnDefaults = Pick<ImportKeyInput, 'allowedIps' | 'rateLimit' | 'owner' | 'contact' | 'metadata'>;

export interface ConvertOptions {
  readonly defaults: Defaults & ColumnDefaults;
  /** Converts times without a zone. */
  readonly toInstant: ToInstant;
  /** True if an empty `enabled` means true. */
  readonly emptyIsEnabled: boolean;
}

export interface Converted {
  readonly input: ImportKeyInput;
  readonly issues: readonly InputIssue[];
  /** True if the key was deleted, revoked, inactive or used up. */
  readonly isInactive: boolean;
  /** True if the row states an expiry. */
  readonly statesExpiry: boolean;
  /** True if that had no zone. */
  readonly isLocalTime: boolean;
}

const EPOCH_END = 2 * 86_400_000;
/**
 * Numbers that can only be seconds (1985 to 2286), or only milliseconds (2001 to 2286). Others could also be compact times
 * (20310501, 20310501120000), days or microseconds.
 */
const isSeconds = (number: number) => number >= 500_000_000 && number < 10_000_000_000;
const isMilliseconds = (number: number) => number >= 1_000_000_000_000 && number < 10_000_000_000_000;
const ZONELESS = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?))?$/;
const ZONED = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?) ?(Z|UTC|[+-]\d{2})(:?\d{2})?$/;

const EXPIRY_MESSAGE =
  "Expected a time such as '2031-05-01 12:00:00', '2031-05-01T12:00:00Z' or seconds or milliseconds since 1970.";
const EPOCH_MESSAGE =
  'Expected a time after 1970. If this stands for "never", leave the cell empty and set --expires-in or --expires-at.';
const AGENTS_MESSAGE = 'Expected all, or ids of agents. Write all, not * or ALL, for every agent.';

const LIMITS_MESSAGE = 'Expected limits such as 1000/1m or 50000/1d, or none.';
const OWNER_MESSAGE = 'Expected user:ID or service:ID.';
const METADATA_MESSAGE = 'Expected a JSON object.';
const METADATA_LIMITS_MESSAGE =
  'A member may limit what the key can do, or says that it has ended. Leave the column out: --ignore COLUMN';

interface Time {
  /** Milliseconds since the epoch, or null if the value is no time. */
  readonly ms: number | null;
  readonly isLocal: boolean;
}

/** A time as databases and programs write it. */
function readTime(value: unknown, toInstant: ToInstant): Time {
  const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
  if (typeof number === 'number') {
    // Zero often means "never", and gets a message of its own.
    const ms = number < EPOCH_END / 1000 || isSeconds(number) ? number * 1000 : isMilliseconds(number) ? number : null;
    return { ms: parseTime(ms), isLocal: false };
  }
  if (typeof value !== 'string') return { ms: null, isLocal: false };
  const [, day, time = '00:00'] = ZONELESS.exec(value) ?? [];
  if (day !== undefined) {
    const local = parseTime(`${day}T${time}Z`);
    return { ms: local === null ? null : toInstant(local), isLocal: true };
  }
  const [, date, clock, zone, minutes = ':00'] = ZONED.exec(value) ?? [];
  if (date === undefined) return { ms: null, isLocal: false };
  const suffix = zone === 'Z' || zone === 'UTC' ? 'Z' : `${zone}:${minutes.replace(':', '')}`;
  return { ms: parseTime(`${date}T${clock}${suffix}`), isLocal: false };
}

interface ReadColumn {
  readonly value?: unknown;
  readonly message?: string;
}

function readAddresses(value: unknown): ReadColumn {
  return { value: readNames(value) };
}

function readRateLimits(value: unknown): ReadColumn {
  const names = readNames(value);
  if (!Array.isArray(names)) return { message: LIMITS_MESSAGE };
  if (names.length === 1 && names[0] === 'none') return { value: [] };
  const limits = names.map((name) => (typeof name === 'string' ? parseRateLimit(name) : name));
  return limits.includes(null) ? { message: LIMITS_MESSAGE } : { value: limits };
}

function readOwner(given: unknown): ReadColumn {
  const value = parseObject(given);
  const owner = typeof value === 'string' ? parseOwner(value) : value;
  return owner === null ? { message: OWNER_MESSAGE } : { value: owner };
}

function readMetadata(given: unknown): ReadColumn {
  const value = parseObject(given);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { message: METADATA_MESSAGE };
  if (metadataMayLimit(value)) return { message: METADATA_LIMITS_MESSAGE };
  const members = Object.entries(value).map(([name, member]) => [
    name,
    typeof member === 'number' ? String(member) : member,
  ]);
  return { value: Object.fromEntries(members) };
}

/** Optional columns. */
const COLUMN_READERS: readonly (readonly [Field, (value: unknown) => ReadColumn])[] = [
  ['allowedIps', readAddresses],
  ['rateLimit', readRateLimits],
  ['owner', readOwner],
  ['metadata', readMetadata],
];

/** `{ "files": ["read"] }` is `files:read`. */
function toPermissions(value: unknown): unknown {
  const names = readNames(value);
  if (typeof names !== 'object' || names === null || Array.isArray(names)) return names;
  return Object.entries(names).flatMap(([resource, actions]) =>
    (Array.isArray(actions) ? actions : [actions]).map((action) => `${resource}:${action}`),
  );
}

/** The input of `keys.import` for a row, and the issues that were found before. An empty value is not stated. */
export function toImport({ fields, inactive }: PickedRow, options: ConvertOptions): Converted {
  const { defaults, toInstant, emptyIsEnabled } = options;
  const issues: InputIssue[] = [];
  const input: Record<string, unknown> = { ...defaults };
  let isInactive = inactive.some(isSet);
  let isLocalTime = false;
  let statesExpiry = false;

  const read = (field: Field, take: (value: unknown) => void) => {
    const value = fields.get(field);
    if (!isEmpty(value)) take(value);
  };
  /** A flag without a value could mean either, as NULL in SQL is not true. */
  const readFlag = (field: Field, mayBeEmpty: boolean, take: (flag: boolean) => void) => {
    if (!fields.has(field) || (mayBeEmpty && isEmpty(fields.get(field)))) return;
    const flag = toBoolean(fields.get(field));
    if (flag !== undefined) take(flag);
    else issues.push({ path: field, message: 'Expected true or false.' });
  };

  for (const field of ['token', 'sha256', 'name', 'createdBy', 'contact'] as const) {
    read(field, (value) => {
      input[field] = typeof value === 'number' ? String(value) : value;
    });
  }
  const problem = notAToken(input.token);
  if (problem !== undefined) issues.push({ path: 'token', message: problem });
  read('agents', (value) => {
    const names = readNames(value);
    input.agents = Array.isArray(names) && names.length === 1 && names[0] === 'all' ? 'all' : names;
    if (Array.isArray(names) && names.some(isEveryAgent)) issues.push({ path: 'agents', message: AGENTS_MESSAGE });
  });
  read('permissions', (value) => {
    input.permissions = toPermissions(value);
  });
  for (const [field, readColumn] of COLUMN_READERS) {
    read(field, (value) => {
      const { value: column, message } = readColumn(value);
      input[field] = column;
      if (message !== undefined) issues.push({ path: field, message });
    });
  }
  read('expiresAt', (value) => {
    const { ms, isLocal } = readTime(value, toInstant);
    isLocalTime = isLocal;
    statesExpiry = true;
    delete input.expiresIn;
    delete input.expiresAt;
    if (ms !== null && ms >= EPOCH_END) input.expiresAt = ms;
    else issues.push({ path: 'expiresAt', message: ms === null ? EXPIRY_MESSAGE : EPOCH_MESSAGE });
  });
  readFlag('disabled', true, (disabled) => {
    input.disabled = disabled;
  });
  readFlag('enabled', emptyIsEnabled, (enabled) => {
    input.disabled = !enabled || input.disabled === true;
  });
  readFlag('active', false, (active) => {
    isInactive ||= !active;
  });
  if (fields.has('status')) {
    const status = statusOf(fields.get('status'));
    if (status === 'disabled') input.disabled = true;
    else if (status === 'inactive') isInactive = true;
    else if (status === undefined) {
      const message =
        'Expected active, disabled, or a status such as revoked, deleted or archived. If the column says nothing of a key: --ignore COLUMN';
      issues.push({ path: 'status', message });
    }
  }
  read('remaining', (value) => {
    if (!(Number(value) > 0)) isInactive = true;
  });
  read('otherHash', () => {
    issues.push({ path: 'pending_migration_id', message: 'The hash of this key is not SHA-256 of its token.' });
  });
  return { input: input as unknown as ImportKeyInput, issues, isInactive, statesExpiry, isLocalTime };
}
