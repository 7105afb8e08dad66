import { createHash } from 'node:crypto';
import { compileScript } from '../lua/compile';
import { LuaError, LuaTable, type LuaValue } from '../lua/runtime';
import { ErrorReply, type Reply, Status } from './values';

/** Runs one command of a script. */
export type CallCommand = (name: string, args: readonly string[]) => Reply;

function toLua(reply: Reply): LuaValue {
  if (reply === null) return false;
  if (reply instanceof Status) return tableWith('ok', reply.text);
  if (reply instanceof ErrorReply) return tableWith('err', reply.message);
  if (typeof reply === 'object') return LuaTable.fromArray(reply.map(toLua));
  return reply;
}

function tableWith(key: string, value: string): LuaTable {
  const table = new LuaTable();
  table.set(key, value);
  return table;
}

function fromLua(value: LuaValue): Reply {
  if (value === undefined || value === false || typeof value === 'function') return null;
  if (value === true) return 1;
  if (typeof value === 'number') return Math.trunc(value);
  if (typeof value === 'string') return value;
  const [error, ok] = [value.get('err'), value.get('ok')];
  if (typeof error === 'string') return new ErrorReply(/^[A-Z]+ /.test(error) ? error : `ERR ${error}`);
  if (typeof ok === 'string') return new Status(ok);
  return value.toArray().map(fromLua);
}

const digests = new Map<string, string>();

export function digestOf(script: string): string {
  let digest = digests.get(script);
  if (digest === undefined) {
    digest = createHash('sha1').update(script).digest('hex');
    digests.set(script, digest);
  }
  return digest;
}

/** `EVAL`: its script, the number of keys, keys and arguments. */
export function runScript(script: string, args: readonly string[], callCommand: CallCommand): Reply {
  const count = Number(args[0]);
  for (const text of args) {
    // A string has as many bytes as characters, as Lua counts them.
    if (/[^\0-\x7f]/.test(text)) throw new Error('The Redis model knows ASCII only.');
  }
  const keys = LuaTable.fromArray(args.slice(1, 1 + count));
  const rest = LuaTable.fromArray(args.slice(1 + count));
  try {
    const call = ([name, ...more]: readonly string[]) => toLua(callCommand(String(name).toLowerCase(), more));
    return fromLua(compileScript(script)(keys, rest, { call }) as LuaValue);
  } catch (error) {
    if (!(error instanceof LuaError)) throw error;
    const { value } = error;
    if (value instanceof LuaTable) return new ErrorReply(String(value.get('err')));
    return new ErrorReply(`ERR ${String(value)} script: ${digestOf(script)}, on @user_script:1.`);
  }
}
