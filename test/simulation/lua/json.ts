import { formatNumber, LuaError, LuaTable, type LuaValue } from './runtime';

/** `null` in JSON, which is not nil in Lua. */
const JSON_NULL = new LuaTable();

/** `cjson.decode` */
export function decodeJson(text: string): LuaValue {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new LuaError('Expected value but found invalid token');
  }
  return fromJson(value);
}

function fromJson(value: unknown): LuaValue {
  if (value === null) return JSON_NULL;
  if (Array.isArray(value)) return LuaTable.fromArray(value.map(fromJson));
  if (typeof value !== 'object') return value as LuaValue;
  const table = new LuaTable();
  for (const [key, member] of Object.entries(value)) table.set(key, fromJson(member));
  return table;
}

/** `cjson.encode`, which escapes the slash and gives an object for an empty table. */
export function encodeJson(value: LuaValue): string {
  if (value === JSON_NULL) return 'null';
  if (value instanceof LuaTable) {
    if (value.length > 0) return `[${value.toArray().map(encodeJson).join(',')}]`;
    const members = [...value.entries].map(([key, member]) => `${JSON.stringify(String(key))}:${encodeJson(member)}`);
    return `{${members.join(',')}}`;
  }
  if (typeof value === 'string') return JSON.stringify(value).replaceAll('/', '\\/').replaceAll('\x7f', '\\u007f');
  if (typeof value === 'number') return formatNumber(value);
  if (typeof value === 'boolean') return String(value);
  throw new LuaError('Cannot serialise the type');
}
