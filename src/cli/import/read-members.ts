import type { ColumnValue } from './fields';

/** The names of an object's own members, twice if one occurs twice. */
function memberNames(text: string): string[] {
  const names: string[] = [];
  // Strings, and the characters that change the depth or follow a name.
  const piece = /"(?:[^"\\]|\\.)*"|[{}[\]:]/gs;
  let depth = 0;
  let last = '';
  for (const [found] of text.matchAll(piece)) {
    if (found === '{' || found === '[') depth += 1;
    else if (found === '}' || found === ']') depth -= 1;
    else if (found === ':' && depth === 1) names.push(JSON.parse(last) as string);
    last = found;
  }
  return names;
}

/** Values that MongoDB's Extended JSON wraps, by their wrapper: `{ "$oid": "…" }`, `{ "$date": { "$numberLong": "0" } }`. */
const WRAPPERS: Readonly<Record<string, (value: unknown) => unknown>> = {
  $oid: (value) => value,
  $date: (value) => value,
  $uuid: (value) => value,
  $numberInt: Number,
  $numberLong: Number,
  $numberDouble: Number,
  $numberDecimal: Number,
};

function unwrap(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const [entry, ...others] = Object.entries(value);
  if (entry === undefined || others.length > 0 || !Object.hasOwn(WRAPPERS, entry[0])) return value;
  return WRAPPERS[entry[0]]?.(entry[1]);
}

const NO_OBJECT = { problem: 'Expected a JSON object, all of it in this line. `jq -c .` writes that.' };

/** The members of a JSON object, or the problem of the text. */
export function readMembers(text: string): { readonly values: readonly ColumnValue[] } | { readonly problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(text, unwrap);
  } catch {
    // The error's own message quotes the line.
    return NO_OBJECT;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return NO_OBJECT;
  const values = Object.entries(value);
  // A join of tables writes both, and `JSON.parse` keeps the last one.
  if (memberNames(text).length > values.length)
    return { problem: 'A member occurs twice. Name the members differently.' };
  return { values };
}
