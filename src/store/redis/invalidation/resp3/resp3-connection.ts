import type { Duplex } from 'node:stream';
import { ReplyError, Resp3Parser } from './parser';

interface PendingReply {
  resolve(reply: unknown): void;
  reject(error: Error): void;
}

function encode(parts: readonly string[]): string {
  return `*${parts.length}\r\n${parts.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`).join('')}`;
}

/**
 * Speaks RESP3 on a socket that ioredis has connected and authenticated, because ioredis drops invalidations in RESP3. From
 * then on, ioredis must not send or receive anything on it. When the socket closes, pending commands are rejected.
 */
export class Resp3Connection {
  readonly #socket: Duplex;
  readonly #parser: Resp3Parser;
  #pending: PendingReply[] = [];
  #hasFailed = false;

  /** @param onInvalidate Keys have changed. Null: all of them may have. */
  constructor(socket: Duplex, onInvalidate: (names: readonly unknown[] | null) => void) {
    this.#socket = socket;
    this.#parser = new Resp3Parser({
      onReply: (reply) => this.#settle(reply),
      onPush([kind, names]) {
        if (kind === 'invalidate') onInvalidate(Array.isArray(names) ? names : null);
      },
    });
    socket.removeAllListeners('data');
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('close', () => this.#fail(new Error('The connection was closed.')));
  }

  readonly ask = (command: string, ...args: string[]): Promise<unknown> => {
    if (this.#hasFailed) return Promise.reject(new Error('The connection was closed.'));
    return new Promise((resolve, reject) => {
      this.#pending.push({ resolve, reject });
      this.#socket.write(encode([command, ...args]));
    });
  };

  #read(chunk: Buffer): void {
    if (this.#hasFailed) return;
    try {
      this.#parser.write(chunk);
    } catch (error) {
      this.#fail(error as Error);
      this.#socket.destroy();
    }
  }

  #settle(reply: unknown): void {
    const command = this.#pending.shift();
    if (command === undefined) throw new Error('A reply came without a command.');
    if (reply instanceof ReplyError) command.reject(reply);
    else command.resolve(reply);
  }

  #fail(error: Error): void {
    this.#hasFailed = true;
    for (const { reject } of this.#pending.splice(0)) reject(error);
  }
}
