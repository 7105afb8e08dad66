import type { StoreEvent } from '../../store';
import type { RedisClient } from '../client';
import { MAX_UNANSWERED } from './invalidation-feed';

/** A command without a reply. */
interface PendingCommand {
  /** By the monotonic clock. */
  readonly sentAt: number;
}

/** Shortest silence after which a connection can count as dead while its server answers on another one. Milliseconds. */
const MIN_SILENCE = 1000;

/** The event for a client that was made to reconnect. */
export function connectionReplaced(address: string): StoreEvent {
  const message = `The connection to Redis at ${address} was dead: it received nothing, while Redis answered on another connection. ioredis was made to reconnect.`;
  return { type: 'warning', code: 'connection_replaced', message };
}

interface ClientStream {
  readonly bytesRead?: unknown;
  destroy?(): void;
}

/** The socket of a client's connection, if the client shows it. */
function streamOf(client: RedisClient): ClientStream | undefined {
  return (client as { stream?: ClientStream | null }).stream ?? undefined;
}

/** Bytes read from a client's connection; undefined if the client does not show them. */
function bytesReadBy(client: RedisClient): number | undefined {
  const bytesRead = streamOf(client)?.bytesRead;
  return typeof bytesRead === 'number' ? bytesRead : undefined;
}

/** Closes a dead connection. ioredis itself would wait two seconds (`disconnectTimeout`) for the server to close it. */
export function closeDead(client: RedisClient, { reconnects }: { reconnects: boolean }): void {
  const stream = streamOf(client);
  client.disconnect(reconnects);
  stream?.destroy?.();
}

/** How soon a client is made to reconnect, and how much later at most after many attempts. Milliseconds. */
const FIRST_RECONNECT_INTERVAL = 500;
const LAST_RECONNECT_INTERVAL = 30_000;

/** Makes a client reconnect, if it does so by itself; less and less often. */
export class ClientReconnector {
  readonly #client: RedisClient;
  #reconnectedAt = Number.NEGATIVE_INFINITY;
  #interval = FIRST_RECONNECT_INTERVAL;

  constructor(client: RedisClient) {
    this.#client = client;
  }

  /** A reconnect has helped. */
  reset(): void {
    this.#interval = FIRST_RECONNECT_INTERVAL;
  }

  /** Returns whether the client has been told to reconnect. */
  reconnect(now: number, { isDead = false } = {}): boolean {
    const { retryStrategy } = this.#client.options as { retryStrategy?: unknown };
    if (typeof retryStrategy !== 'function' || now - this.#reconnectedAt < this.#interval) return false;
    this.#reconnectedAt = now;
    this.#interval = Math.min(LAST_RECONNECT_INTERVAL, 2 * this.#interval);
    if (isDead) closeDead(this.#client, { reconnects: true });
    else this.#client.disconnect(true);
    return true;
  }
}

/**
 * Detects that a connection of the caller's client is dead, from commands without a reply. A network that drops packets
 * closes no connection. TCP needs a quarter of an hour to notice. Until then the feed works, and commands on the dead
 * connection get no reply.
 */
export class ConnectionWatchdog {
  readonly #maxSilence: number;
  #pending: PendingCommand[] = [];
  /** The client's own commands on a connection that is made and not ready yet. */
  #handshake: PendingCommand | null = null;
  /** Bytes read from the connection at the last poll. */
  #bytesRead: number | undefined;
  /** The poll since which no more bytes were read. */
  #silentSince = Number.NEGATIVE_INFINITY;
  /** When the connection was first suspected to be dead; null while it is not. */
  #suspectedAt: number | null = null;

  constructor(maxRevocationLag: number) {
    this.#maxSilence = Math.max(MIN_SILENCE, 2 * maxRevocationLag);
  }

  /** Commands without a reply are in the memory of the caller's client, so their number is bounded. */
  get isFull(): boolean {
    return this.#pending.length >= MAX_UNANSWERED;
  }

  /** Sends a command, and counts it as pending until the reply or the error. */
  async track<T>(sentAt: number, send: () => Promise<T>): Promise<T> {
    const command: PendingCommand = { sentAt };
    this.#pending.push(command);
    try {
      return await send();
    } finally {
      this.#pending = this.#pending.filter((other) => other !== command);
    }
  }

  /**
   * Call this with every poll. A connection can be dead before the client is ready. No command is sent over it then, and
   * ioredis waits for its own handshake without a timeout.
   */
  observe(client: RedisClient, now: number): void {
    const bytesRead = bytesReadBy(client);
    if (bytesRead !== this.#bytesRead) this.#silentSince = now;
    this.#bytesRead = bytesRead;
    if (client.status !== 'connect') this.#handshake = null;
    else this.#handshake ??= { sentAt: now };
  }

  /** Starts again for another connection. */
  reset(): void {
    this.#pending = [];
    this.#handshake = null;
    this.#bytesRead = undefined;
    this.#suspectedAt = null;
  }

  /**
   * Whether the connection is dead: it received nothing since a command was sent, while the server answered a much later
   * command on another connection. This has to be seen twice, a while apart: after a pause of the server or the process,
   * the replies do not arrive on both connections at the same moment.
   *
   * @param answeredAt Time at which the command was sent that the server answered last on the other connection.
   */
  isDead(client: RedisClient, answeredAt: number, now: number): boolean {
    if (!this.isOverdue(client, answeredAt)) {
      this.#suspectedAt = null;
      return false;
    }
    this.#suspectedAt ??= now;
    return answeredAt - this.#suspectedAt >= this.#maxSilence / 4;
  }

  /**
   * Whether a reply has been due for long at this time, and the connection has received nothing for as long. Replies to
   * earlier commands may have arrived after the oldest pending command was sent, so its own time does not tell.
   */
  isOverdue(client: RedisClient, by: number): boolean {
    const oldest = this.#handshake ?? this.#pending[0];
    const bytesRead = bytesReadBy(client);
    if (oldest === undefined || bytesRead === undefined || bytesRead !== this.#bytesRead) return false;
    return by - Math.max(oldest.sentAt, this.#silentSince) >= this.#maxSilence;
  }
}
