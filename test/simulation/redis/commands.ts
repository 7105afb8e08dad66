import {
  type Database,
  type Entry,
  ErrorReply,
  OK,
  type Reply,
  Status,
  type StreamEntry,
  sortedMembers,
  type Value,
} from './values';

/** Data and clock for a command. */
export interface DataContext {
  readonly database: Database;
  /** The server's wall clock. */
  readonly now: number;
  /** A key has changed. */
  readonly touch: (name: string) => void;
}

export interface DataCommand {
  readonly writes: boolean;
  /** The least number of arguments. */
  readonly arity: number;
  readonly run: (context: DataContext, args: readonly string[]) => Reply;
}

class WrongType extends Error {}

const WRONGTYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value';

function find(context: DataContext, name: string): Entry | undefined {
  const entry = context.database.get(name);
  if (entry?.expiresAt != null && entry.expiresAt <= context.now) {
    context.database.delete(name);
    return undefined;
  }
  return entry;
}

function read<T extends Value['type']>(
  context: DataContext,
  name: string,
  type: T,
): Extract<Value, { type: T }> | undefined {
  const entry = find(context, name);
  if (entry !== undefined && entry.value.type !== type) throw new WrongType();
  return entry?.value as Extract<Value, { type: T }> | undefined;
}

const hash = (context: DataContext, name: string) => read(context, name, 'hash')?.fields;

function ensure<T extends Value>(context: DataContext, name: string, create: () => T): T {
  const found = read(context, name, create().type) as T | undefined;
  if (found !== undefined) return found;
  const value = create();
  context.database.set(name, { value, expiresAt: null });
  return value;
}

const ensureHash = (context: DataContext, name: string) =>
  ensure(context, name, () => ({ type: 'hash' as const, fields: new Map<string, string>() })).fields;

function removeIfEmpty(context: DataContext, name: string, size: number): void {
  if (size === 0) context.database.delete(name);
}

const WHOLE = /^-?\d{1,18}$/;
const NOT_AN_INTEGER = new ErrorReply('ERR value is not an integer or out of range');
const SYNTAX = new ErrorReply('ERR syntax error');

function setString(context: DataContext, [name, text, ...options]: readonly string[]): Reply {
  let expiresAt: number | null = null;
  let condition: 'NX' | 'XX' | null = null;
  for (let i = 0; i < options.length; i++) {
    const option = options[i]!.toUpperCase();
    if (option === 'NX' || option === 'XX') condition = option;
    else if (option === 'PX') expiresAt = context.now + Number(options[++i]);
    else if (option === 'EX') expiresAt = context.now + 1000 * Number(options[++i]);
    else return SYNTAX;
  }
  const exists = find(context, name!) !== undefined;
  if ((condition === 'NX' && exists) || (condition === 'XX' && !exists)) return null;
  context.database.set(name!, { value: { type: 'string', text: text! }, expiresAt });
  context.touch(name!);
  return OK;
}

function increment(context: DataContext, name: string, by: string): Reply {
  if (!WHOLE.test(by)) return NOT_AN_INTEGER;
  const value = read(context, name, 'string');
  if (value !== undefined && !WHOLE.test(value.text)) return NOT_AN_INTEGER;
  const sum = Number(value?.text ?? 0) + Number(by);
  if (value === undefined)
    context.database.set(name, { value: { type: 'string', text: String(sum) }, expiresAt: null });
  else value.text = String(sum);
  context.touch(name);
  return sum;
}

function lexicalRange(members: readonly string[], from: string, to: string, reversed: boolean): string[] {
  const [low, high] = reversed ? [to, from] : [from, to];
  const isAfter = (member: string) =>
    low === '-' || (low !== '+' && (low[0] === '(' ? member > low.slice(1) : member >= low.slice(1)));
  const isBefore = (member: string) =>
    high === '+' || (high !== '-' && (high[0] === '(' ? member < high.slice(1) : member <= high.slice(1)));
  const found = members.filter((member) => isAfter(member) && isBefore(member));
  return reversed ? found.reverse() : found;
}

