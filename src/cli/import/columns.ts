import { didYouMean, listNames } from '../../did-you-mean';
import { usageError } from '../io';
import { isPlainWords, named } from '../terminal-text';
import { type ColumnValue, FIELDS, type Field, fieldOf, mayLimit, PRESETS, type Preset } from './fields';

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
}

/**
 * Assigns columns to fields, by their usual names or by a preset's. `--map` takes precedence for its field.
 *
 * A column that may limit a key, such as "valid_till" or "user_revoked", is an error until it is mapped or ignored: a
 * key must not get more than it had because a name is unusual.
 */
export function createColumns({ preset: name, map, ignore }: ColumnOptions): Columns {
  const pairs = readPairs(map);
  const preset = name === undefined ? undefined : presetNamed(name);
  const ignored = new Set(ignore);
  const mapped = new Map([...pairs].map(([field, column]) => [column, field] as const));
  const seen = new Set(['']);
  const unused = new Set<string>();

  /** The field of a column, or undefined if it means nothing for a key. */
  function meaningOf(column: string): Field | undefined {
    const field = mapped.get(column) ?? fieldOf(column, preset);
    if (field !== undefined && (!pairs.has(field) || pairs.get(field) === column || field === 'inactive')) return field;
    if (field === undefined && mayLimit(column)) {
      throw usageError(
        `The column ${quoteColumn(column)} may limit what a key can do. Map it, such as --map inactive=COLUMN or --map expiresAt=COLUMN, or leave it out: --ignore COLUMN.`,
      );
    }
    // JSON lines could have other names in each line.
    if (field === undefined && preset === undefined && unused.size < MAX_UNUSED) unused.add(column);
    return undefined;
  }

  function pick(values: readonly ColumnValue[]): PickedRow {
    const fields = new Map<Field, unknown>();
    const columns = new Map<Field, string>();
    const inactive: unknown[] = [];
    for (const [column, value] of values) {
      if (ignored.has(column)) continue;
      if (mapped.has(column)) seen.add(column);
      const field = meaningOf(column);
      if (field === undefined) continue;
      if (field === 'inactive') {
        inactive.push(value);
        continue;
      }
      const other = columns.get(field);
      if (other !== undefined) throw twoColumns(field, other, column);
      columns.set(field, column);
      fields.set(field, value);
    }
    return { fields, inactive };
  }

  return { pick, unused, missing: () => [...pairs].filter(([, column]) => !seen.has(column)).map(([field]) => field) };
}
