import type { KeyscopeError } from '../../../errors';
import { isCluster, type RedisClient } from '../client';
import type { Connection } from '../connection';
import { isRefusal, refusalCode, unavailable, unusable } from '../errors';
import type { ServerConnection } from '../server-connection';

/** A command that reads one key of Redis. */
export interface ReadCommand<T> {
  readonly name: 'get' | 'hmget' | 'hgetall' | 'hvals' | 'zrange' | 'xrevrange';
  readonly key: string;
  readonly args: readonly string[];
  /** What the reply means. Throws where it means nothing that we know. */
  readonly decode: (reply: unknown) => T;
}

/** One read on its way: whoever waits for it is answered once, by the reply or by the end of their patience. */
export class PendingRead<T = unknown> {
  readonly command: ReadCommand<T>;
  readonly #resolve: (value: T) => void;
  readonly #reject: (error: unknown) => void;
  readonly #onSettled: () => void;
  settled = false;
  /** It has failed once, and is to be sent again by itself. */
  isRetry = false;

  constructor(
    command: ReadCommand<T>,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
    onSettled: () => void,
  ) {
    this.command = command;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#onSettled = onSettled;
  }

  /** A reply that comes after its time is ignored. */
  reply(reply: unknown): void {
    if (this.settled) return;
    this.#settle();
    try {
      this.#resolve(this.command.decode(reply));
    } catch (error) {
      this.#reject(error);
    }
  }

  fail(error: KeyscopeError): void {
    if (this.settled) return;
    this.#settle();
    this.#reject(error);
  }

  #settle(): void {
    this.settled = true;
    this.#onSettled();
  }
}

/** Commands that go out in one write. Measured: larger ones keep client and server waiting for each other. */
const PIPELINE_SIZE = 256;
/**
 * Commands that one node may owe us an answer to. They lie in the client's memory until it gets one, however long ago
 * their callers were told that the store is unavailable; a frozen server must not fill that memory.
 */
const MAX_IN_FLIGHT = 2048;

function refused(error: unknown) {
  return isRefusal(error)
    ? unavailable(`The key store refused to be read (${refusalCode(error)}).`, error)
    : unavailable('The connection to the key store was lost.', error);
}

const RECONNECTED = new Error('The connection was lost before the reply.');

/** The reads that go to one node of Redis: in pipelines, and only so many at once. */
export class NodeQueue {
  readonly #client: RedisClient;
  readonly #connection: Connection;
  readonly #prefix: string;
  #waiting: PendingRead[] = [];
  #head = 0;
  /** Groups of reads that have been sent, and how many reads these are. */
  readonly #sent = new Set<readonly PendingRead[]>();
  #inFlight = 0;
  #waitsForReady = false;

  constructor(client: RedisClient, connection: Connection, prefix: string) {
    this.#client = client;
    this.#connection = connection;
    this.#prefix = prefix;
  }

  push(read: PendingRead): void {
    this.#waiting.push(read);
  }

  /** Forgets the reads that have been given up. */
  dropSettled(): void {
    this.#waiting = this.#waiting.slice(this.#head).filter((read) => !read.settled);
    this.#head = 0;
  }

  /** Sends as much as may be under way; where the client is not ready, as soon as it is. */
  flush(): void {
    while (this.#inFlight < MAX_IN_FLIGHT && this.#head < this.#waiting.length) {
      const server = this.#connection.serverFor(this.#prefix + this.#waiting[this.#head]?.command.key);
      const gate = this.#connection.isReady && server !== null ? server : this.#connection;
      if (!gate.isReady) {
        this.#flushWhenReady(gate);
        return;
      }
      const reads = this.#next();
      if (reads.length === 0) continue;
      if (server?.problem) {
        for (const read of reads) read.fail(unusable(server.problem));
        continue;
      }
      this.#sent.add(reads);
      this.#inFlight += reads.length;
      this.#send(reads, server).then((failed) => this.#finish(reads, failed));
    }
  }

