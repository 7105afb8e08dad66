import type { StoreEvent } from '../../store';
import type { RedisClient } from '../client';
import { MAX_UNANSWERED } from './invalidation-feed';

/** One command on its way, by the monotonic clock, and how much had been read from the connection before it. */
interface PendingCommand {
  readonly askedAt: number;
  readonly bytesRead: number | undefined;
}

/** How long a connection may say nothing at all while its server answers elsewhere, at least. Milliseconds. */
const MIN_PATIENCE = 1000;

/** What the app is told when its client has been made to connect anew. */
export function connectionReplaced(address: string): StoreEvent {
  const message = `The connection to Redis at ${address} was dead: nothing came from it, though Redis answered elsewhere. ioredis has been made to connect anew.`;
  return { type: 'warning', code: 'connection_replaced', message };
}

/** How much has been read from a client's connection; undefined where it does not let that be seen. */
function bytesReadBy(client: RedisClient): number | undefined {
  const { stream } = client as { stream?: { bytesRead?: unknown } };
  return typeof stream?.bytesRead === 'number' ? stream.bytesRead : undefined;
}

/**
 * The questions that are asked over a connection of the caller's, and what their going unanswered says of it. A network
 * that swallows packets ends no connection: TCP takes a quarter of an hour to notice, in which the server is well, our
 * feed hears it, and whatever goes over the dead connection is never answered.
 */
export class ConnectionWatchdog {
  readonly #patience: number;
  #open: PendingCommand[] = [];
  /** Not ours: what the client says to be let in, on a connection that it has made and cannot use yet. */
  #handshake: PendingCommand | null = null;
  /** When it was first noticed that the connection seems to lead nowhere; null while it does not. */
  #suspectedAt: number | null = null;

  constructor(maxRevocationLag: number) {
    this.#patience = Math.max(MIN_PATIENCE, 2 * maxRevocationLag);
  }

  /** They lie in the caller's client until they have an answer, so there may only be so many. */
  get isFull(): boolean {
    return this.#open.length >= MAX_UNANSWERED;
  }

  /** Counts one more until its answer, whatever it is, has come. */
  async track<T>(client: RedisClient, askedAt: number, send: () => Promise<T>): Promise<T> {
    const command: PendingCommand = { askedAt, bytesRead: bytesReadBy(client) };
    this.#open.push(command);
    try {
      return await send();
    } finally {
      this.#open = this.#open.filter((other) => other !== command);
    }
  }

  /**
   * To be called now and then. A connection may be dead before the client is ready, and then nothing else is asked over it:
   * ioredis waits for such an answer without end.
   */
  observe(client: RedisClient, now: number): void {
    const bytesRead = bytesReadBy(client);
    if (client.status !== 'connect') this.#handshake = null;
    else if (this.#handshake?.bytesRead !== bytesRead) this.#handshake = { askedAt: now, bytesRead };
  }

  /** The connection is another now, and the old questions say nothing of it. */
  reset(): void {
    this.#open = [];
    this.#handshake = null;
    this.#suspectedAt = null;
  }

  /**
   * Whether the connection leads nowhere: nothing has come from it since a command was asked, though the server has
   * answered on another connection what was sent so much later; and that once more, with what was sent a while after it
   * had been noticed. A server that wakes up, or a process that does, is not heard on both connections at the same moment.
   *
   * @param heardAt - when that was sent.
   */
  isDead(client: RedisClient, heardAt: number, now: number): boolean {
    if (!this.isOverdue(client, heardAt)) {
      this.#suspectedAt = null;
      return false;
    }
    this.#suspectedAt ??= now;
    return heardAt - this.#suspectedAt >= this.#patience / 4;
  }

  /** Whether nothing at all has come from the connection for long, though it should have by this time. */
  isOverdue(client: RedisClient, by: number): boolean {
    const oldest = this.#handshake ?? this.#open[0];
    if (oldest === undefined || by - oldest.askedAt < this.#patience) return false;
    return oldest.bytesRead !== undefined && oldest.bytesRead === bytesReadBy(client);
  }
}
