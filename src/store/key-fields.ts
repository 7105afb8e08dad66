import { LAST_TIME } from '../clock';
import {
  ALIAS,
  ALL_OR_ARRAY,
  ARRAY,
  BOOLEAN,
  type Codec,
  copyValue,
  EXPOSURE,
  METADATA,
  NO_METADATA,
  NUMBER,
  OPTIONAL_TEXT,
  OWNER,
  RATE_LIMITS,
  TEXT,
} from './column-codecs';
import type { Exposure, RecordedExposure } from './leak-report';

/** Marks a column without a default: a record that lacks it is damaged, and is not read. */
export const REQUIRED = Symbol('required');

interface Column<T> extends Codec<T> {
  /**
   * Value of the column if a record lacks the field because an older version wrote it, or `REQUIRED`. It must not allow
   * more than the record did before the column existed. The defaults of the first version's columns allow nothing.
   */
  readonly missing: T | typeof REQUIRED;
  /** Read on each request that misses the cache. All other columns are read for management only. */
  readonly onRequest?: true;
  /** Can be changed by `keys.update`. */
  readonly editable?: true;
  /** Set again by `keys.ensure`. */
  readonly renewable?: true;
  /** Shown in audit entries. */
  readonly audited?: true;
  /**
   * Shown to operators, by functions, REST, CLI and console. Times, also that of a report, are shown as dates; an expiry that
   * is never, as null.
   */
  readonly public?: 'value' | 'time' | 'expiry' | 'report';
  /** Copied from a rotated key to its successor. */
  readonly carried?: true;
}

function column<T, const Attributes extends Omit<Column<T>, keyof Codec<T>>>(codec: Codec<T>, attributes: Attributes) {
  return { ...codec, ...attributes };
}

/**
 * The columns of a key's record. All code that depends on the columns derives from this table: the record's type, the
 * codec, the scripts, the audit log, and the fields that operators see. A new column needs a `missing` that does not
 * change old records. A process keeps a column that it does not know.
 *
 * - `digest`: SHA-256 of the token, or HMAC-SHA-256 if there is a pepper.
 * - `prefix`, `last4`: prefix of the token at its creation, and end of its checksum, for the masked form. If the token
 *   was imported, they are its two ends, or empty.
 * - `revoked`: set by a rotation without overlap. The key is denied permanently, regardless of a process's clock.
 * - `rateLimit`: limits of the key's requests. Null: those of the app.
 * - `revision`: 1 at first, or the time of the creation if the id can come back after a deletion. Grows by one with every change.
 * - `rotatedFrom`, `rotatedTo`: the key that this one replaced, and the key that replaced this one.
 * - `allowedIps`: addresses and CIDR blocks that requests may come from. Empty: any address.
 * - `environment`: the only environment whose apps accept the key. Null: created by an app without one.
 * - `contact`: e-mail address for warnings about the key.
 * - `exposure`: the report of a leaked token: the first, or the one that disabled or revoked the key. Not carried, because a
 *   successor has another token.
 * - `alias`: finds the key of an imported token (see `token/imported-token.ts`). Null if keyscope created the token.
 */
const KEY_FIELDS = {
  id: column(TEXT, { missing: REQUIRED, onRequest: true, public: 'value' }),
  workspaceId: column(TEXT, { missing: REQUIRED, onRequest: true, public: 'value', carried: true }),
  name: column(TEXT, {
    missing: '',
    onRequest: true,
    public: 'value',
    editable: true,
    audited: true,
    carried: true,
  }),
  agents: column(ALL_OR_ARRAY, {
    missing: [],
    onRequest: true,
    public: 'value',
    renewable: true,
    audited: true,
    carried: true,
  }),
  permissions: column(ARRAY, {
    missing: [],
    onRequest: true,
    public: 'value',
    editable: true,
    audited: true,
    carried: true,
  }),
  digest: column(TEXT, { missing: REQUIRED, onRequest: true }),
  allowedIps: column(ARRAY, {
    missing: [],
    onRequest: true,
    public: 'value',
    editable: true,
    audited: true,
    carried: true,
  }),
  owner: column(OWNER, {
    missing: null,
    onRequest: true,
    public: 'value',
    editable: true,
    audited: true,
    carried: true,
  }),
  contact: column(OPTIONAL_TEXT, { missing: null, public: 'value', editable: true, audited: true, carried: true }),
  metadata: column(METADATA, {
    missing: NO_METADATA,
    onRequest: true,
    public: 'value',
    editable: true,
    audited: true,
    carried: true,
  }),
  environment: column(OPTIONAL_TEXT, {
    missing: null,
    onRequest: true,
    public: 'value',
    audited: true,
    carried: true,
  }),
  expiresAt: column(NUMBER, { missing: 0, onRequest: true, public: 'expiry', renewable: true, audited: true }),
  disabled: column(BOOLEAN, { missing: true, onRequest: true, public: 'value', editable: true, audited: true }),
  revoked: column(BOOLEAN, { missing: false, onRequest: true }),
  rateLimit: column(RATE_LIMITS, {
    missing: null,
    onRequest: true,
    public: 'value',
    editable: true,
    audited: true,
    carried: true,
  }),
  last4: column(TEXT, { missing: '' }),
  prefix: column(TEXT, { missing: '' }),
  createdAt: column(NUMBER, { missing: 0, public: 'time' }),
  createdBy: column(OPTIONAL_TEXT, { missing: null, public: 'value' }),
  updatedAt: column(NUMBER, { missing: 0, public: 'time' }),
  revision: column(NUMBER, { missing: 1, public: 'value' }),
  rotatedFrom: column(OPTIONAL_TEXT, { missing: null, public: 'value', audited: true }),
  rotatedTo: column(OPTIONAL_TEXT, { missing: null, public: 'value', audited: true }),
  exposure: column(EXPOSURE, { missing: null, public: 'report' }),
  alias: column(ALIAS, { missing: null }),
};

