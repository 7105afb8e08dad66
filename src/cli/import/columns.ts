import { didYouMean, listNames } from '../../did-you-mean';
import { usageError } from '../io';
import { named } from '../terminal-text';

/** What a row can say of a key. */
export const FIELDS = [
  'token',
  'sha256',
  'name',
  'agents',
  'permissions',
  'expiresAt',
  'disabled',
  'enabled',
  'createdBy',
] as const;
export type Field = (typeof FIELDS)[number];

/** What columns are called where nobody says, as they are compared: without case, spaces, dashes and underscores. */
const USUAL: ReadonlyMap<string, Field> = new Map([
  ...FIELDS.map((field) => [field.toLowerCase(), field] as const),
  ['hash', 'sha256'],
  ['tokenhash', 'sha256'],
  ['keyhash', 'sha256'],
  ['scopes', 'permissions'],
  ['expires', 'expiresAt'],
  ['isdisabled', 'disabled'],
  ['isenabled', 'enabled'],
  ['owner', 'createdBy'],
]);

/** What the columns of an export are. Nothing else is taken from it. */
export const PRESETS: Readonly<Record<string, ReadonlyMap<string, Field>>> = {
  unkey: new Map<string, Field>([
    ['hash', 'sha256'],
    ['name', 'name'],
    ['expires', 'expiresAt'],
    ['enabled', 'enabled'],
  ]),
  'better-auth': new Map<string, Field>([
    ['key', 'sha256'],
    ['name', 'name'],
    ['expiresat', 'expiresAt'],
    ['enabled', 'enabled'],
    ['permissions', 'permissions'],
  ]),
};

/** As many are told of. */
const MAX_UNUSED = 20;

const folded = (column: string) => column.toLowerCase().replace(/[\s_-]/g, '');

function readPairs(given: readonly string[]): Map<Field, string> {
  const pairs = new Map<Field, string>();
  for (const pair of given) {
    const at = pair.indexOf('=');
    const field = (at === -1 ? pair : pair.slice(0, at)) as Field;
    if (at === -1) throw usageError('--map needs FIELD=COLUMN, such as --map name=label.');
    if (!FIELDS.includes(field)) {
      const hint = didYouMean(field, FIELDS);
      throw usageError(`--map: there is no ${named('field', field)}. ${hint}There are: ${listNames(FIELDS)}.`);
    }
    if (pairs.has(field)) throw usageError(`--map: give ${field} once.`);
    pairs.set(field, pair.slice(at + 1));
  }
  return pairs;
}

/** Takes from a row what it says of a key. */
export type Pick = (values: ReadonlyMap<string, unknown>) => Map<Field, unknown>;

export interface Columns {
  readonly pick: Pick;
  /** Fields for which `--map` names a column that no row has had. */
  missing(): Field[];
}

/**
 * Columns are known by their usual names, or by a preset's. `--map` says otherwise for a field, and that it is to be left
 * out where it names no column.
 *
 * `onUnused` hears of each column, once, that says nothing of a key: an expiry under an unusual name must not get lost
 * without a word. Of exports with a preset it is known what else they hold.
 */
export function createColumns(
  preset: string | undefined,
  given: readonly string[],
  onUnused: (column: string) => void,
): Columns {
  const pairs = readPairs(given);
  if (preset !== undefined && !Object.hasOwn(PRESETS, preset)) {
    const names = Object.keys(PRESETS);
    throw usageError(
      `--from: there is no ${named('source', preset)}. ${didYouMean(preset, names)}There are: ${listNames(names)}.`,
    );
  }
  const known = preset === undefined ? USUAL : (PRESETS[preset] as ReadonlyMap<string, Field>);

  const mapped = new Set(pairs.values());
  const seen = new Set(['']);
  const unused = new Set<string>();
  function notice(column: string): void {
    // JSON lines could have another name in each.
    if (preset !== undefined || mapped.has(column) || unused.has(column) || unused.size === MAX_UNUSED) return;
    unused.add(column);
    onUnused(column);
  }

  function pick(values: ReadonlyMap<string, unknown>): Map<Field, unknown> {
    const picked = new Map<Field, unknown>();
    for (const [column, value] of values) {
      const field = known.get(folded(column));
      if (field !== undefined && !pairs.has(field)) picked.set(field, value);
      else if (field === undefined) notice(column);
    }
    for (const [field, column] of pairs) {
      if (values.has(column)) seen.add(column);
      if (column !== '') picked.set(field, values.get(column));
    }
    return picked;
  }

  return { pick, missing: () => [...pairs].filter(([, column]) => !seen.has(column)).map(([field]) => field) };
}
