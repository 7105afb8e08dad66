import type { KeyscopeError } from '../../../errors';
import { isCluster, prefixProblem, type RedisClient, replicaProblem } from '../client';
import type { Connection } from '../connection';
import { isRefusal, refusalCode, unavailable, unusable } from '../errors';
import type { ServerConnection } from '../server-connection';
import { parseDatabase } from '../server-role';

/** A command that reads one key of Redis. */
export interface ReadCommand<T> {
  readonly name: 'get' | 'hmget' | 'hgetall' | 'hvals' | 'zcard' | 'zrange' | 'xrange' | 'xrevrange';
  readonly key: string;
  readonly args: readonly string[];
  /** Whether the read is for a token that is not authenticated yet. Default false. */
  readonly isLookup?: boolean;
  /** Throws if the reply has an unknown format. */
  readonly decode: (reply: unknown) => T;
}

/** One read. Settles once, by the reply or by its timeout. */
export class PendingRead<T = unknown> {
  readonly command: ReadCommand<T>;
  readonly #resolve: (value: T) => void;
  readonly #reject: (error: unknown) => void;
  readonly #onSettled: (read: PendingRead) => void;
  settled = false;
  /** Whether it has failed once. It is then sent again, alone. */
  isRetry = false;

  constructor(
    command: ReadCommand<T>,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
    onSettled: (read: PendingRead) => void,
  ) {
    this.command = command;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#onSettled = onSettled;
  }

  /** Resolves with the decoded reply. Ignored after the timeout. */
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
    this.#onSettled(this as PendingRead);
  }
}

/** Commands in one write. Measured: with larger writes, client and server wait for each other. */
const PIPELINE_SIZE = 256;
/**
 * Commands in flight to one node in one queue. The client keeps each until its reply arrives, even if its caller has
 * timed out. A frozen server must not fill that memory.
 */
const MAX_IN_FLIGHT = 1024;

function refused(error: unknown) {
  return isRefusal(error)
    ? unavailable(`The key store refused to be read (${refusalCode(error)}).`, error)
    : unavailable('The connection to the key store was lost.', error);
}

interface Exchange {
  /** Null if it is unknown. */
  readonly database: number | null;
  readonly replies: [error: Error | null, reply: unknown][];
}

const RECONNECTED = new Error('The connection was lost before the reply.');

/** The reads of one node: sent in pipelines, a bounded number at a time. */
export class NodeQueue {
  readonly #client: RedisClient;
  readonly #connection: Connection;
  readonly #prefix: string;
  #waiting: PendingRead[] = [];
  #head = 0;
  /** Groups of reads in flight, and the number of their reads. */
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

  /** Removes the reads that have timed out. */
  dropSettled(): void {
    this.#waiting = this.#waiting.slice(this.#head).filter((read) => !read.settled);
    this.#head = 0;
  }

  /** Sends as many reads as may be in flight, when the client is ready. */
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
      if (this.#failIfUnusable(reads, server)) continue;
      this.#sent.add(reads);
      this.#inFlight += reads.length;
      this.#send(reads, server).then((failed) => this.#finish(reads, failed));
    }
  }

  /** Ends the reads in flight, because their replies will never arrive. Each is retried once, or fails. */
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

  /** The reads of the next pipeline. A retry is sent alone: its slot can have moved to another node. */
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

  /** Fails reads if the app has changed its client, or the server its role, so that a reply must not be used. */
  #failIfUnusable(reads: readonly PendingRead[], server: ServerConnection | null): boolean {
    const changed = replicaProblem(this.#client) ?? prefixProblem(this.#client, this.#prefix);
    const problem = changed ?? server?.problem ?? null;
    if (problem === null) return false;
    for (const read of reads) read.fail(unusable(problem));
    return true;
  }

  /**
   * Sends reads. Resolves with the reads to retry, and never rejects. A client that reconnects resends unanswered
   * commands before the new server is verified. Replies to these are not used.
   */
  async #send(reads: readonly PendingRead[], server: ServerConnection | null): Promise<PendingRead[]> {
    const generation = server?.generation;
    const hasMoved = () => !this.#sent.has(reads) || server?.generation !== generation;
    try {
      const { database, replies } = await this.#exchange(reads, server?.reportsDatabase === true);
      if (hasMoved() || server?.confirmDatabase(database) === false) {
        return this.#sent.has(reads) ? reads.flatMap((read) => retry(read, RECONNECTED)) : [];
      }
      if (this.#failIfUnusable(reads, server)) return [];
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

  /**
   * Resolves with replies, and the database that they are from if it is known. It is asked in the same pipeline, because
   * the app can select another one on the client at any time.
   */
  async #exchange(reads: readonly PendingRead[], asksDatabase: boolean): Promise<Exchange> {
    const isAmongNodes = isCluster(this.#client);
    const [first] = reads as [PendingRead];
    if (isAmongNodes && first.isRetry) {
      const { name, key, args } = first.command;
      return { database: null, replies: [[null, await this.#client.call(name, key, ...args)]] };
    }
    const pipeline = this.#client.pipeline();
    // If one read of a pipeline is redirected (ASK) and all of its commands are reads, ioredis redirects the whole
    // pipeline. Keys that have not been moved yet are then not found. A ping does not count as a read.
    if (isAmongNodes) pipeline.call('ping');
    else if (asksDatabase) pipeline.call('client', 'INFO');
    for (const { command } of reads) pipeline.call(command.name, command.key, ...command.args);
    const replies = (await pipeline.exec()) ?? [];
    const database = asksDatabase ? parseDatabase(replies[0]?.[1]) : null;
    return { database, replies: isAmongNodes || asksDatabase ? replies.slice(1) : replies };
  }
}

/**
 * Retries each failed read once, alone. Connections are lost and restored. While slots of a Cluster move, ioredis
 * redirects single commands, but not always whole pipelines.
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
