import type { Kernel } from '../kernel/kernel';
import type { Random } from '../kernel/random';
import { DATA_COMMANDS, type DataContext, runDataCommand } from './commands';
import type { Command, ServerConnection } from './connection';
import { ServerConnections } from './connections';
import { ReplicationLink } from './replication';
import { digestOf, runScript } from './script-runner';
import { runServerCommand } from './server-commands';
import { copyKeyspace, ErrorReply, emptyKeyspace, type Keyspace, OK, type Reply } from './values';

/** Commands that a server, or a proxy before it, refuses. */
export interface ServerPolicy {
  readonly tracking: 'allowed' | 'refused' | 'no-redirect';
  readonly info: 'allowed' | 'refused';
}

/** Is called with the keys that a command changed. */
export type WriteListener = (server: RedisServer, database: number, names: ReadonlySet<string>) => void;

const EPOCH = 1_767_225_600_000;
const READONLY = new ErrorReply("READONLY You can't write against a read only replica.");

/**
 * A model of one Redis 7 server. Commands that have arrived are run in turns, as the event loop of Redis does: all that
 * is waiting on all connections, then the invalidations of what the turn has changed, then everything is written.
 */
export class RedisServer {
  runId: string;
  replicationId: string;
  role: 'master' | 'replica' = 'master';
  readonly connections = new ServerConnections();
  readonly replicas: ReplicationLink[] = [];
  /** The link to the master, on a replica. */
  source: ReplicationLink | null = null;
  policy: ServerPolicy = { tracking: 'allowed', info: 'allowed' };
  /** How long a write of its master is under way to it, at least, also after it has followed another. Milliseconds. */
  replicationLag = 0.3;
  isUp = true;
  /** Packets to it are lost. */
  isUnreachable = false;
  /** How many writes have been made or replicated. */
  offset = 0;
  onWrite: WriteListener = () => {};
  readonly #scripts = new Map<string, string>();
  #startedAt = 0;
  #frozenUntil = 0;
  #hasTurn = false;
  /** Keys that the current command changed. */
  readonly #written = new Set<string>();

  constructor(
    readonly kernel: Kernel,
    readonly random: Random,
    readonly name: string,
    /** By how much its wall clock is ahead. Milliseconds. */
    readonly wallOffset = 0,
    /** Not assigned later: a replica that follows has a copy already, and would not receive it. */
    readonly keyspace: Keyspace = emptyKeyspace(),
  ) {
    this.runId = this.#newId();
    this.replicationId = this.#newId();
  }

  wall(): number {
    return EPOCH + this.kernel.now + this.wallOffset;
  }

  /** `TIME` */
  time(): Reply {
    const now = this.wall();
    return [String(Math.floor(now / 1000)), String(Math.floor((now % 1000) * 1000))];
  }

  get uptime(): number {
    return this.kernel.now - this.#startedAt;
  }

  get isLinkUp(): boolean {
    return this.source !== null && !this.source.isStalled;
  }

  get isFrozen(): boolean {
    return this.kernel.now < this.#frozenUntil;
  }

  receive(connection: ServerConnection, commands: readonly Command[]): void {
    if (!this.isUp || connection.isClosed) return;
    connection.inbox.push(...commands);
    this.scheduleTurn();
  }

  scheduleTurn(): void {
    if (this.#hasTurn) return;
    this.#hasTurn = true;
    const delay = this.random.chance(0.02) ? this.random.between(0.2, 5) : this.random.between(0.01, 0.1);
    this.kernel.after(delay, () => this.#turn());
  }

  /** Does nothing for a while: SIGSTOP, a slow command, a fork. */
  freeze(duration: number): void {
    this.#frozenUntil = Math.max(this.#frozenUntil, this.kernel.now + duration);
  }

  #turn(): void {
    this.#hasTurn = false;
    if (!this.isUp) return;
    if (this.isFrozen) {
      this.#hasTurn = true;
      this.kernel.at(this.#frozenUntil, () => this.#turn());
      return;
    }
    const waiting: ServerConnection[] = [];
    for (const connection of this.connections) {
      if (connection.inbox.length > 0 && !connection.isBlocked) waiting.push(connection);
    }
    while (waiting.length > 0) {
      const [connection] = waiting.splice(this.random.below(waiting.length), 1);
      this.#runInbox(connection!);
    }
    this.connections.endTurn();
  }

  #runInbox(connection: ServerConnection): void {
    while (connection.inbox.length > 0 && !connection.isBlocked) {
      const [name = '', ...args] = connection.inbox.shift()!;
      const reply = this.run(connection, name.toLowerCase(), args);
      if (reply !== undefined) connection.reply(reply);
    }
  }

  /** Runs one command; undefined if there is no reply yet, or none of its own. */
  run(connection: ServerConnection, name: string, args: Command): Reply | undefined {
    const reply = this.#dispatch(connection, name, args);
    if (this.#written.size > 0) {
      this.onWrite(this, connection.database, this.#written);
      this.#written.clear();
    }
    return reply;
  }

  #dispatch(connection: ServerConnection, name: string, args: Command): Reply | undefined {
    const reply = runServerCommand(this, connection, name, args);
    if (reply !== 'unknown') return reply;
    if (name === 'eval' || name === 'evalsha') return this.#evaluate(connection.database, name, args);
    const result = this.runOnData(connection.database, name, args);
    if (result === undefined) throw new Error(`The Redis model does not know ${name.toUpperCase()}.`);
    return result;
  }

  /** `SCRIPT LOAD` */
  loadScript(source: string): string {
    const digest = digestOf(source);
    this.#scripts.set(digest, source);
    return digest;
  }

  #evaluate(database: number, name: string, [script = '', ...rest]: Command): Reply {
    const source = name === 'eval' ? script : this.#scripts.get(script.toLowerCase());
    if (source === undefined) return new ErrorReply('NOSCRIPT No matching script. Please use EVAL.');
    this.loadScript(source);
    // A selection ends with the script.
    let selected = database;
    return runScript(source, rest, (command, args) => {
      if (command === 'select') {
        selected = Number(args[0]);
        return OK;
      }
      const reply = command === 'time' ? this.time() : this.runOnData(selected, command, args);
      if (reply === undefined) throw new Error(`The Redis model does not know ${command.toUpperCase()} in a script.`);
      return reply;
    });
  }

