import { connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { Resp3Parser } from '../../../src/store/redis/invalidation/resp3/parser';

/** The reply to a command instead of the server's: an error, or a string. Undefined if the server replies. */
export type Restriction = (command: readonly string[]) => { error: string } | { text: string } | undefined;

function encode(parts: readonly string[]): string {
  return `*${parts.length}\r\n${parts.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`).join('')}`;
}

const isCommand = ([name = '', sub = '']: readonly string[], ...expected: string[]) =>
  expected[0] === name.toLowerCase() && (expected[1] === undefined || expected[1] === sub.toLowerCase());

/** Redis Cloud and Redis Software: tracking on one RESP3 connection only, and no CONFIG. */
export const redisCloud: Restriction = (command) => {
  if (isCommand(command, 'config')) return { error: "ERR unknown command 'CONFIG'" };
  if (!isCommand(command, 'client', 'tracking')) return undefined;
  const hasRedirect = command.some((argument) => argument.toLowerCase() === 'redirect');
  return hasRedirect ? { error: 'ERR the REDIRECT option is not supported' } : undefined;
};

/** Memorystore and ElastiCache: no CONFIG, no DEBUG, and some sections of INFO are empty. */
export const restrictedInfo: Restriction = (command) => {
  if (isCommand(command, 'config') || isCommand(command, 'debug')) {
    return { error: `ERR unknown command '${command[0]}'` };
  }
  if (isCommand(command, 'info', 'persistence') || isCommand(command, 'info', 'memory')) return { text: '' };
  return undefined;
};

export interface RestrictedRedis {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * A server that behaves like a managed one. A restricted command is replaced by a script that returns its reply, so that
 * the replies stay in order.
 */
export async function startRestrictedRedis(
  target: number,
  restriction: Restriction,
  tls?: TlsOptions,
): Promise<RestrictedRedis> {
  const sockets = new Set<Socket>();

  function accept(client: Socket): void {
    const server = connect(target, '127.0.0.1');
    const parser = new Resp3Parser({
      onReply(message) {
        const command = message as string[];
        const reply = restriction(command);
        if (reply === undefined) server.write(encode(command));
        else if ('error' in reply)
          server.write(encode(['eval', 'return redis.error_reply(ARGV[1])', '0', reply.error]));
        else server.write(encode(['eval', 'return ARGV[1]', '0', reply.text]));
      },
      onPush() {},
    });
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
    client.on('data', (data) => parser.write(data));
    server.on('data', (data) => client.write(data));
  }

  const listener: Server = tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => listener.close(() => resolve()));
    },
  };
}