function zrange(context: DataContext, [name, from, to, ...options]: readonly string[]): Reply {
  const upper = options.map((option) => option.toUpperCase());
  if (!upper.includes('BYLEX')) throw new Error('The Redis model knows ZRANGE with BYLEX only.');
  const members = sortedMembers(read(context, name!, 'zset')?.scores ?? new Map());
  const found = lexicalRange(members, from!, to!, upper.includes('REV'));
  const limit = upper.indexOf('LIMIT');
  if (limit < 0) return found;
  const [offset, count] = [Number(options[limit + 1]), Number(options[limit + 2])];
  return count < 0 ? found.slice(offset) : found.slice(offset, offset + count);
}

function compareIds(a: string, b: string): number {
  const [left, right] = [a.split('-').map(Number), b.split('-').map(Number)];
  return left[0]! - right[0]! || (left[1] ?? 0) - (right[1] ?? 0);
}

function nextStreamId(lastId: string, now: number): string {
  const [time = 0, sequence = 0] = lastId.split('-').map(Number);
  return now > time ? `${now}-0` : `${time}-${sequence + 1}`;
}

function xadd(context: DataContext, [name, ...rest]: readonly string[]): Reply {
  let i = 0;
  if (rest[i]?.toUpperCase() === 'MAXLEN') i += rest[i + 1] === '~' || rest[i + 1] === '=' ? 3 : 2;
  const stream = ensure(context, name!, () => ({
    type: 'stream' as const,
    entries: [] as StreamEntry[],
    lastId: '0-0',
  }));
  const id = rest[i] === '*' ? nextStreamId(stream.lastId, context.now) : rest[i]!;
  stream.entries.push({ id, fields: rest.slice(i + 1) });
  stream.lastId = id;
  context.touch(name!);
  return id;
}

function xrevrange(context: DataContext, [name, from, to, , count]: readonly string[]): Reply {
  const entries = read(context, name!, 'stream')?.entries ?? [];
  const isWithin = (id: string) => {
    const below = from === '+' || (from![0] === '(' ? compareIds(id, from!.slice(1)) < 0 : compareIds(id, from!) <= 0);
    return below && (to === '-' || compareIds(id, to!) >= 0);
  };
  const found = entries.filter(({ id }) => isWithin(id)).reverse();
  return found.slice(0, count === undefined ? undefined : Number(count)).map(({ id, fields }) => [id, fields]);
}

function xinfo(context: DataContext, [kind, name]: readonly string[]): Reply {
  if (kind?.toUpperCase() !== 'STREAM') throw new Error('The Redis model knows XINFO STREAM only.');
  const stream = read(context, name!, 'stream');
  if (stream === undefined) return new ErrorReply('ERR no such key');
  const shown = (entry: StreamEntry | undefined): Reply => (entry === undefined ? null : [entry.id, entry.fields]);
  const { entries, lastId } = stream;
  return [
    ...['length', entries.length, 'last-generated-id', lastId],
    ...['first-entry', shown(entries[0]), 'last-entry', shown(entries.at(-1))],
  ];
}

function del(context: DataContext, names: readonly string[]): Reply {
  let removed = 0;
  for (const name of names) {
    if (find(context, name) === undefined) continue;
    context.database.delete(name);
    context.touch(name);
    removed += 1;
  }
  return removed;
}

function expire(context: DataContext, name: string, at: number): Reply {
  const entry = find(context, name);
  if (entry === undefined) return 0;
  entry.expiresAt = at;
  context.touch(name);
  return 1;
}

const reads = (arity: number, run: DataCommand['run']): DataCommand => ({ writes: false, arity, run });
const writes = (arity: number, run: DataCommand['run']): DataCommand => ({ writes: true, arity, run });

