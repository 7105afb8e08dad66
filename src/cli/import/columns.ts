import { didYouMean, listNames } from '../../did-you-mean';
import { usageError } from '../io';
import { isPlainWords, named } from '../terminal-text';
import { type ColumnValue, FIELDS, type Field, fieldOf, fold, PRESETS, type Preset } from './fields';
import { mayLimit, metadataMayLimit } from './limits';
import { isEmpty } from './words';

/** Fields that say whether a key is usable, by whether a true value says so. */
const USABLE: ReadonlyMap<Field | undefined, boolean> = new Map([
  ...(['enabled', 'active'] as const).map((field) => [field, true] as const),
  ...(['disabled', 'inactive'] as const).map((field) => [field, false] as const),
]);
/** Fields that no option can leave out: then every revoked or expired key would be imported. */
const NEVER_EMPTY: ReadonlySet<Field> = new Set([
  ...USABLE.keys(),
  ...(['status', 'expiresAt', 'remaining'] as const),
] as Field[]);

function readPairs(given: readonly string[]): Map<Field, string> {
  const pairs = new Map<Field, string>();
  for (const pair of given) {
    const at = pair.indexOf('=');
    const field = (at === -1 ? pair : pair.slice(0, at)) as Field;
    if (at === -1) throw usageError('--map: expected FIELD=COLUMN, such as --map name=label.');
    if (!(FIELDS as readonly string[]).includes(field)) {
      const hint = didYouMean(field, FIELDS);
      throw usageError(`--map: there is no ${named('field', field)}. ${hint}Accepted: ${listNames(FIELDS)}.`);
    }
    if (pairs.has(field)) throw usageError(`--map: give ${field} once.`);
    const column = pair.slice(at + 1);
    if (column === '' && NEVER_EMPTY.has(field)) {
      throw usageError(
        `--map ${field}= would import keys that have ended. Leave out single columns with --ignore COLUMN.`,
      );
    }
    const own = fieldOf(column, undefined);
    if (USABLE.has(field) && USABLE.has(own) && USABLE.get(field) !== USABLE.get(own)) {
      throw usageError(`--map ${field}=${column}: the column means ${own}, which is the opposite.`);
    }
    pairs.set(field, column);
  }
  return pairs;
}

function presetNamed(name: string): Preset {
  if (Object.hasOwn(PRESETS, name)) return PRESETS[name] as Preset;
  const names = Object.keys(PRESETS);
  throw usageError(
    `--from: there is no ${named('source', name)}. ${didYouMean(name, names)}Accepted: ${listNames(names)}.`,
  );
}

/** The name of a column for a message. A name that may be a secret is left out. */
export function quoteColumn(column: string): string {
  return isPlainWords(column) ? JSON.stringify(column) : `one with a name of ${column.length} characters`;
}

function twoColumns(field: Field, one: string, other: string): Error {
  const both =
    one === other ? `${quoteColumn(one)}, which occurs twice` : `${quoteColumn(one)} and ${quoteColumn(other)}`;
  return usageError(
    `Two columns mean ${field}: ${both}. Say which one counts: --map ${field}=COLUMN, or leave one out: --ignore COLUMN.`,
  );
}

function limitingColumns(columns: readonly string[]): Error {
  const names = columns.map(quoteColumn).join(', ');
  const ignoring = columns.map((column) => `--ignore ${isPlainWords(column) ? JSON.stringify(column) : 'COLUMN'}`);
  const what = columns.length === 1 ? `The column ${names}` : `The columns ${names}`;
  return usageError(
    `${what} may limit what a key can do. Map each, such as --map inactive=COLUMN or --map expiresAt=COLUMN, or leave it out: ${ignoring.join(' ')}.`,
  );
}

/** Folded names of columns that say to which tenant or environment a key belongs. */
const SEPARATES =
  /^(?:workspace|tenant|org|organi[sz]ation)(?:id|uuid|slug|name)?$|^(?:env|environment|mode|livemode)$/;

