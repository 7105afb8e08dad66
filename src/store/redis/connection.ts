import { within } from '../../timeout';
import { addressOf, isCluster, type RedisClient } from './client';
import { listenTo } from './client-events';
import { unavailable } from './errors';
import { slotOf } from './hash-slot';
import { ServerConnection } from './server-connection';
import { type Ask, askServerRole, type ServerRole } from './server-role';

/** Asks for the node id only: a node of a Cluster replies only to reads of slots that it serves as a master. */
async function identifyNode(ask: Ask): Promise<ServerRole> {
  return { identity: String(await ask('cluster', 'MYID')), role: 'master' };
}

/**
 * The caller's client, and whether it can take commands now. No command is sent before it can. If a client is not
 * connected, ioredis keeps commands in its offline queue, for as long as the client's options allow. A change whose
 * caller has timed out must not be made minutes later.
 */
export class Connection {
  readonly #client: RedisClient;
  /** Connection to the only server; null for a Cluster. */
  readonly server: ServerConnection | null;
  /** Connections to the nodes of a Cluster, by the client that makes them. */
  readonly #nodes = new Map<RedisClient, { readonly connection: ServerConnection; readonly stop: () => void }>();
  /** Callbacks that wait for the client of a Cluster. Each is called once, in order, when the client is ready. */
  readonly #waiting = new Set<() => void>();
  readonly #lossCallbacks: (() => void)[] = [];
  /** Functions that remove the listeners of the client. */
  readonly #listeners: readonly (() => void)[];

  /** @param probe - A read such as a request makes, to check that the user is permitted to run it. */
  constructor(client: RedisClient, probe?: readonly [command: string, ...args: string[]]) {
    this.#client = client;
    this.server = isCluster(client) ? null : new ServerConnection(client, { identify: askServerRole, probe });
    this.#listeners = [listenTo(client, 'ready', this.#onReady), listenTo(client, 'close', this.#onClose)];
  }

  get isReady(): boolean {
    return this.server === null ? this.#client.status === 'ready' : this.server.isReady;
  }

  /** Whether the client was closed, or has stopped reconnecting. Waiting for it is pointless. */
  get isEnded(): boolean {
    return this.#client.status === 'end';
  }

  /** Connection for commands on this key; null if it is not known which node of a Cluster serves it. */
  serverFor(key: string): ServerConnection | null {
    if (!isCluster(this.#client)) return this.server;
    const address = this.#client.slots[slotOf(key)]?.[0];
    const node = this.#client.nodes('master').find((each) => addressOf(each) === address);
    // The client replaces a connection that has ended when it needs one.
    return node === undefined || node.status === 'end' ? null : this.nodeConnection(node);
  }

  /** Connection of a Cluster's client to one of the nodes. */
  nodeConnection(node: RedisClient): ServerConnection {
    const found = this.#nodes.get(node);
    if (found !== undefined) return found.connection;
    const connection = new ServerConnection(node, { identify: identifyNode });
    // The client of a Cluster creates another client for each connection.
    const stop = listenTo(node, 'end', () => {
      stop();
      this.#nodes.delete(node);
      connection.abandon();
    });
    this.#nodes.set(node, { connection, stop });
    return connection;
  }

  /** Calls back when the client is ready, or immediately if it is. Returns a function that cancels the callback. */
  whenReady(callback: () => void): () => void {
    if (this.server !== null) return this.server.whenReady(callback);
    if (this.isReady) {
      callback();
      return () => {};
    }
    this.#waiting.add(callback);
    // A client with `lazyConnect` connects with its first command, and no command is sent before it is connected. If it
    // fails to connect, it does not become ready, and emits its own `error` event.
    if (this.#client.status === 'wait') this.#client.connect().catch(() => {});
    return () => this.#waiting.delete(callback);
  }

  /** Resolves when the client is ready. Rejects if the client is closed, and after `timeout` milliseconds. */
  async waitUntilReady(timeout: number): Promise<void> {
    let cancel = () => {};
    const ready = new Promise<void>((resolve, reject) => {
      const onEnd = () => reject(unavailable('The connection to the key store has been closed.'));
      const cancelEnd = listenTo(this.#client, 'end', onEnd);
      const cancelReady = this.whenReady(resolve);
      cancel = () => {
        cancelEnd();
        cancelReady();
      };
    });
    try {
      await within(timeout, ready, () => unavailable(`The key store could not be reached within ${timeout} ms.`));
    } finally {
      cancel();
    }
  }

  /** Calls back each time the commands in flight are lost: they will never be answered. */
  onLoss(callback: () => void): void {
    this.#lossCallbacks.push(callback);
  }

  close(): void {
    for (const stop of this.#listeners) stop();
    this.#waiting.clear();
    this.server?.close();
    for (const { connection, stop } of this.#nodes.values()) {
      stop();
      connection.close();
    }
    this.#nodes.clear();
  }

  readonly #onReady = () => {
    const callbacks = [...this.#waiting];
    this.#waiting.clear();
    for (const callback of callbacks) callback();
  };

  /**
   * Reports losses that ioredis does not report. When a connection breaks, ioredis fails the commands in flight, or
   * resends them over the next connection. With `autoResendUnfulfilledCommands: false`, it drops them without an error.
   */
  readonly #onClose = () => {
    const { autoResendUnfulfilledCommands } = this.#client.options as { autoResendUnfulfilledCommands?: unknown };
    if (this.server !== null && autoResendUnfulfilledCommands === false) {
      for (const callback of this.#lossCallbacks) callback();
    }
  };
}
