import type { Command, ServerConnection } from './connection';
import type { RedisServer } from './server';
import { ErrorReply, OK, type Reply, Status } from './values';

type Run = (server: RedisServer, connection: ServerConnection, args: Command) => Reply | undefined;

const CONTEXT = new ErrorReply(
  "ERR Can't execute the command: only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
);
const NOPERM = (name: string) => new ErrorReply(`NOPERM User default has no permissions to run the '${name}' command`);

function info(server: RedisServer, sections: readonly string[]): string {
  const wanted = sections.map((section) => section.toLowerCase());
  const all = wanted.length === 0 || wanted.some((section) => /^(?:all|default|everything)$/.test(section));
  let text = '';
  for (const name of SECTION_NAMES) {
    if (all || wanted.includes(name.toLowerCase())) text += `# ${name}\r\n${SECTIONS[name]!(server)}\r\n`;
  }
  return `${text}\r\n`;
}

/** The sections of INFO, with the lines that the package reads. */
const SECTIONS: Readonly<Record<string, (server: RedisServer) => string>> = {
  Server: (server) =>
    `redis_version:7.0.15\r\nredis_mode:standalone\r\nrun_id:${server.runId}\r\nuptime_in_seconds:${Math.floor(server.uptime / 1000)}\r\n`,
  Clients: (server) => `connected_clients:${server.connections.size}\r\n`,
  Memory: () => 'used_memory:1000000\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n',
  Persistence: () => 'loading:0\r\naof_enabled:1\r\n',
  Replication(server) {
    const role =
      server.role === 'master'
        ? 'role:master'
        : `role:slave\r\nmaster_link_status:${server.isLinkUp ? 'up' : 'down'}\r\nslave_read_only:1`;
    return `${role}\r\nconnected_slaves:${server.replicas.length}\r\nmaster_replid:${server.replicationId}\r\n`;
  },
};
const SECTION_NAMES = Object.keys(SECTIONS);

function tracking(server: RedisServer, connection: ServerConnection, args: Command): Reply {
  if (server.policy.tracking === 'refused') return NOPERM('client|tracking');
  if (args[0]?.toUpperCase() === 'OFF') {
    connection.tracking = null;
    return OK;
  }
  let redirect = 0;
  const prefixes: string[] = [];
  let isBroadcast = false;
  for (let i = 1; i < args.length; i++) {
    const option = args[i]!.toUpperCase();
    if (option === 'REDIRECT') redirect = Number(args[++i]);
    else if (option === 'PREFIX') prefixes.push(args[++i]!);
    else if (option === 'BCAST') isBroadcast = true;
    else if (option === 'NOLOOP') throw new Error('The Redis model does not know NOLOOP.');
    else return new ErrorReply('ERR syntax error');
  }
  if (!isBroadcast) throw new Error('The Redis model knows tracking with BCAST only.');
  if (redirect !== 0 && server.policy.tracking === 'no-redirect')
    return new ErrorReply('ERR REDIRECT is not supported');
  if (redirect !== 0 && server.connections.byId(redirect) === undefined)
    return new ErrorReply('ERR The client ID you want redirect to does not exist');
  const overlap = prefixes.find((a, i) => prefixes.some((b, j) => i !== j && b.startsWith(a)));
  if (overlap !== undefined)
    return new ErrorReply(
      `ERR Prefix '${overlap}' overlaps with another provided prefix. Prefixes for a single client must not overlap.`,
    );
  connection.tracking = { prefixes: prefixes.length > 0 ? prefixes : [''], redirect };
  return OK;
}

function trackingInfo(connection: ServerConnection): Reply {
  const { tracking: state } = connection;
  if (state === null) return ['flags', ['off'], 'redirect', -1, 'prefixes', []];
  return ['flags', ['on', 'bcast'], 'redirect', state.redirect, 'prefixes', [...state.prefixes].sort()];
}

/** A line of CLIENT LIST, with the fields that the package reads. */
function clientLine(connection: ServerConnection): string {
  const flags = [
    connection.isSubscriber ? 'P' : '',
    connection.tracking === null ? '' : 't',
    connection.tracking === null ? '' : 'B',
    connection.isDirty ? 'd' : '',
  ].join('');
  return `id=${connection.id} name=${connection.name} flags=${flags || 'N'} db=${connection.database} resp=${connection.protocol}`;
}