/** The commands on data that the package uses, by name in lower case. */
export const DATA_COMMANDS: Readonly<Record<string, DataCommand>> = {
  get: reads(1, (c, [name]) => read(c, name!, 'string')?.text ?? null),
  exists: reads(1, (c, names) => names.filter((name) => find(c, name) !== undefined).length),
  type: reads(1, (c, [name]) => new Status(find(c, name!)?.value.type ?? 'none')),
  pttl: reads(1, (c, [name]) => {
    const entry = find(c, name!);
    return entry === undefined ? -2 : entry.expiresAt === null ? -1 : entry.expiresAt - c.now;
  }),
  hget: reads(2, (c, [name, field]) => hash(c, name!)?.get(field!) ?? null),
  hmget: reads(2, (c, [name, ...fields]) => {
    const found = hash(c, name!);
    return fields.map((field) => found?.get(field) ?? null);
  }),
  hgetall: reads(1, (c, [name]) => [...(hash(c, name!) ?? [])].flat()),
  hvals: reads(1, (c, [name]) => [...(hash(c, name!)?.values() ?? [])]),
  hkeys: reads(1, (c, [name]) => [...(hash(c, name!)?.keys() ?? [])]),
  hlen: reads(1, (c, [name]) => hash(c, name!)?.size ?? 0),
  hexists: reads(2, (c, [name, field]) => (hash(c, name!)?.has(field!) ? 1 : 0)),
  zcard: reads(1, (c, [name]) => read(c, name!, 'zset')?.scores.size ?? 0),
  zrange: reads(3, zrange),
  xlen: reads(1, (c, [name]) => read(c, name!, 'stream')?.entries.length ?? 0),
  xrevrange: reads(3, xrevrange),
  xinfo: reads(2, xinfo),

  set: writes(2, setString),
  incr: writes(1, (c, [name]) => increment(c, name!, '1')),
  incrby: writes(2, (c, [name, by]) => increment(c, name!, by!)),
  del: writes(1, del),
  unlink: writes(1, del),
  pexpire: writes(2, (c, [name, ms]) => expire(c, name!, c.now + Number(ms))),
  expire: writes(2, (c, [name, seconds]) => expire(c, name!, c.now + 1000 * Number(seconds))),
  hset: writes(3, (c, [name, ...pairs]) => {
    if (pairs.length % 2 === 1) return new ErrorReply("ERR wrong number of arguments for 'hset' command");
    const fields = ensureHash(c, name!);
    const before = fields.size;
    for (let i = 0; i < pairs.length; i += 2) fields.set(pairs[i]!, pairs[i + 1]!);
    c.touch(name!);
    return fields.size - before;
  }),
  hsetnx: writes(3, (c, [name, field, value]) => {
    const fields = ensureHash(c, name!);
    if (fields.has(field!)) return 0;
    fields.set(field!, value!);
    c.touch(name!);
    return 1;
  }),
  hdel: writes(2, (c, [name, ...names]) => {
    const fields = hash(c, name!);
    const removed = names.filter((field) => fields?.delete(field)).length;
    if (fields === undefined || removed === 0) return 0;
    removeIfEmpty(c, name!, fields.size);
    c.touch(name!);
    return removed;
  }),
  hincrby: writes(3, (c, [name, field, by]) => {
    const fields = ensureHash(c, name!);
    const before = fields.get(field!) ?? '0';
    if (!WHOLE.test(before)) return new ErrorReply('ERR hash value is not an integer');
    const sum = Number(before) + Number(by);
    fields.set(field!, String(sum));
    c.touch(name!);
    return sum;
  }),
  zadd: writes(3, (c, [name, ...pairs]) => {
    const { scores } = ensure(c, name!, () => ({ type: 'zset' as const, scores: new Map<string, number>() }));
    const before = scores.size;
    let changed = false;
    for (let i = 0; i < pairs.length; i += 2) {
      const score = Number(pairs[i]);
      if (scores.get(pairs[i + 1]!) !== score) changed = true;
      scores.set(pairs[i + 1]!, score);
    }
    if (changed) c.touch(name!);
    return scores.size - before;
  }),
  zrem: writes(2, (c, [name, ...members]) => {
    const scores = read(c, name!, 'zset')?.scores;
    const removed = members.filter((member) => scores?.delete(member)).length;
    if (scores === undefined || removed === 0) return 0;
    removeIfEmpty(c, name!, scores.size);
    c.touch(name!);
    return removed;
  }),
  xadd: writes(4, xadd),
};

/** Runs a command on data; undefined if there is no such command. */
export function runDataCommand(context: DataContext, name: string, args: readonly string[]): Reply | undefined {
  const command = DATA_COMMANDS[name];
  if (command === undefined) return undefined;
  if (args.length < command.arity) return new ErrorReply(`ERR wrong number of arguments for '${name}' command`);
  try {
    return command.run(context, args);
  } catch (error) {
    if (error instanceof WrongType) return new ErrorReply(WRONGTYPE);
    throw error;
  }
}
