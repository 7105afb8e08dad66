import { keyPrefixOf, type RedisClient } from '../client';
import type { Connection } from '../connection';
import { unavailable } from '../errors';
import { nodeGroup } from '../hash-slot';
import { Lane, Read, type ReadCommand } from './node-queue';

const CLOSED = 'The connection to the key store has been closed.';

/** The reads asked for in one turn of the event loop. They share a timer, because 10,000 timers cost more than the reads. */
class Turn {
  readonly reads: Read[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #onDone: (turn: Turn) => void;
  #unsettled = 0;

  constructor(timeout: number, onDone: (turn: Turn) => void, onGivenUp: () => void) {
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
      this.reads.push(new Read<T>(command, resolve, reject, this.#onSettled) as Read);
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
export class Reads {
  readonly #client: RedisClient;
  readonly #connection: Connection;
  readonly #timeout: number;
  readonly #prefix: string;
  /** By the nodes' addresses; one for all on a single server. */
  readonly #lanes = new Map<string, Lane>();
  /** Turns with reads that have not been answered. */
  readonly #turns = new Set<Turn>();
  /** Those among them that wait for the client to get ready. */
  #held: Turn[] = [];
  #collecting: Turn | null = null;
  #closed = false;

  constructor(client: RedisClient, connection: Connection, timeout: number) {
    this.#client = client;
    this.#connection = connection;
    this.#timeout = timeout;
    this.#prefix = keyPrefixOf(client);
    connection.onLoss(() => {
      for (const lane of this.#lanes.values()) lane.lose();
    });
  }

  read<T>(command: ReadCommand<T>): Promise<T> {
    if (this.#closed || this.#connection.isOver) return Promise.reject(unavailable(CLOSED));
    if (!this.#collecting) {
      this.#collecting = new Turn(this.#timeout, this.#onDone, this.#onGivenUp);
      this.#turns.add(this.#collecting);
      // After the input that is waiting has been read, so that requests that arrived together go out together.
      setImmediate(this.#send);
    }
    return this.#collecting.add(command);
  }

  close(): void {
    this.#closed = true;
    for (const turn of this.#turns) turn.fail(CLOSED);
  }

  readonly #onDone = (turn: Turn) => {
    this.#turns.delete(turn);
    if (this.#held.includes(turn)) this.#held = this.#held.filter((held) => held !== turn);
  };

  readonly #onGivenUp = () => {
    for (const lane of this.#lanes.values()) lane.dropSettled();
  };

  readonly #send = () => {
    const turn = this.#collecting;
    this.#collecting = null;
    if (!turn || !this.#turns.has(turn)) return;
    if (this.#connection.isReady) {
      this.#distribute(turn);
      return;
    }
    // Held back, because the nodes of a Cluster are not known before it is ready.
    this.#held.push(turn);
    if (this.#held.length === 1) this.#connection.whenReady(this.#sendHeld);
  };

  readonly #sendHeld = () => {
    const turns = this.#held;
    this.#held = [];
    for (const turn of turns) this.#distribute(turn);
  };

  #distribute(turn: Turn): void {
    const touched = new Set<Lane>();
    for (const read of turn.reads) {
      const lane = this.#laneOf(read.command.key);
      lane.push(read);
      touched.add(lane);
    }
    for (const lane of touched) lane.pump();
  }

  #laneOf(key: string): Lane {
    const nodes = nodeGroup(this.#client, this.#prefix + key);
    let lane = this.#lanes.get(nodes);
    if (!lane) {
      lane = new Lane(this.#client, this.#connection);
      this.#lanes.set(nodes, lane);
    }
    return lane;
  }
}