/** The fields of a row. Several columns can say that a key is inactive: all of them are in `inactive`. */
export interface PickedRow {
  readonly fields: ReadonlyMap<Field, unknown>;
  readonly inactive: readonly unknown[];
}

export interface Columns {
  /**
   * @throws {KeyscopeError} `invalid_options` if two columns mean one field, if an unknown column may limit the key, or if
   * the row names columns, as in a file that was made of two.
   */
  pick(values: readonly ColumnValue[]): PickedRow;
  /** Fields whose `--map` names a column that no row has. */
  missing(): Field[];
}

export interface ColumnOptions {
  readonly preset: string | undefined;
  /** `--map` options. `FIELD=` leaves the field out. */
  readonly map: readonly string[];
  /** `--ignore` options. */
  readonly ignore: readonly string[];
  readonly now: () => number;
}

/**
 * Assigns columns to fields, by their usual names or by a preset's. `--map` takes precedence for its field.
 *
 * A column is an error until it is mapped or ignored if its name is unknown or may limit a key ("user_revoked"), or its
 * value may ("type" with "suspended"): a key must not get more than it had because a name is unusual.
 */
export function createColumns({ preset: name, map, ignore, now }: ColumnOptions): Columns {
  const pairs = readPairs(map);
  const preset = name === undefined ? undefined : presetNamed(name);
  const ignored = new Set(ignore);
  const mapped = new Map([...pairs].map(([field, column]) => [column, field] as const));
  const seen = new Set(['']);
  const separate = new Map<string, unknown>();
  const isOfPreset = (column: string) => preset?.columns.has(fold(column)) === true;

  /** The field of a column, or undefined if it means nothing for a key. */
  function meaningOf(column: string): Field | undefined {
    const field = mapped.get(column) ?? fieldOf(column, preset);
    return field === undefined || !pairs.has(field) || pairs.get(field) === column || field === 'inactive'
      ? field
      : undefined;
  }

  /** True if a column that means no field may limit the key. */
  function limits(column: string, value: unknown): boolean {
    if (fieldOf(column, preset) !== undefined) return false;
    return isOfPreset(column) ? metadataMayLimit(value) : mayLimit(column, value, now());
  }

  /** All keys of an import get one workspace, so tenants and environments must not differ. */
  function checkSeparate(column: string, value: unknown): void {
    const name = fold(column);
    if (isEmpty(value) || !(SEPARATES.test(name) || preset?.separates.includes(name))) return;
    if (!separate.has(column)) separate.set(column, value);
    else if (separate.get(column) !== value) {
      throw usageError(
        `The column ${quoteColumn(column)} has several values, and all keys would become alike in one workspace. Split the file, or leave it out: --ignore COLUMN.`,
      );
    }
  }

  function pick(values: readonly ColumnValue[]): PickedRow {
    const fields = new Map<Field, unknown>();
    const columns = new Map<Field, string>();
    const inactive: unknown[] = [];
    const limiting: string[] = [];
    for (const [column, value] of values) {
      if (ignored.has(column)) continue;
      if (mapped.has(column)) seen.add(column);
      const field = meaningOf(column);
      if (field === undefined) {
        checkSeparate(column, value);
        if (limits(column, value)) limiting.push(column);
        continue;
      }
      if (field === 'inactive') {
        inactive.push(value);
        continue;
      }
      if ((field === 'token' || field === 'sha256') && meaningOf(String(value)) !== undefined) {
        throw usageError(
          `A row names columns, as the first line does: ${quoteColumn(String(value))}. Import each file alone.`,
        );
      }
      const other = columns.get(field);
      if (other !== undefined) throw twoColumns(field, other, column);
      columns.set(field, column);
      fields.set(field, value);
    }
    // Without a token the row is invalid anyway, perhaps because the heading is missing.
    if (limiting.length > 0 && (columns.has('token') || columns.has('sha256'))) throw limitingColumns(limiting);
    return { fields, inactive };
  }

  return { pick, missing: () => [...pairs].filter(([, column]) => !seen.has(column)).map(([field]) => field) };
}
