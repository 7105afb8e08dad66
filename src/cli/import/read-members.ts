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

/**
 * The members of a JSON object, or null if the text is none. A name that occurs twice is in the result twice:
 * `JSON.parse` would keep the last value, and a join of tables writes both.
 */
export function readMembers(text: string): readonly ColumnValue[] | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The error's own message quotes the line.
    return null;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const members = new Map(Object.entries(value));
  return memberNames(text).map((name) => [name, members.get(name)] as const);
}
