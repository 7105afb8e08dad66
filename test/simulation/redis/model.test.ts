import { Redis } from 'ioredis';
import { type RedisServer as RealServer, startRedis } from '../../support/redis/server';
import { Kernel } from '../kernel/kernel';
import { Random } from '../kernel/random';
import type { Frame, ServerConnection } from './connection';
import { RedisServer } from './server';
import { ErrorReply, type Reply, Status } from './values';

const SEEDS = [1, 2, 3, 4, 5, 6];
const COMMANDS_PER_SEED = 250;
const PREFIXES = ['k:', 'm:'];
const NAMES = ['k:a', 'k:b', 'm:a', 'other'];
const FIELDS = ['f', 'g', 'h'];
const VALUES = ['x', '12', '-3', ''];

/** A reply in a form that is the same for both: errors by code, stream ids left out. */
function plain(name: string, reply: unknown): unknown {
  if (reply instanceof Error) return `error ${reply.message.split(' ')[0]}`;
  if (name === 'xadd') return typeof reply;
  if (name === 'xrevrange') return (reply as [string, string[]][]).map(([, fields]) => fields);
  if (name === 'pttl') return Math.sign(Number(reply));
  if (name === 'hvals' || name === 'hkeys') return [...(reply as string[])].sort();
  if (name === 'hgetall') {
    const list = Array.isArray(reply) ? (reply as string[]) : Object.entries(reply as object).flat();
    return list.flatMap((field, i) => (i % 2 === 0 ? [`${field}=${list[i + 1]}`] : [])).sort();
  }
  return reply;
}

function fromModel(reply: Reply): unknown {
  if (reply instanceof Status) return reply.text;
  if (reply instanceof ErrorReply) return new Error(reply.message);
  return Array.isArray(reply) ? reply.map(fromModel) : reply;
}

/** One client and one connection with tracking, as the package has them. */
interface Side {
  run(name: string, args: readonly string[]): Promise<unknown>;
  /** Names invalidated since the last call, sorted; `*` for all. */
  invalidated(): Promise<string[]>;
  /** Flags of the tracking connection in CLIENT LIST. */
  flags(): Promise<string>;
  close(): void;
}

async function createReal(url: string): Promise<Side> {
  const options = { protocol: 2 as const, replyMapping: 'legacy' as const };
  const [client, feed] = [new Redis(url, options), new Redis(url, { ...options, enableReadyCheck: false })];
  await client.flushall();
  const id = String(await feed.client('ID'));
  await feed.call('watch', 'k:a');
  const prefixes = PREFIXES.flatMap((prefix) => ['PREFIX', prefix]);
  await feed.call('client', 'TRACKING', 'ON', 'REDIRECT', id, 'BCAST', ...prefixes);
  let names: string[] = [];
  feed.on('messageBuffer', (_channel: Buffer, message: unknown) => {
    names.push(...(Array.isArray(message) ? message.map(String) : ['*']));
  });
  await feed.subscribe('__redis__:invalidate');
  return {
    run: (name, args) => client.call(name, ...args).catch((error: unknown) => error),
    async invalidated() {
      await feed.ping();
      const found = names.sort();
      names = [];
      return found;
    },
    async flags() {
      return /flags=(\S*)/.exec(String(await client.call('client', 'LIST', 'ID', id)))?.[1] ?? '';
    },
    close() {
      client.disconnect();
      feed.disconnect();
    },
  };
}

function createModel(): Side {
  const kernel = new Kernel();
  const server = new RedisServer(kernel, new Random(1), 'A');
  let frames: Frame[] = [];
  let names: string[] = [];
  const client = server.connections.open(
    (written) => frames.push(...written),
    () => {},
  );
  const feed: ServerConnection = server.connections.open(
    (written) => {
      for (const frame of written) if (frame.kind === 'message') names.push(...(frame.payload ?? ['*']));
    },
    () => {},
  );
  const send = (connection: ServerConnection, ...command: string[]) => {
    server.receive(connection, [command]);
    kernel.runUntil(kernel.now + 10);
  };
  send(feed, 'watch', 'k:a');
  const prefixes = PREFIXES.flatMap((prefix) => ['PREFIX', prefix]);
  send(feed, 'client', 'TRACKING', 'ON', 'REDIRECT', String(feed.id), 'BCAST', ...prefixes);
  send(feed, 'subscribe', '__redis__:invalidate');
  return {
    async run(name, args) {
      frames = [];
      send(client, name, ...args);
      const [frame] = frames;
      return frame?.kind === 'reply' ? fromModel(frame.value) : undefined;
    },
    async invalidated() {
      const found = names.sort();
      names = [];
      return found;
    },
    async flags() {
      const line = String(await this.run('client', ['LIST', 'ID', String(feed.id)]));
      return /flags=(\S*)/.exec(line)?.[1] ?? '';
    },
    close() {},
  };
}