  /** Runs a command on data, and passes writes on to the replicas. */
  runOnData(database: number, name: string, args: Command): Reply | undefined {
    const writes = DATA_COMMANDS[name]?.writes ?? false;
    if (writes && this.role === 'replica') return READONLY;
    const touched: string[] = [];
    const reply = runDataCommand(
      this.#context(database, (key) => touched.push(key)),
      name,
      args,
    );
    if (touched.length === 0) return reply;
    for (const key of touched) this.connections.markChanged(database, key);
    this.offset += 1;
    for (const key of touched) this.#written.add(key);
    const isStreamEntry = name === 'xadd' && typeof reply === 'string';
    const effect = isStreamEntry ? args.with(args.indexOf('*'), reply) : args;
    for (const link of this.replicas) link.propagate({ database, name, args: effect });
    return reply;
  }

  /** A write of the master has arrived. */
  applyReplicated(database: number, name: string, args: Command): void {
    runDataCommand(
      this.#context(database, (key) => this.connections.markReplicated(key)),
      name,
      args,
    );
    this.offset += 1;
    this.scheduleTurn();
  }

  #context(database: number, touch: (key: string) => void): DataContext {
    return { database: this.keyspace[database]!, now: this.wall(), touch };
  }

  /** Replaces all data, as a full synchronisation and a restart from disk do. */
  replaceData(keyspace: Keyspace): void {
    const before = this.keyspace.splice(0, Number.POSITIVE_INFINITY, ...copyKeyspace(keyspace));
    before.forEach((data, index) => {
      this.connections.markReplaced(index, data, this.keyspace[index]!);
    });
    this.connections.invalidateAll();
    this.scheduleTurn();
  }

  flush(database: number | null): Reply {
    if (this.role === 'replica') return READONLY;
    this.clear(database);
    for (const link of this.replicas)
      link.propagate({ database: database ?? 0, name: 'flush', args: [], flush: database });
    return OK;
  }

  /** Empties a database, or all if it is null. */
  clear(database: number | null): void {
    this.keyspace.forEach((data, index) => {
      if (database !== null && database !== index) return;
      this.connections.markReplaced(index, data);
      data.clear();
    });
    this.connections.invalidateAll();
  }

  exchange(a: number, b: number): void {
    const [left, right] = [this.keyspace[a]!, this.keyspace[b]!];
    this.connections.markReplaced(a, left, right);
    this.connections.markReplaced(b, left, right);
    this.keyspace[a] = right;
    this.keyspace[b] = left;
  }

  swap(a: number, b: number): Reply {
    if (this.role === 'replica') return READONLY;
    this.exchange(a, b);
    for (const link of this.replicas) link.propagate({ database: a, name: 'swap', args: [String(a), String(b)] });
    return OK;
  }

  /** `WAIT` */
  wait(connection: ServerConnection, count: number, timeout: number): number | undefined {
    const { offset } = this;
    const confirmed = () => this.replicas.filter((link) => link.confirmedOffset >= offset).length;
    if (confirmed() >= count) return confirmed();
    connection.isBlocked = true;
    const startedAt = this.kernel.now;
    const look = () => {
      if (connection.isClosed || !this.isUp) return;
      if (confirmed() < count && this.kernel.now - startedAt < timeout) {
        this.kernel.after(1, look);
        return;
      }
      connection.isBlocked = false;
      connection.reply(confirmed());
      this.scheduleTurn();
    };
    look();
    return undefined;
  }

  /** Ends all connections and everything that was not stored. */
  stop(): void {
    this.isUp = false;
    this.connections.hangUp();
    this.#scripts.clear();
  }

  start(keyspace: Keyspace): void {
    this.isUp = true;
    this.#startedAt = this.kernel.now;
    this.#frozenUntil = 0;
    this.runId = this.#newId();
    this.keyspace.splice(0, Number.POSITIVE_INFINITY, ...copyKeyspace(keyspace));
  }

  /** `REPLICAOF NO ONE` */
  promote(): void {
    this.source?.close();
    this.source = null;
    this.role = 'master';
    this.replicationId = this.#newId();
  }

  /** `REPLICAOF host port` */
  follow(master: RedisServer): void {
    this.source?.close();
    for (const link of [...this.replicas]) link.close();
    this.role = 'replica';
    this.source = new ReplicationLink(master, this);
  }

  #newId(): string {
    return this.random.bytes(20).toString('hex');
  }
}
