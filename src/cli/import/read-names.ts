/** An array in PostgreSQL's text form: `{a1,"b,2"}`. Null if the text is none, is nested or contains NULL. */
function parsePostgresArray(text: string): string[] | null {
  const names: string[] = [];
  const entry = /\s*(?:"((?:[^"\\]|\\.)*)"|([^\s{}",\\][^{}",\\]*))\s*(,|\}$)/gy;
  entry.lastIndex = 1;
  if (/^\{\s*\}$/.test(text)) return names;
  for (;;) {
    const [, quoted, plain, end] = entry.exec(text) ?? [];
    if (end === undefined) return null;
    const name = quoted?.replace(/\\(.)/gs, '$1') ?? (plain as string).trim();
    if (quoted === undefined && name.toUpperCase() === 'NULL') return null;
    names.push(name);
    if (end !== ',') return names;
  }
}

/** An array of single-quoted strings: `['a1', 'a2']`. Null if the text is none. */
function parseSingleQuoted(text: string): string[] | null {
  if (!/^\[\s*(?:'[^'"\\]*'\s*,\s*)*'[^'"\\]*'\s*\]$/.test(text)) return null;
  return [...text.matchAll(/'([^']*)'/g)].map(([, name]) => name as string);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Names in a cell. Strings can be JSON (`["a1"]`, also encoded twice), PostgreSQL arrays (`{a1,a2}`), single-quoted
 * arrays (`['a1']`), or names separated by commas or semicolons. A value that looks like an array and is none of these is
 * returned as it is, for the validation to reject.
 */
export function readNames(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const text = value.trim();
  if (/^[[{"]/.test(text)) {
    const json = parseJson(text);
    if (typeof json === 'string') return readNames(json);
    return json ?? (text.startsWith('{') ? parsePostgresArray(text) : parseSingleQuoted(text)) ?? value;
  }
  if (/[\]}]$/.test(text)) return value;
  return text
    .split(/[,;]/)
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
/** True for `*` and spellings of "all" other than `all`: an id that an operator hardly means. */
export function isEveryAgent(name: unknown): boolean {
  return typeof name === 'string' && name !== 'all' && /^(?:\*|all)$/i.test(name.trim());
}