const REPLACE = `
local lengths = string.gsub(ARGV[1], '%d+', function(number)
  local digits = string.gsub(number, '^0+(%d)', '%1')
  return string.format('%03d', #digits) .. digits
end)
return { lengths, (string.gsub(ARGV[1], '(%a)(%d)', '%2%1%0%%')), (string.gsub(ARGV[1], 'x', '%1')) }`;

/** The members of `XINFO STREAM` that the audit log uses. Ids differ, because they are times. */
const LAST_ENTRY = `
if redis.call('TYPE', KEYS[1]).ok ~= 'stream' then return redis.pcall('XINFO', 'STREAM', KEYS[1]) end
local info, found = redis.call('XINFO', 'STREAM', KEYS[1]), {}
for i = 1, #info, 2 do
  if info[i] == 'length' then found[1] = info[i + 1] end
  if info[i] == 'last-entry' then found[2] = info[i + 1] and info[i + 1][2] end
  if info[i] == 'last-generated-id' then found[3] = #info[i + 1] > 3 end
end
return found`;

function randomCommand(random: Random): [name: string, ...args: string[]] {
  const name = random.pick(NAMES);
  const [field, value] = [random.pick(FIELDS), random.pick(VALUES)];
  const range = () => random.pick(['-', '[f', '(g', '[x', '+']);
  return random.pick<() => [string, ...string[]]>([
    () => ['hset', name, field, value],
    () => ['hset', name, 'f', value, 'g', value],
    () => ['hget', name, field],
    () => ['hmget', name, ...FIELDS],
    () => ['hgetall', name],
    () => ['hvals', name],
    () => ['hkeys', name],
    () => ['hlen', name],
    () => ['hexists', name, field],
    () => ['hdel', name, field, 'g'],
    () => ['hincrby', name, field, '2'],
    () => ['hsetnx', name, field, value],
    () => ['exists', name, 'k:a'],
    () => ['type', name],
    () => ['set', name, value],
    () => ['set', name, value, 'NX'],
    () => ['set', name, value, 'EX', '1000'],
    () => ['get', name],
    () => ['incr', name],
    () => ['incrby', name, value],
    () => ['del', name],
    () => ['unlink', name, 'k:b'],
    () => ['zadd', name, '0', field],
    () => ['zrem', name, field],
    () => ['zcard', name],
    () => ['zrange', name, range(), range(), 'BYLEX', 'LIMIT', '0', '2'],
    () => ['zrange', name, range(), range(), 'BYLEX', 'REV', 'LIMIT', '0', '2'],
    () => ['xadd', name, 'MAXLEN', '~', '100', '*', field, value],
    () => ['xlen', name],
    () => ['xrevrange', name, '+', '-', 'COUNT', '2'],
    () => ['eval', LAST_ENTRY, '1', name],
    () => ['eval', `return { redis.sha1hex(ARGV[1]), #ARGV[1] .. ':' }`, '0', value],
    () => ['pexpire', name, '1000000'],
    () => ['pttl', name],
    () => ['eval', `return redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])`, '1', name, field, value],
    () => ['eval', `local r = redis.call('HGETALL', KEYS[1]) return #r`, '1', name],
    () => [
      'eval',
      `redis.call('DEL', KEYS[1]) redis.call('SET', KEYS[1], ARGV[1]) return { 'ok', false }`,
      '1',
      name,
      value,
    ],
    () => [
      'eval',
      `redis.pcall('SELECT', ARGV[1]) return redis.call('SET', KEYS[1], ARGV[2])`,
      '1',
      name,
      random.pick(['0', '1']),
      value,
    ],
    () => ['eval', REPLACE, '0', `${field}00${value}x7%`],
    () => ['swapdb', '0', '1'],
    () => ['flushdb'],
  ])();
}

let server: RealServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

test.each(SEEDS)(
  'RedisServer of the simulator replies and invalidates as Redis when commands are random, seed %i',
  async (seed) => {
    const random = new Random(seed, 9);
    const [real, model] = [await createReal(server.url), createModel()];
    try {
      for (let i = 0; i < COMMANDS_PER_SEED; i++) {
        const [name, ...args] = randomCommand(random);
        const command = `${i}: ${name} ${args.join(' ')}`;
        const [expected, actual] = [await real.run(name, args), await model.run(name, args)];
        expect({ command, reply: plain(name, actual) }).toEqual({ command, reply: plain(name, expected) });
        expect({ command, names: await model.invalidated() }).toEqual({ command, names: await real.invalidated() });
        const [isDirty, wasDirty] = [(await model.flags()).includes('d'), (await real.flags()).includes('d')];
        expect({ command, isDirty }).toEqual({ command, isDirty: wasDirty });
      }
    } finally {
      real.close();
    }
  },
  60_000,
);
