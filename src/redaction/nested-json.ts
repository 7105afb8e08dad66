import { isIgnorable } from './path-matcher';

/** First characters of JSON that can hold member names. */
const OPENERS = new Set(['{', '[', '"']);
/** A JSON string, and the colon behind it if it is a member name. */
const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/g;

function trimIgnorable(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isIgnorable(text.charCodeAt(from))) from++;
  while (to > from && isIgnorable(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Whether a string is JSON in which one of `names` is a member name, at any depth, also in a JSON string inside it. Strings
 * that only begin like JSON (`[urgent] refund`) are not.
 */
export function isJsonWithName(text: string, names: ReadonlySet<string>): boolean {
  const json = trimIgnorable(text);
  if (!OPENERS.has(json[0]!) || !isJson(json)) return false;
  // Member names are decoded one by one: V8 versions that misread escaped names in objects read single strings correctly.
  for (const [token, colon] of json.matchAll(STRING)) {
    const value = JSON.parse(colon === undefined ? token : token.slice(0, -colon.length)) as string;
    if (colon === undefined ? isJsonWithName(value, names) : names.has(value)) return true;
  }
  return false;
}
