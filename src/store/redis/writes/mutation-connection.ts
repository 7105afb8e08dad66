import type { RedisClient } from '../client';
import { Connection } from '../connection';
import { unusable } from '../errors';

export type Reply = [error: Error | null, reply: unknown];

/** One client for changes, until it is replaced. */
interface Link {
  readonly client: RedisClient;
  readonly connection: Connection;
  /** Exchanges in flight, each with a function that fails it. */
  readonly inFlight: Set<(error: Error) => void>;
}

function openLink(node: RedisClient): Link {
  const client = node.duplicate({
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
  client.on('error', () => {});
  const link: Link = { client, connection: new Connection(client), inFlight: new Set() };
  link.connection.onLoss(() => failAll(link));
  return link;
}

function failAll({ inFlight }: Link, error = new Error('Connection is closed.')): void {
  for (const fail of [...inFlight]) fail(error);
}

function closeLink(link: Link, error?: Error): void {
  link.connection.close();
  failAll(link, error);
  link.client.disconnect();
}

/**
 * Separate connection to one node, for changes only. It never resends. A change that was sent and not answered is in
 * doubt: if ioredis sent a copy over the next connection, the copy would undo changes made in between. The connection
 * is also separate from the caller's client because WAIT blocks every command behind it.
 */
export class MutationConnection {
  readonly #node: RedisClient;
  readonly #timeout: number;
  #link: Link;

  /** @param timeout - Milliseconds after which a connection without a reply is replaced. */
  constructor(node: RedisClient, timeout: number) {
    this.#node = node;
    this.#timeout = timeout;
    this.#link = openLink(node);
  }

  /**
   * Resolves when commands can be sent, with the run id of the server; null if Redis hides it. Rejects if the server is
   * a replica: it has lost its role, and the next connection leads to another server.
   *
   * @param timeout - Milliseconds.
   */
  async ready(timeout: number): Promise<string | null> {
    const link = this.#link;
    const { client, connection } = link;
    try {
      if (!connection.isReady) await connection.waitUntilReady(timeout);
    } catch (error) {
      // The server has accepted the connection, but does not reply on it.
      if (client.status === 'ready') this.#replace(link);
      throw error;
    }
    const { problem = null, role = null } = connection.server ?? {};
    if (problem === null) return role?.identity ?? null;
    this.#replace(link);
    throw unusable(problem);
  }

  /** Closes the connection, and opens another in the background. */
  reconnect(): void {
    this.#replace(this.#link);
  }

  /**
   * Sends commands together. Rejects if the connection is lost before they are answered.
   *
   * @param limit - Milliseconds until the connection is replaced, if nothing else is in flight on it: then a missing
   * reply does not mean that another change occupies the server. Never more than the connection's own timeout.
   */
  exchange(commands: readonly (readonly [name: string, ...args: string[]])[], limit = this.#timeout): Promise<Reply[]> {
    const link = this.#link;
    const { client, inFlight } = link;
    const timeout = inFlight.size === 0 ? Math.min(limit, this.#timeout) : this.#timeout;
    const pipeline = client.pipeline();
    for (const [name, ...args] of commands) pipeline.call(name, ...args);
    return new Promise((resolve, reject) => {
      const replaceIfUnanswered = () => {
        if (inFlight.has(fail)) this.#replace(link, new Error('The server did not answer in time.'));
      };
      // A dead connection would delay all later changes. After a blocked event loop, the reply is read first.
      const timer = setTimeout(() => setImmediate(replaceIfUnanswered), timeout);
      function settle() {
        clearTimeout(timer);
        inFlight.delete(fail);
      }
      function fail(error: unknown) {
        settle();
        reject(error);
      }
      function succeed(replies: unknown) {
        settle();
        resolve(replies as Reply[]);
      }
      inFlight.add(fail);
      pipeline.exec().then(succeed, fail);
    });
  }

  close(): void {
    closeLink(this.#link);
  }

  #replace(link: Link, error?: Error): void {
    if (link !== this.#link) return;
    this.#link = openLink(this.#node);
    // Connects now, so that the next change does not wait for it.
    this.#link.connection.whenReady(() => {});
    closeLink(link, error);
  }
}
