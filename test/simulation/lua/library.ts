import { createHash } from 'node:crypto';
import { decodeJson, encodeJson } from './json';
import { toRegExp } from './pattern';
import {
  LuaError,
  type LuaFunction,
  LuaTable,
  type LuaValue,
  setStringLibrary,
  toNumber,
  toText,
  typeOf,
} from './runtime';

/** Runs a command of Redis for a script. Returns a table with `err` for an error reply. */
export type RedisCall = (args: readonly string[]) => LuaValue;

function library(members: Readonly<Record<string, LuaValue>>): LuaTable {
  const table = new LuaTable();
  for (const [name, value] of Object.entries(members)) table.set(name, value);
  return table;
}

function text(value: LuaValue): string {
  if (typeof value !== 'string' && typeof value !== 'number')
    throw new LuaError(`bad argument (string expected, got ${typeOf(value)})`);
  return toText(value);
}

function whole(value: LuaValue, fallback: number): number {
  if (value === undefined) return fallback;
  const found = toNumber(value);
  if (found === undefined) throw new LuaError(`bad argument (number expected, got ${typeOf(value)})`);
  return Math.trunc(found);
}

function sub(value: LuaValue, from: LuaValue, to: LuaValue): LuaValue[] {
  const string = text(value);
  const place = (position: number) => (position < 0 ? Math.max(0, string.length + position + 1) : position);
  return [string.slice(Math.max(1, place(whole(from, 1))) - 1, Math.max(0, place(whole(to, -1))))];
}

function format(template: LuaValue, ...args: LuaValue[]): LuaValue[] {
  let next = 0;
  return [
    text(template).replace(/%(?:%|0?(\d*)(\.\d+)?(.))/g, (directive, width, precision, kind) => {
      if (directive === '%%') return '%';
      const value = args[next++];
      if (kind === 's') return toText(value);
      if (kind === 'd' && (width === '' || directive[1] === '0')) return String(whole(value, 0)).padStart(width, '0');
      if (width !== '') throw new Error(`The Lua model does not know string.format with ${directive}.`);
      if (kind === 'f') return Number(toNumber(value)).toFixed(Number((precision ?? '.6').slice(1)));
      throw new Error(`The Lua model does not know string.format with ${directive}.`);
    }),
  ];
}

function match(value: LuaValue, pattern: LuaValue): LuaValue[] {
  const found = toRegExp(text(pattern)).exec(text(value));
  if (found === null) return [undefined];
  return found.length > 1 ? found.slice(1) : [found[0]];
}

function find(value: LuaValue, pattern: LuaValue, from?: LuaValue, plain?: LuaValue): LuaValue[] {
  const start = whole(from, 1) - 1;
  if (plain === true) {
    const at = text(value).indexOf(text(pattern), start);
    return at < 0 ? [undefined] : [at + 1, at + text(pattern).length];
  }
  const found = toRegExp(text(pattern)).exec(text(value).slice(start));
  if (found === null) return [undefined];
  return [start + found.index + 1, start + found.index + found[0].length, ...found.slice(1)];
}

/** `%1` to `%9` stand for captures, `%0` for the match; without captures, `%1` is the match. */
function expand(replacement: string, matched: string, captures: readonly string[]): string {
  return replacement.replace(/%(.)/g, (directive, sign) => {
    if (sign === '%') return '%';
    if (!/[0-9]/.test(sign)) throw new Error(`The Lua model does not know ${directive} in string.gsub.`);
    return sign === '0' ? matched : ([matched, ...captures][captures.length === 0 ? 0 : Number(sign)] ?? '');
  });
}

function gsub(value: LuaValue, pattern: LuaValue, replacement: LuaValue): LuaValue[] {
  if (typeof replacement !== 'string' && typeof replacement !== 'function')
    throw new Error('The Lua model knows string.gsub with strings and functions only.');
  let count = 0;
  const global = new RegExp(toRegExp(text(pattern)), 'gs');
  const changed = text(value).replace(global, (matched: string, ...rest: unknown[]) => {
    count += 1;
    const captures = rest.slice(0, -2) as string[];
    if (typeof replacement === 'string') return expand(replacement, matched, captures);
    const [result] = replacement(...(captures.length > 0 ? captures : [matched]));
    return result === undefined || result === false ? matched : text(result);
  });
  return [changed, count];
}

function* pairs(table: LuaTable): Generator<LuaValue[]> {
  // Redis' Lua walks the array part in order first; a script may rely on no more.
  for (const entry of [...table.entries]) if (table.entries.has(entry[0])) yield entry;
}