function clientList(server: RedisServer, [filter = '', ...ids]: Command): Reply {
  if (filter.toUpperCase() !== 'ID') throw new Error('The Redis model knows CLIENT LIST with ID only.');
  const found = ids.map((id) => server.connections.byId(Number(id))).filter((each) => each !== undefined);
  return found.map((each) => `${clientLine(each)}\n`).join('');
}

const client: Run = (server, connection, [subcommand = '', ...rest]) => {
  switch (subcommand.toUpperCase()) {
    case 'ID':
      return connection.id;
    case 'SETNAME':
      connection.name = rest[0] ?? '';
      return OK;
    case 'SETINFO':
      // Redis 7.0 does not know it yet; clients ignore that.
      return new ErrorReply(`ERR unknown subcommand 'SETINFO'. Try CLIENT HELP.`);
    case 'GETNAME':
      return connection.name === '' ? null : connection.name;
    case 'TRACKING':
      return tracking(server, connection, rest);
    case 'INFO':
      return `${clientLine(connection)}\n`;
    case 'LIST':
      return clientList(server, rest);
    case 'TRACKINGINFO':
      return trackingInfo(connection);
    default:
      throw new Error(`The Redis model does not know CLIENT ${subcommand}.`);
  }
};

function hello(server: RedisServer, connection: ServerConnection, [version]: Command): Reply {
  if (version !== undefined) {
    if (version !== '2' && version !== '3') return new ErrorReply('NOPROTO unsupported protocol version');
    connection.protocol = version === '3' ? 3 : 2;
  }
  const facts: Reply[] = ['server', 'redis', 'version', '7.0.15', 'proto', connection.protocol, 'id', connection.id];
  return [...facts, 'mode', 'standalone', 'role', server.role === 'master' ? 'master' : 'replica', 'modules', []];
}

const SERVER_COMMANDS: Readonly<Record<string, Run>> = {
  ping: (_server, connection, [text]) => {
    if (connection.isSubscriber) return ['pong', text ?? ''];
    return text ?? new Status('PONG');
  },
  hello,
  client,
  select: (_server, connection, [index]) => {
    connection.database = Number(index);
    return OK;
  },
  info: (server, _connection, sections) => (server.policy.info === 'refused' ? NOPERM('info') : info(server, sections)),
  role: (server) =>
    server.role === 'master' ? ['master', server.offset, []] : ['slave', '127.0.0.1', 6379, 'connected', server.offset],
  time: (server) => server.time(),
  config: () => ['save', ''],
  subscribe: (_server, connection, channels) => {
    for (const channel of channels) {
      connection.channels.add(channel);
      connection.out.push({ kind: 'subscribed', channel, count: connection.channels.size });
    }
    return undefined;
  },
  watch: (_server, connection, names) => {
    for (const name of names) connection.watched.add(`${connection.database} ${name}`);
    return OK;
  },
  script: (server, _connection, [subcommand = '', source = '']) => {
    if (subcommand.toUpperCase() !== 'LOAD') throw new Error('The Redis model knows SCRIPT LOAD only.');
    return server.loadScript(source);
  },
  wait: (server, connection, [count, timeout]) => server.wait(connection, Number(count), Number(timeout)),
  flushall: (server) => server.flush(null),
  flushdb: (server, connection) => server.flush(connection.database),
  swapdb: (server, _connection, [a, b]) => server.swap(Number(a), Number(b)),
};

const IN_SUBSCRIBER_MODE = /^(?:ping|subscribe|unsubscribe|quit|reset)$/;

/** Runs a command that is not about data; undefined if there is no reply yet, or it has been written already. */
export function runServerCommand(
  server: RedisServer,
  connection: ServerConnection,
  name: string,
  args: Command,
): Reply | undefined | 'unknown' {
  if (connection.isSubscriber && !IN_SUBSCRIBER_MODE.test(name)) return CONTEXT;
  const run = SERVER_COMMANDS[name];
  return run === undefined ? 'unknown' : run(server, connection, args);
}
