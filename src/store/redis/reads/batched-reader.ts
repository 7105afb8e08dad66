import { keyPrefixOf, type RedisClient } from '../client';
import type { Connection } from '../connection';
import { unavailable } from '../errors';
import { nodeGroup } from '../hash-slot';
import { NodeQueue, PendingRead, type ReadCommand } from './node-queue';

const CLOSED = 'The connection to the key store has been closed.';

/** The reads asked for in one turn of the event loop. They share a timer, because 10,000 timers cost more than the reads. */
class Batch {
  readonly reads: PendingRead[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #onDone: (batch: Batch) => void;
  #unsettled = 0;

  constructor(timeout: number, onDone: (batch: Batch) => void, onGivenUp: () => void) {
    this.#onDone = onDone;
    const giveUp = () => {
      this.fail(`The key store did not answer within ${timeout} ms.`);
      onGivenUp();
    };
    // Not unref'd: someone awaits an answer, and a process that ends before it would never tell. At most `timeout`.
    this.#timer = setTimeout(giveUp, timeout);
  }

  add<T>(command: ReadCommand<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#unsettled++;
      this.reads.push(new PendingRead<T>(command, resolve, reject, this.#onSettled) as PendingRead);
    });
  }

  /** Fails what has not been answered. */
  fail(message: string): void {
    for (const read of this.reads) read.fail(unavailable(message));
  }

  readonly #onSettled = () => {
    this.#unsettled--;
    if (this.#unsettled > 0) return;
    clearTimeout(this.#timer);
    this.#onDone(this);
  };
}

/**
 * Reads for many callers at once: what is asked for in one turn of the event loop goes out together, in a pipeline for
 * each node, whether or not the caller's client pipelines by itself. Every read is answered within `timeout`
 * milliseconds, whatever the client and the server do.
 */
export class BatchedReader {
  readonly #client: RedisClient;
  readonly #connection: Connection;
  readonly #timeout: number;
  readonly #prefix: string;
  /** By the nodes' addresses; one for all on a single server. */
  readonly #queues = new Map<string, NodeQueue>();
  /** Batches with reads that have not been answered. */
  readonly #batches = new Set<Batch>();
  /** Those among them that wait for the client to get ready. */
  #waitingForReady: Batch[] = [];
  #collecting: Batch | null = null;
  #closed = false;

  constructor(client: RedisClient, connection: Connection, timeout: number) {
    this.#client = client;
    this.#connection = connection;
    this.#timeout = timeout;
    this.#prefix = keyPrefixOf(client);
    connection.onLoss(() => {
      for (const queue of this.#queues.values()) queue.failAll();
    });
  }

  read<T>(command: ReadCommand<T>): Promise<T> {
    if (this.#closed || this.#connection.isEnded) return Promise.reject(unavailable(CLOSED));
    if (!this.#collecting) {
      this.#collecting = new Batch(this.#timeout, this.#onDone, this.#onTimedOut);
      this.#batches.add(this.#collecting);
      // After the input that is waiting has been read, so that requests that arrived together go out together.
      setImmediate(this.#send);
    }
    return this.#collecting.add(command);
  }

  close(): void {
    this.#closed = true;
    for (const batch of this.#batches) batch.fail(CLOSED);
  }

  readonly #onDone = (batch: Batch) => {
    this.#batches.delete(batch);
    if (this.#waitingForReady.includes(batch))
      this.#waitingForReady = this.#waitingForReady.filter((held) => held !== batch);
  };

  readonly #onTimedOut = () => {
    for (const queue of this.#queues.values()) queue.dropSettled();
  };

  readonly #send = () => {
    const batch = this.#collecting;
    this.#collecting = null;
    if (!batch || !this.#batches.has(batch)) return;
    if (this.#connection.isReady) {
      this.#distribute(batch);
      return;
    }
    // Held back, because the nodes of a Cluster are not known before it is ready.
    this.#waitingForReady.push(batch);
    if (this.#waitingForReady.length === 1) this.#connection.whenReady(this.#sendWaiting);
  };

  readonly #sendWaiting = () => {
    const batches = this.#waitingForReady;
    this.#waitingForReady = [];
    for (const batch of batches) this.#distribute(batch);
  };

  #distribute(batch: Batch): void {
    const touched = new Set<NodeQueue>();
    for (const read of batch.reads) {
      const queue = this.#queueOf(read.command.key);
      queue.push(read);
      touched.add(queue);
    }
    for (const queue of touched) queue.flush();
  }

  #queueOf(key: string): NodeQueue {
    const nodes = nodeGroup(this.#client, this.#prefix + key);
    let queue = this.#queues.get(nodes);
    if (!queue) {
      queue = new NodeQueue(this.#client, this.#connection, this.#prefix);
      this.#queues.set(nodes, queue);
    }
    return queue;
  }
}
