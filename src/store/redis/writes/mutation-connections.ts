import { addressOf, isCluster, keyPrefixOf, type RedisClient } from '../client';
import { listenTo } from '../client-events';
import type { Connection } from '../connection';
import { unavailable } from '../errors';
import { slotOf } from '../hash-slot';
import { MutationConnection } from './mutation-connection';

export const NOTHING_CHANGED = 'Nothing was changed.';

/**
 * Target of a redirected command in a Cluster: an address, once (`asking`) or from now on. Empty: read the slots again.
 */
export interface Redirection {
  readonly address: string;
  readonly asking: boolean;
}

export interface MutationConnectionsOptions {
  /** The caller's client. It provides the addresses of the nodes; changes use separate connections. */
  readonly client: RedisClient;
  readonly connection: Connection;
  /** Milliseconds that a change may take. */
  readonly timeout: number;
  /** Milliseconds after which a connection without a reply is replaced. */
  readonly replyTimeout: number;
}

function nodeAt(client: RedisClient, address: string): RedisClient {
  if (!isCluster(client)) return client;
  const node = client.nodes('master').find((each) => addressOf(each) === address);
  if (node === undefined) throw unavailable(`The key store cannot be reached. ${NOTHING_CHANGED}`);
  return node;
}

/** Connections for changes: one on a single server, one to each master of a Cluster. */
export class MutationConnections {
  readonly #options: MutationConnectionsOptions;
  /** By the addresses of the nodes; one for all on a single server. */
  readonly #connections = new Map<string, MutationConnection>();
  readonly #stopListening: () => void;
  #isClosed = false;

  constructor(options: MutationConnectionsOptions) {
    this.#options = options;
    this.#stopListening = listenTo(options.client, 'end', this.#closeAll);
  }

  /** Whether no change can be made: this, or the caller's client, has been closed. */
  get isClosed(): boolean {
    return this.#isClosed || this.#options.connection.isEnded;
  }

  /** Connects to all masters. Never rejects. */
  async open(timeout: number): Promise<void> {
    if (this.isClosed) return;
    const { client } = this.#options;
    const addresses = isCluster(client) ? client.nodes('master').map(addressOf) : [''];
    await Promise.allSettled(addresses.map((address) => this.#at(address).ready(timeout)));
  }

  /** Connection to the node for a key's changes: the server that the caller's client reads from. */
  async connect(key: string, redirection: Redirection | null): Promise<MutationConnection> {
    const { client, connection: callers, timeout } = this.#options;
    // The nodes of a Cluster are known when it is ready.
    if (isCluster(client) && !callers.isReady) await callers.waitUntilReady(timeout);
    if (this.isClosed) throw unavailable(`The connection to the key store has been closed. ${NOTHING_CHANGED}`);
    const name = keyPrefixOf(client) + key;
    const address = isCluster(client) ? redirection?.address || (client.slots[slotOf(name)]?.[0] ?? '') : '';
    const connection = this.#at(address);
    const identity = await connection.ready(timeout).catch((error: unknown) => {
      throw unavailable(`The key store could not be reached. ${NOTHING_CHANGED}`, error);
    });
    const expected = callers.server?.role?.identity ?? null;
    if (identity !== null && expected !== null && identity !== expected) {
      // A change acknowledged by that server would not be seen here. The next connection leads to the server in charge.
      connection.reconnect();
      throw unavailable(`The key store has been replaced by another server. ${NOTHING_CHANGED} Try again.`);
    }
    return connection;
  }

  close(): void {
    this.#isClosed = true;
    this.#stopListening();
    this.#closeAll();
  }

  readonly #closeAll = () => {
    for (const connection of this.#connections.values()) connection.close();
    this.#connections.clear();
  };

  #at(address: string): MutationConnection {
    let connection = this.#connections.get(address);
    if (connection === undefined) {
      this.#closeFormerMasters();
      const { client, replyTimeout } = this.#options;
      connection = new MutationConnection(nodeAt(client, address), replyTimeout);
      this.#connections.set(address, connection);
    }
    return connection;
  }

  #closeFormerMasters(): void {
    const { client } = this.#options;
    if (!isCluster(client)) return;
    const present = new Set(client.nodes('master').map(addressOf));
    for (const [address, connection] of this.#connections) {
      if (present.has(address)) continue;
      connection.close();
      this.#connections.delete(address);
    }
  }
}
