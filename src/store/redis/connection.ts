import { within } from '../../timeout';
import { addressOf, isCluster, type RedisClient } from './client';
import { unavailable } from './errors';
import { slotOf } from './hash-slot';
import { ServerConnection } from './server-connection';
import { type Ask, askServerRole, type ServerRole } from './server-role';

/** Only the id: a node of a Cluster answers reads only of slots that it serves as a master. */
async function identifyNode(ask: Ask): Promise<ServerRole> {
  return { identity: String(await ask('cluster', 'MYID')), role: 'master' };
}

/**
 * The caller's client, and whether it can take commands now. Nothing is sent before it can: what is sent to a client that is not
 * connected waits in its offline queue for as long as the client sees fit, and a change that its caller has given up on
 * must not be made minutes later.
 */
export class Connection {
  readonly #client: RedisClient;
  /** The connection to the only server; null for a Cluster. */
  readonly server: ServerConnection | null;
  /** Those to the nodes of a Cluster, by the client that makes them. */
  readonly #nodes = new Map<RedisClient, ServerConnection>();
  /** Called once each, in order, when the client of a Cluster is ready. */
  readonly #waiting = new Set<() => void>();
  readonly #lossCallbacks: (() => void)[] = [];

  /** @param probe - a read such as a request makes: the user must be permitted to run it. */
  constructor(client: RedisClient, probe?: readonly [command: string, ...args: string[]]) {
    this.#client = client;
    this.server = isCluster(client) ? null : new ServerConnection(client, { identify: askServerRole, probe });
    client.on('ready', this.#onReady);
    client.on('close', this.#onClose);
  }

  get isReady(): boolean {
    return this.server === null ? this.#client.status === 'ready' : this.server.isReady;
  }

  /** The client has been closed, or has given up: waiting for it is pointless. */
  get isEnded(): boolean {
    return this.#client.status === 'end';
  }

  /** The connection over which commands on this key go; null if it is not known which node of a Cluster serves it. */
  serverFor(key: string): ServerConnection | null {
    if (!isCluster(this.#client)) return this.server;
    const address = this.#client.slots[slotOf(key)]?.[0];
    const node = this.#client.nodes('master').find((each) => addressOf(each) === address);
    // One that has ended is replaced by the client when it is needed.
    return node === undefined || node.status === 'end' ? null : this.nodeConnection(node);
  }

  /** The connection of a Cluster's client to one of the nodes. */
  nodeConnection(node: RedisClient): ServerConnection {
    let found = this.#nodes.get(node);
    if (found === undefined) {
      const connection = new ServerConnection(node, { identify: identifyNode });
      this.#nodes.set(node, connection);
      // A Cluster's client makes another client for each connection.
      node.on('end', () => {
        this.#nodes.delete(node);
        connection.abandon();
      });
      found = connection;
    }
    return found;
  }

  /** Calls back when the client is ready, at once if it is; returns a function that cancels this. */
  whenReady(callback: () => void): () => void {
    if (this.server !== null) return this.server.whenReady(callback);
    if (this.isReady) {
      callback();
      return () => {};
    }
    this.#waiting.add(callback);
    // A client with `lazyConnect` connects with its first command, and none is sent before it has. A failure shows as a
    // client that does not get ready, and in its own `error` event.
    if (this.#client.status === 'wait') this.#client.connect().catch(() => {});
    return () => this.#waiting.delete(callback);
  }

  /** Resolves when the client is ready. Rejects if it is closed, and after `timeout` milliseconds. */
  async waitUntilReady(timeout: number): Promise<void> {
    let cancel = () => {};
    let onEnd = () => {};
    const ready = new Promise<void>((resolve, reject) => {
      onEnd = () => reject(unavailable('The connection to the key store has been closed.'));
      this.#client.on('end', onEnd);
      cancel = this.whenReady(resolve);
    });
    try {
      await within(timeout, ready, () => unavailable(`The key store could not be reached within ${timeout} ms.`));
    } finally {
      cancel();
      this.#client.off('end', onEnd);
    }
  }

  /** Calls back whenever all that has been sent and not answered will never be answered. */
  onLoss(callback: () => void): void {
    this.#lossCallbacks.push(callback);
  }

  close(): void {
    this.#client.off('ready', this.#onReady);
    this.#client.off('close', this.#onClose);
    this.#waiting.clear();
    this.server?.close();
    for (const node of this.#nodes.values()) node.close();
    this.#nodes.clear();
  }

  readonly #onReady = () => {
    const callbacks = [...this.#waiting];
    this.#waiting.clear();
    for (const callback of callbacks) callback();
  };

  /**
   * A broken connection fails what was sent over it, or ioredis sends it again over the next. With one exception: told
   * not to send again, it forgets such commands without a word.
   */
  readonly #onClose = () => {
    const { autoResendUnfulfilledCommands } = this.#client.options as { autoResendUnfulfilledCommands?: unknown };
    if (this.server !== null && autoResendUnfulfilledCommands === false) {
      for (const callback of this.#lossCallbacks) callback();
    }
  };
}
