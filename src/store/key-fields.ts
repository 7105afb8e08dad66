import { KeyscopeError } from '../errors';
import { isAlias } from '../token/imported-token';

/** Marks a column without a default: a record that lacks it is damaged, and is not read. */
export const REQUIRED = Symbol('required');

/** How values of one type are stored in Redis. */
interface Codec<T> {
  /** The stored text. Undefined: the field is left out. */
  encode(value: T): string | undefined;
  /** @throws {Error} with the end of a sentence that begins with the field's name, e.g. "is not a list". */
  decode(text: string): T;
  /** Whether the stored text is JSON. The audit trail shows JSON as it is stored, and quotes other text. */
  readonly isJson: boolean;
}

interface Column<T> extends Codec<T> {
  /** The field of the stored hash, if it has another name than the column. */
  readonly storedAs?: string;
  /**
   * Value of the column in a record without the field, which an older version wrote, or `REQUIRED`. It must not allow
   * more than the record did before the column existed. The defaults of the first version's columns allow nothing.
   */
  readonly missing: T | typeof REQUIRED;
  /** Read on each request that is not answered from the cache; all other columns are read for management only. */
  readonly onRequest?: true;
  /** Can be changed by `keys.update`. */
  readonly editable?: true;
  /** Shown in audit entries. */
  readonly audited?: true;
  /** Shown to operators, by functions, REST, CLI and console. Times are shown as dates. */
  readonly public?: 'value' | 'time';
  /** Copied from a rotated key to its successor. */
  readonly carried?: true;
}

function isStringArray(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own error quotes what is stored.
    throw new Error('is not JSON');
  }
}

const TEXT: Codec<string> = { encode: (value) => value, decode: (text) => text, isJson: false };

const OPTIONAL_TEXT: Codec<string | null> = {
  encode: JSON.stringify,
  decode(text) {
    const value = text === 'null' ? null : parseJson(text);
    if (value !== null && typeof value !== 'string') throw new Error('is neither a string nor null');
    return value;
  },
  isJson: true,
};

const ALIAS: Codec<string | null> = {
  encode: (value) => value ?? undefined,
  decode(text) {
    if (!isAlias(text)) throw new Error('is not an alias');
    return text;
  },
  isJson: false,
};

const ARRAY: Codec<readonly string[]> = {
  encode: JSON.stringify,
  decode(text) {
    const value = parseJson(text);
    if (!isStringArray(value)) throw new Error('is not an array of strings');
    return Object.freeze(value);
  },
  isJson: true,
};

const ALL_OR_ARRAY: Codec<'all' | readonly string[]> = {
  encode: JSON.stringify,
  decode: (text) => (text === '"all"' ? 'all' : ARRAY.decode(text)),
  isJson: true,
};

const BOOLEAN: Codec<boolean> = {
  encode: String,
  decode(text) {
    if (text !== 'true' && text !== 'false') throw new Error('is neither true nor false');
    return text === 'true';
  },
  isJson: true,
};

const WHOLE = /^\d{1,16}$/;

/** Times in milliseconds since the epoch, and revisions. */
const NUMBER: Codec<number> = {
  encode: encodeNumber,
  decode(text) {
    if (!WHOLE.test(text)) throw new Error('is not a whole number');
    return Number(text);
  },
  isJson: true,
};

/** Whole numbers only: a time with a fraction would be stored, and then rejected by each read. */
export function encodeNumber(value: number): string {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new KeyscopeError('invalid_request', 'Times and revisions of a key must be whole numbers from 0.');
  }
  return String(value);
}

function column<T, const Attributes extends Omit<Column<T>, keyof Codec<T>>>(codec: Codec<T>, attributes: Attributes) {
  return { ...codec, ...attributes };
}

/**
 * The columns of a key's record. Everything that knows a record's columns derives from this table: the record's type, the
 * codec, the scripts, the audit trail, and what operators see. A new column needs a `missing` that leaves old records as
 * they were; a process that does not know a column leaves it as it is.
 *
 * `digest` is SHA-256 (or HMAC-SHA-256 with a pepper) of the token. `prefix` is the token's prefix at its creation and
 * `last4` the end of its checksum, for the masked form; of an imported key they are the ends of its token, or empty.
 * `revoked` is set by a rotation without overlap: such a key is denied whatever a process' clock says, and for good.
 * `revision` is 1 at first and grows by one with every change. `rotatedFrom` is the key that this one replaced,
 * `rotatedTo` the key that replaced this one. `alias` finds the key of an imported token (see `token/imported-token.ts`);
 * it is null for keys whose tokens were made here.
 */
