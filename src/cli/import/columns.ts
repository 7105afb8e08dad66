import { didYouMean, listNames } from '../../did-you-mean';
import { usageError } from '../io';
import { isPlainWords, named } from '../terminal-text';
import { type ColumnValue, FIELDS, type Field, fieldOf, fold, PRESETS, type Preset } from './fields';
import { mayLimit, metadataMayLimit } from './limits';
import { isEmpty } from './words';

/** Columns listed in the note on unused columns. */
const MAX_UNUSED = 20;

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
    if (field === 'inactive' && at === pair.length - 1) {
      throw usageError('--map inactive= would import deleted keys. Leave out single columns with --ignore COLUMN.');
    }
    pairs.set(field, pair.slice(at + 1));
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
  const what = columns.length === 1 ? `The column ${names} may limit` : `The columns ${names} may limit`;
  return usageError(
    `${what} what a key can do. Map each, such as --map inactive=COLUMN or --map expiresAt=COLUMN, or leave it out: --ignore COLUMN.`,
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
  /** @throws {KeyscopeError} `invalid_options` if two columns mean one field, or an unknown column may limit the key. */
  pick(values: readonly ColumnValue[]): PickedRow;
  /** Fields whose `--map` names a column that no row has. */
  missing(): Field[];
  /** Columns that mean nothing for a key, for a note. */
  readonly unused: ReadonlySet<string>;
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
 * A column that may limit a key, by its name ("user_revoked") or its values ("gone" with "true"), is an error until it is
 * mapped or ignored: a key must not get more than it had because a name is unusual.
 */
export function createColumns({ preset: name, map, ignore, now }: ColumnOptions): Columns {
  const pairs = readPairs(map);
  const preset = name === undefined ? undefined : presetNamed(name);
  const ignored = new Set(ignore);
  const mapped = new Map([...pairs].map(([field, column]) => [column, field] as const));
  const seen = new Set(['']);
  const unused = new Set<string>();

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
        // JSON lines could have other names in each line.
        else if (!isOfPreset(column) && unused.size < MAX_UNUSED && fieldOf(column, preset) === undefined)
          unused.add(column);
        continue;
      }
      if (field === 'inactive') {
        inactive.push(value);
        continue;
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

  return { pick, unused, missing: () => [...pairs].filter(([, column]) => !seen.has(column)).map(([field]) => field) };
}
