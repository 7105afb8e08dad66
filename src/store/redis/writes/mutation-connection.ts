import { within } from '../../../timeout';
import type { RedisClient } from '../client';
import { Connection } from '../connection';
import { unusable } from '../errors';

export type Reply = [error: Error | null, reply: unknown];

/**
 * Separate connection to one node, for changes only. It never resends. A change that was sent and not answered is in
 * doubt: if ioredis sent a copy over the next connection, the copy would undo changes made in between. The connection
 * is also separate from the caller's client because WAIT blocks every command behind it.
 */
export class MutationConnection {
  readonly #client: RedisClient;
  readonly #connection: Connection;
  readonly #timeout: number;
  /** Commands in flight, each with a function that fails it. */
  readonly #inFlight = new Set<() => void>();

  /** @param timeout - Milliseconds after which a connection without a reply is replaced. */
  constructor(node: RedisClient, timeout: number) {
    this.#timeout = timeout;
    this.#client = node.duplicate({
      lazyConnect: true,
      connectionName: 'keyscope-changes',
      replyMapping: 'legacy',
      disconnectTimeout: 100,
      retryStrategy: (attempt: number) => Math.min(1000, 10 * 2 ** attempt),
      reconnectOnError: null,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: null,
      enableOfflineQueue: false,
      enableAutoPipelining: false,
      commandTimeout: undefined,
      socketTimeout: undefined,
      readOnly: false,
      monitor: false,
      scripts: undefined,
      keyPrefix: '',
    });
    // After an error, the connection does not become ready. Without a listener, ioredis prints the error.
    this.#client.on('error', () => {});
    this.#connection = new Connection(this.#client);
    this.#connection.onLoss(() => {
      for (const fail of [...this.#inFlight]) fail();
    });
  }

  /**
   * Resolves when commands can be sent, with the run id of the server; null if Redis hides it. Rejects if the server is
   * a replica: it has lost its role, and the next connection leads to another server.
   *
   * @param timeout - Milliseconds.
   */
  async ready(timeout: number): Promise<string | null> {
    try {
      if (!this.#connection.isReady) await this.#connection.waitUntilReady(timeout);
    } catch (error) {
      // The server has accepted the connection, but does not reply on it.
      if (this.#client.status === 'ready') this.reconnect();
      throw error;
    }
    const { problem = null, role = null } = this.#connection.server ?? {};
    if (problem === null) return role?.identity ?? null;
    this.reconnect();
    throw unusable(problem);
  }

  /** Closes the connection and opens another. */
  reconnect(): void {
    this.#client.disconnect(true);
  }

  /** Sends commands together. Rejects if the connection is lost before they are answered. */
  exchange(commands: readonly (readonly [name: string, ...args: string[]])[]): Promise<Reply[]> {
    const pipeline = this.#client.pipeline();
    for (const [name, ...args] of commands) pipeline.call(name, ...args);
    let lose = () => {};
    const replies = new Promise<Reply[]>((resolve, reject) => {
      lose = () => reject(new Error('Connection is closed.'));
      this.#inFlight.add(lose);
      pipeline.exec().then((all) => resolve(all as Reply[]), reject);
    });
    // A dead connection would delay all later changes.
    const replace = (): Error => {
      this.reconnect();
      return new Error('The server did not answer in time.');
    };
    return within(this.#timeout, replies, replace).finally(() => this.#inFlight.delete(lose));
  }

  close(): void {
    this.#connection.close();
    for (const fail of [...this.#inFlight]) fail();
    this.#client.disconnect();
  }
}