function stepper(generator: Generator<LuaValue[]>): LuaFunction {
  return () => {
    const { value, done } = generator.next();
    return done ? [undefined] : value;
  };
}

function asTable(value: LuaValue): LuaTable {
  if (value instanceof LuaTable) return value;
  throw new LuaError(`bad argument (table expected, got ${typeOf(value)})`);
}

const strings = library({
  sub,
  format,
  match,
  find,
  gsub,
  len: (value) => [text(value).length],
  lower: (value) => [text(value).toLowerCase()],
  upper: (value) => [text(value).toUpperCase()],
  rep: (value, count) => [text(value).repeat(Math.max(0, whole(count, 0)))],
  byte: (value, at) => [text(value).charCodeAt(whole(at, 1) - 1)],
  char: (...codes) => [String.fromCharCode(...codes.map((code) => whole(code, 0)))],
});
setStringLibrary(strings);

const shared = library({
  string: strings,
  table: library({
    concat: (table, separator = '', from = 1, to) => {
      const items = asTable(table);
      const parts: string[] = [];
      for (let i = whole(from, 1); i <= whole(to, items.length); i++) parts.push(text(items.get(i)));
      return [parts.join(text(separator))];
    },
    insert: (table, ...rest) => {
      const items = asTable(table);
      if (rest.length === 1) items.set(items.length + 1, rest[0]);
      else {
        for (let i = items.length; i >= whole(rest[0], 1); i--) items.set(i + 1, items.get(i));
        items.set(whole(rest[0], 1), rest[1]);
      }
      return [];
    },
  }),
  math: library({
    floor: (value) => [Math.floor(Number(toNumber(value)))],
    max: (...values) => [Math.max(...values.map((value) => Number(toNumber(value))))],
    min: (...values) => [Math.min(...values.map((value) => Number(toNumber(value))))],
  }),
  cjson: library({
    encode: (value) => [encodeJson(value)],
    decode: (value) => [decodeJson(text(value))],
  }),
  type: (value) => [typeOf(value)],
  tostring: (value) => [toText(value)],
  tonumber: (value, base) => [
    base === undefined || base === 10 ? toNumber(value) : Number.parseInt(text(value), whole(base, 10)),
  ],
  unpack: (table, from, to) => {
    const items = asTable(table);
    const values: LuaValue[] = [];
    for (let i = whole(from, 1); i <= whole(to, items.length); i++) values.push(items.get(i));
    return values;
  },
  select: (which, ...values) => (which === '#' ? [values.length] : values.slice(whole(which, 1) - 1)),
  next: (table, key) => {
    const keys = [...asTable(table).entries.keys()];
    const following = keys[key === undefined ? 0 : keys.indexOf(key) + 1];
    return following === undefined ? [undefined] : [following, asTable(table).get(following)];
  },
  pairs: (table) => [stepper(pairs(asTable(table)))],
  ipairs: (table) => [
    (_state, last) => {
      const at = whole(last, 0) + 1;
      const value = asTable(table).get(at);
      return value === undefined ? [undefined] : [at, value];
    },
    table,
    0,
  ],
  error: (value) => {
    throw new LuaError(value);
  },
  pcall: (callee, ...args) => {
    try {
      return [true, ...(callee as LuaFunction)(...args)];
    } catch (error) {
      if (error instanceof LuaError) return [false, error.value];
      throw error;
    }
  },
});

/** The environment of a script. */
export function createGlobals(keys: LuaTable, args: LuaTable, call: RedisCall) {
  const run = (values: readonly LuaValue[]) => call(values.map(text));
  const own: Record<string, LuaValue> = { KEYS: keys, ARGV: args };
  own.redis = library({
    call: (...values) => {
      const reply = run(values);
      if (reply instanceof LuaTable && reply.get('err') !== undefined) throw new LuaError(reply);
      return [reply];
    },
    pcall: (...values) => [run(values)],
    error_reply: (message) => [library({ err: message })],
    status_reply: (message) => [library({ ok: message })],
    sha1hex: (value) => [createHash('sha1').update(text(value)).digest('hex')],
    replicate_commands: () => [true],
    log: () => [],
    LOG_WARNING: 3,
  });
  return {
    get(name: string): LuaValue {
      const value = own[name] ?? shared.get(name);
      if (value === undefined) throw new Error(`The Lua model does not know the global ${name}.`);
      return value;
    },
    set(name: string): never {
      throw new LuaError(`Attempt to modify a readonly table, or to create the global ${name}`);
    },
  };
}
