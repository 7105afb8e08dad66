import type { ColumnValue } from './fields';

/** The names of an object's own members, in the order of the text, also if one occurs twice. */
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

/**
 * The members of a JSON object, or null if the text is none. A name that occurs twice is in the result twice:
 * `JSON.parse` would keep the last value, and a join of tables writes both.
 */
export function readMembers(text: string): readonly ColumnValue[] | null {
  let value: unknown;
  try {
    value = JSON.parse(text, unwrap);
  } catch {
    // The error's own message quotes the line.
    return null;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const members = new Map(Object.entries(value));
  return memberNames(text).map((name) => [name, members.get(name)] as const);
}