  /** What is under way will never be answered. */
  failAll(): void {
    const error = new Error('Connection is closed.');
    for (const reads of [...this.#sent]) {
      this.#finish(
        reads,
        reads.flatMap((read) => retry(read, error)),
      );
    }
  }

  #finish(reads: readonly PendingRead[], failed: readonly PendingRead[]): void {
    if (!this.#sent.delete(reads)) return;
    this.#inFlight -= reads.length;
    for (const read of failed) this.push(read);
    this.flush();
  }

  #flushWhenReady(gate: Connection | ServerConnection): void {
    if (this.#waitsForReady) return;
    this.#waitsForReady = true;
    gate.whenReady(() => {
      this.#waitsForReady = false;
      this.flush();
    });
  }

  /** The next reads to go out together. One that has failed before goes alone: a node may have moved away under it. */
  #next(): PendingRead[] {
    const reads: PendingRead[] = [];
    while (this.#head < this.#waiting.length && reads.length < PIPELINE_SIZE) {
      const read = this.#waiting[this.#head] as PendingRead;
      if (read.isRetry && reads.length > 0) break;
      this.#head++;
      if (read.settled) continue;
      reads.push(read);
      if (read.isRetry) break;
    }
    if (this.#head === this.#waiting.length) {
      this.#waiting = [];
      this.#head = 0;
    }
    return reads;
  }

  /**
   * Resolves with the reads to be tried once more. Never rejects. A client that reconnects sends again what was not answered,
   * before anything is known of the server that it has reached: such replies are not used.
   */
  async #send(reads: readonly PendingRead[], server: ServerConnection | null): Promise<PendingRead[]> {
    const generation = server?.generation;
    const hasMoved = () => !this.#sent.has(reads) || server?.generation !== generation;
    try {
      const [first] = reads as [PendingRead];
      if (first.isRetry) {
        const { name, key, args } = first.command;
        const reply = await this.#client.call(name, key, ...args);
        if (hasMoved()) return retry(first, RECONNECTED);
        if (server?.problem) first.fail(unusable(server.problem));
        else first.reply(reply);
        return [];
      }
      const replies = await this.#exchange(reads);
      if (hasMoved()) return this.#sent.has(reads) ? reads.flatMap((read) => retry(read, RECONNECTED)) : [];
      if (server?.problem) {
        for (const read of reads) read.fail(unusable(server.problem));
        return [];
      }
      const failed: PendingRead[] = [];
      reads.forEach(function settle(read, i) {
        const [error, reply] = replies[i] ?? [new Error('The pipeline has no reply for this command.')];
        if (error === null) read.reply(reply);
        else failed.push(...retry(read, error));
      });
      return failed;
    } catch (error) {
      return reads.flatMap((read) => retry(read, error));
    }
  }

  async #exchange(reads: readonly PendingRead[]): Promise<[Error | null, unknown][]> {
    const pipeline = this.#client.pipeline();
    const isAmongNodes = isCluster(this.#client);
    // Where one read of a pipeline is to be asked for elsewhere (ASK), ioredis sends all of it there, if all that it holds
    // only reads: also what has not been moved yet, which is then not found. A ping counts as more than reading.
    if (isAmongNodes) pipeline.call('ping');
    for (const { command } of reads) pipeline.call(command.name, command.key, ...command.args);
    const replies = (await pipeline.exec()) ?? [];
    return isAmongNodes ? replies.slice(1) : replies;
  }
}

/**
 * Every failed read is sent once more, by itself: connections are lost and come back, and where the slots of a Cluster
 * are moving, ioredis follows single commands but not always whole pipelines.
 */
function retry(read: PendingRead, error: unknown): PendingRead[] {
  if (read.settled) return [];
  if (read.isRetry) {
    read.fail(refused(error));
    return [];
  }
  read.isRetry = true;
  return [read];
}