type Fields = typeof KEY_FIELDS;
export type KeyFieldName = keyof Fields;
type ValueOf<Name extends KeyFieldName> = ReturnType<Fields[Name]['decode']>;

/**
 * Stored key. It never contains the token or its secret. Times are milliseconds since the epoch. {@link KEY_FIELDS}
 * describes the columns.
 */
export type KeyRecord = { readonly [Name in KeyFieldName]: ValueOf<Name> };

type NamesWith<Attribute extends keyof Column<unknown>> = {
  [Name in KeyFieldName]: Fields[Name] extends { readonly [K in Attribute]: string | true } ? Name : never;
}[KeyFieldName];

/** Columns of a key that authenticate and authorize a request. */
export type Credential = Pick<KeyRecord, NamesWith<'onRequest'>>;

/** Columns of a key that a change sets. An absent column is not changed. */
export type KeyChanges = Partial<Pick<KeyRecord, NamesWith<'editable'> | NamesWith<'renewable'>>>;

/** The columns by name, for code that treats all columns alike. */
export const COLUMNS = KEY_FIELDS as unknown as { readonly [Name in KeyFieldName]: Column<unknown> };

const NAMES = Object.keys(KEY_FIELDS) as KeyFieldName[];

function namesWith<Attribute extends keyof Column<unknown>>(attribute: Attribute): readonly NamesWith<Attribute>[] {
  return NAMES.filter((name) => COLUMNS[name][attribute] !== undefined) as NamesWith<Attribute>[];
}

export const KEY_FIELD_NAMES: readonly KeyFieldName[] = NAMES;
export const CREDENTIAL_FIELD_NAMES = namesWith('onRequest');
export const EDITABLE_FIELD_NAMES = namesWith('editable');
export const CHANGEABLE_FIELD_NAMES = [...EDITABLE_FIELD_NAMES, ...namesWith('renewable')] as const;
/** Columns that an audit entry can show. All others, in particular the digest, are never in an audit entry. */
export const AUDITED_FIELD_NAMES = namesWith('audited');
const PUBLIC_FIELD_NAMES = namesWith('public');
const CARRIED_FIELD_NAMES = namesWith('carried');

/** Copy of a record with a change applied. Other members of the change than these columns are ignored. */
export function applyChanges(record: KeyRecord, changes: KeyChanges): KeyRecord {
  const given = CHANGEABLE_FIELD_NAMES.filter((name) => changes[name] !== undefined);
  return { ...record, ...Object.fromEntries(given.map((name) => [name, changes[name]])) };
}

/** Columns that are copied from a rotated key to its successor. */
export function carriedFields(record: KeyRecord): Pick<KeyRecord, NamesWith<'carried'>> {
  return pick(record, CARRIED_FIELD_NAMES);
}

function pick<Name extends KeyFieldName>(record: KeyRecord, names: readonly Name[]): Pick<KeyRecord, Name> {
  return Object.fromEntries(names.map((name) => [name, record[name]])) as Pick<KeyRecord, Name>;
}

/** Expiry of a key as operators see it: null if it never expires. */
export function expiryDate(expiresAt: number): Date | null {
  return expiresAt === LAST_TIME ? null : new Date(expiresAt);
}

/** The report of a leaked token of a key, as operators see it. */
export interface KeyExposure extends Exposure {
  readonly at: Date;
}

function exposureOf(exposure: RecordedExposure | null): KeyExposure | null {
  return exposure && { ...exposure, at: new Date(exposure.at) };
}

/** The value that operators see of a column, by its attribute `public`. */
interface Shown<T> {
  readonly value: T;
  readonly time: Date;
  readonly expiry: Date | null;
  readonly report: KeyExposure | null;
}

/** Columns of a key that operators see. Times are dates instead of numbers. */
export type PublicKeyFields = {
  readonly [Name in NamesWith<'public'>]: Fields[Name] extends {
    readonly public: infer How extends keyof Shown<unknown>;
  }
    ? Shown<KeyRecord[Name]>[How]
    : never;
};

/** Public columns of a record. Arrays and objects are copied, so that the record cannot be changed through them. */
export function publicFields(record: KeyRecord): PublicKeyFields {
  const shown: Record<string, unknown> = {};
  for (const name of PUBLIC_FIELD_NAMES) {
    const value = record[name];
    if (COLUMNS[name].public === 'time') shown[name] = new Date(value as number);
    else if (COLUMNS[name].public === 'expiry') shown[name] = expiryDate(value as number);
    else if (COLUMNS[name].public === 'report') shown[name] = exposureOf(value as RecordedExposure | null);
    else shown[name] = copyValue(value);
  }
  return shown as PublicKeyFields;
}