export const KEY_FIELDS = {
  id: column(TEXT, { missing: REQUIRED, onRequest: true, public: 'value' }),
  workspaceId: column(TEXT, { missing: REQUIRED, onRequest: true, public: 'value', carried: true }),
  name: column(TEXT, {
    ...{ missing: '', onRequest: true, public: 'value' },
    ...{ editable: true, audited: true, carried: true },
  }),
  agents: column(ALL_OR_ARRAY, { missing: [], onRequest: true, public: 'value', audited: true, carried: true }),
  permissions: column(ARRAY, {
    ...{ missing: [], onRequest: true, public: 'value' },
    ...{ editable: true, audited: true, carried: true },
  }),
  digest: column(TEXT, { missing: REQUIRED, onRequest: true }),
  expiresAt: column(NUMBER, { missing: 0, onRequest: true, public: 'time', audited: true }),
  disabled: column(BOOLEAN, { missing: true, onRequest: true, public: 'value', editable: true, audited: true }),
  revoked: column(BOOLEAN, { missing: false, onRequest: true }),
  last4: column(TEXT, { missing: '' }),
  prefix: column(TEXT, { missing: '' }),
  createdAt: column(NUMBER, { missing: 0, public: 'time' }),
  createdBy: column(OPTIONAL_TEXT, { missing: null, public: 'value' }),
  updatedAt: column(NUMBER, { missing: 0, public: 'time' }),
  revision: column(NUMBER, { missing: 1, public: 'value' }),
  rotatedFrom: column(OPTIONAL_TEXT, { missing: null, public: 'value', audited: true }),
  rotatedTo: column(OPTIONAL_TEXT, { missing: null, public: 'value', audited: true }),
  alias: column(ALIAS, { storedAs: 'foreign', missing: null }),
};

type Fields = typeof KEY_FIELDS;
export type KeyFieldName = keyof Fields;
type ValueOf<Name extends KeyFieldName> = ReturnType<Fields[Name]['decode']>;

/**
 * A key as it is stored. Never contains the token or its secret. Times are milliseconds since the epoch. What the columns
 * mean stands at {@link KEY_FIELDS}.
 */
export type KeyRecord = { readonly [Name in KeyFieldName]: ValueOf<Name> };

type NamesWith<Attribute extends keyof Column<unknown>> = {
  [Name in KeyFieldName]: Fields[Name] extends { readonly [K in Attribute]: string | true } ? Name : never;
}[KeyFieldName];

/** The part of a key's record that a request is judged by. */
export type Credential = Pick<KeyRecord, NamesWith<'onRequest'>>;

/** What can change about a key after its creation. Absent means unchanged. */
export type KeyChanges = Partial<Pick<KeyRecord, NamesWith<'editable'>>>;

/** The columns by name, for code that treats all alike. */
export const COLUMNS = KEY_FIELDS as unknown as { readonly [Name in KeyFieldName]: Column<unknown> };

const NAMES = Object.keys(KEY_FIELDS) as KeyFieldName[];

function namesWith<Attribute extends keyof Column<unknown>>(attribute: Attribute): readonly NamesWith<Attribute>[] {
  return NAMES.filter((name) => COLUMNS[name][attribute] !== undefined) as NamesWith<Attribute>[];
}

export const KEY_FIELD_NAMES: readonly KeyFieldName[] = NAMES;
export const CREDENTIAL_FIELD_NAMES = namesWith('onRequest');
export const EDITABLE_FIELD_NAMES = namesWith('editable');
/** The fields of a key that an audit entry can show. What is not among them, above all the digest, never gets there. */
export const AUDITED_FIELD_NAMES = namesWith('audited');
export const PUBLIC_FIELD_NAMES = namesWith('public');
const CARRIED_FIELD_NAMES = namesWith('carried');

export function storedName(name: KeyFieldName): string {
  return COLUMNS[name].storedAs ?? name;
}

/** A record with an edit applied. Members of the edit that are no editable columns are ignored. */
export function applyChanges(record: KeyRecord, changes: KeyChanges): KeyRecord {
  const given = EDITABLE_FIELD_NAMES.filter((name) => changes[name] !== undefined);
  return { ...record, ...Object.fromEntries(given.map((name) => [name, changes[name]])) };
}

/** What a successor takes over from the key that it replaces. */
export function carriedFields(record: KeyRecord): Pick<KeyRecord, NamesWith<'carried'>> {
  return pick(record, CARRIED_FIELD_NAMES);
}

function pick<Name extends KeyFieldName>(record: KeyRecord, names: readonly Name[]): Pick<KeyRecord, Name> {
  return Object.fromEntries(names.map((name) => [name, record[name]])) as Pick<KeyRecord, Name>;
}

/** What operators see of a record, with times as numbers turned into dates. */
export type PublicKeyFields = {
  readonly [Name in NamesWith<'public'>]: Fields[Name] extends { readonly public: 'time' } ? Date : KeyRecord[Name];
};

/** The public part of a record. Arrays are copies, so that the record stays as it is. */
export function publicFields(record: KeyRecord): PublicKeyFields {
  const shown: Record<string, unknown> = {};
  for (const name of PUBLIC_FIELD_NAMES) {
    const value = record[name];
    if (COLUMNS[name].public === 'time') shown[name] = new Date(value as number);
    else shown[name] = Array.isArray(value) ? [...value] : value;
  }
  return shown as PublicKeyFields;
}
