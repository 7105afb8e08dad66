import type { KeyscopeError } from '../../../errors';
import { timeoutError } from '../../../timeout';
import { keyPrefixOf, type RedisClient } from '../client';
import type { Connection } from '../connection';
import { unavailable } from '../errors';
import { nodeGroup } from '../hash-slot';
import { NodeQueue, PendingRead, type ReadCommand } from './node-queue';

const CLOSED = 'The connection to the key store has been closed.';
const TOO_MANY = 'Too many keys are being looked up at once. Try again.';
/** Upper bound on unanswered lookups. Hostile tokens can reach it, but not fill the memory. */
export const MAX_LOOKUPS = 50_000;

interface BatchOptions {
  /** Milliseconds. */
  readonly timeout: number;
  readonly onSettled: (read: PendingRead) => void;
  /** Called when all reads are settled. */
  readonly onDone: (batch: Batch) => void;
  readonly onTimedOut: () => void;
}

/** The reads of one turn of the event loop. They share a timer, because 10,000 timers cost more than the reads. */
class Batch {
  readonly reads: PendingRead[] = [];
  readonly #options: BatchOptions;
  readonly #timer: NodeJS.Timeout;
  #unsettled = 0;

  constructor(options: BatchOptions) {
    this.#options = options;
    const timeOut = () => {
      this.fail(timeoutError(options.timeout));
      options.onTimedOut();
    };
    // Not unref'd: a caller waits for the outcome, so the process must not exit before it. That takes at most
    // `timeout`.
    this.#timer = setTimeout(timeOut, options.timeout);
  }

  add<T>(command: ReadCommand<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#unsettled++;
      this.reads.push(new PendingRead<T>(command, resolve, reject, this.#onSettled) as PendingRead);
    });
  }

  /** Fails the reads that are not settled. */
  fail(error: KeyscopeError): void {
    for (const read of this.reads) read.fail(error);
  }

  readonly #onSettled = (read: PendingRead) => {
    this.#options.onSettled(read);
    this.#unsettled--;
    if (this.#unsettled > 0) return;
    clearTimeout(this.#timer);
    this.#options.onDone(this);
  };
}

/**
 * Queue of all reads. The reads of one turn of the event loop are sent together, in a pipeline for each node, even if
 * the caller's client does not pipeline. Each read settles within `timeout` milliseconds, independent of client and
 * server. Lookups of keys and imported tokens have their own bounds and queues. Any caller can cause lookups, and a
 * flood of unknown ids must not delay reads for valid keys.
 */
export class BatchedReader {
  readonly #client: RedisClient;
  readonly #connection: Connection;
  readonly #batchOptions: BatchOptions;
  readonly #prefix: string;
  /** By the addresses of the nodes (one on a single server), and by whether the queue is for lookups. */
  readonly #queues = new Map<string, NodeQueue>();
  #lookups = 0;
  /** Batches with unsettled reads. */
  readonly #batches = new Set<Batch>();
  /** Batches that wait until the client is ready. */
  #waitingForReady: Batch[] = [];
  #collecting: Batch | null = null;
  #closed = false;

  constructor(client: RedisClient, connection: Connection, timeout: number) {
    this.#client = client;
    this.#connection = connection;
    this.#batchOptions = {
      timeout,
      onSettled: this.#onSettled,
      onDone: this.#onDone,
      onTimedOut: this.#onTimedOut,
    };
    this.#prefix = keyPrefixOf(client);
    connection.onLoss(() => {
      for (const queue of this.#queues.values()) queue.failAll();
    });
  }

  read<T>(command: ReadCommand<T>): Promise<T> {
    if (this.#closed || this.#connection.isEnded) return Promise.reject(unavailable(CLOSED));
    if (command.isLookup && this.#lookups >= MAX_LOOKUPS) return Promise.reject(unavailable(TOO_MANY));
    if (!this.#collecting) {
      this.#collecting = new Batch(this.#batchOptions);
      this.#batches.add(this.#collecting);
      // Runs after the pending input has been read: requests that arrived together are sent together.
      setImmediate(this.#send);
    }
    if (command.isLookup) this.#lookups++;
    return this.#collecting.add(command);
  }

  close(): void {
    this.#closed = true;
    for (const batch of this.#batches) batch.fail(unavailable(CLOSED));
  }

  readonly #onSettled = ({ command }: PendingRead) => {
    if (command.isLookup) this.#lookups--;
  };

  readonly #onDone = (batch: Batch) => {
    this.#batches.delete(batch);
    // In a blocked process, the timer can run before the batch is sent. A read that begins then needs a batch of its own.
    if (this.#collecting === batch) this.#collecting = null;
    if (this.#waitingForReady.includes(batch))
      this.#waitingForReady = this.#waitingForReady.filter((waiting) => waiting !== batch);
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
    // The nodes of a Cluster are not known before it is ready.
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
      const queue = this.#queueOf(read.command);
      queue.push(read);
      touched.add(queue);
    }
    for (const queue of touched) queue.flush();
  }

  #queueOf({ key, isLookup = false }: ReadCommand<unknown>): NodeQueue {
    const name = `${isLookup} ${nodeGroup(this.#client, this.#prefix + key)}`;
    let queue = this.#queues.get(name);
    if (!queue) {
      queue = new NodeQueue(this.#client, this.#connection, this.#prefix);
      this.#queues.set(name, queue);
    }
    return queue;
  }
}
