import type { RedisClient } from './client';
import { databaseOf, databaseProblem } from './client-database';
import { listenTo } from './client-events';
import { isRefusal, refusalCode } from './errors';
import { type Ask, askDatabase, askRole, askServerRole, roleProblem, type ServerRole } from './server-role';

/**
 * Milliseconds until the server is asked again if it could not report its role: it loads its data or runs a script, or the
 * app has a transaction open.
 */
const VERIFY_RETRY = 100;

/** Commands that are sent on a new connection before its first read is used. */
export interface ServerChecks {
  /** The run id and role, or in a Cluster the node id. */
  readonly identify: (ask: Ask) => Promise<ServerRole>;
  /** A read such as a request makes, to check that the user is permitted to run it. */
  readonly probe?: readonly [command: string, ...args: string[]];
}

/** A client in subscriber mode rejects other commands itself, in RESP2. */
function subscriberProblem(error: unknown): string | null {
  if (!(error instanceof Error) || !/subscriber mode/.test(error.message)) return null;
  return 'the client is in subscriber mode and cannot send other commands; give keyscope a client that does not subscribe';
}

/** The app has sent MULTI on the client: the server answers each command with `QUEUED` until EXEC. */
class QueuedError extends Error {}

/**
 * Connection of a client to one server, verified each time it is made: after a reconnect, an address can lead to
 * another server. Commands wait until the server has reported its role on this connection.
 */
export class ServerConnection {
  readonly client: RedisClient;
  readonly #checks: ServerChecks;
  /** Functions that remove the listeners of the client. */
  readonly #listeners: readonly (() => void)[];
  /** Counts the connections that were made and lost. */
  #generation = 0;
  #isVerified = false;
  /** No command is sent before a caller waits for the connection. */
  #isNeeded = false;
  #verifying: Promise<void> | null = null;
  #role: ServerRole | null = null;
  #problem: string | null = null;
  #reportsDatabase = false;
  #hasBeenUsable = false;
  /** The server that must not be used although it reports the role of a master, and why. */
  #rejected: { readonly identity: string | null; readonly reason: string } | null = null;
  #retry: NodeJS.Timeout | null = null;
  /** Called once each, in order, when the connection is ready. */
  readonly #waiting = new Set<() => void>();
  readonly #changeListeners: (() => void)[] = [];

  constructor(client: RedisClient, checks: ServerChecks = { identify: askServerRole }) {
    this.client = client;
    this.#checks = checks;
    this.#listeners = [
      listenTo(client, 'ready', this.#onReady),
      listenTo(client, 'close', this.#onClose),
      listenTo(client, 'select', this.#onSelect),
    ];
  }

  /**
   * Whether commands can be sent, and their replies used: the client is connected, and the server has reported its
   * role.
   */
  get isReady(): boolean {
    return this.#isVerified && this.client.status === 'ready';
  }

  /** Identifies the connection. A reply is used only if this is the same as when its command was sent. */
  get generation(): number {
    return this.#generation;
  }

  /** Role of the server on this connection; null until it has reported it. */
  get role(): ServerRole | null {
    return this.#isVerified ? this.#role : null;
  }

  /** False if the server on this connection has reported another role. */
  get isMaster(): boolean {
    return this.#role === null || roleProblem(this.#role.role) === null;
  }

  /** Whether one of the servers that the client was connected to could be used. */
  get hasBeenUsable(): boolean {
    return this.#hasBeenUsable;
  }

  /** Why the server must not be used; null if it may be, or if the reason is not known yet. */
  get problem(): string | null {
    if (this.#problem !== null) return this.#problem;
    if (this.#rejected === null || this.role === null) return null;
    return this.#rejected.identity === this.#role?.identity ? this.#rejected.reason : null;
  }

  /** Whether the server reports the database of a connection. In a Cluster there is only one. */
  get reportsDatabase(): boolean {
    return this.#reportsDatabase;
  }

  /**
   * Whether a reply came from the client's database. If not, the connection is verified again. The client does not know
   * of a SELECT that the app sends as `call('SELECT', 3)`, or in a RESET.
   */
  confirmDatabase(database: number | null): boolean {
    if (database === null || database === databaseOf(this.client)) return true;
    this.#onSelect();
    return false;
  }

  /** Stops using the present server, although it reports the role of a master. Null lifts this. */
  reject(reason: string | null): void {
    this.#rejected = reason === null ? null : { identity: this.#role?.identity ?? null, reason };
  }

  /** Calls back when the connection is ready, or immediately if it is. Returns a function that cancels the callback. */
  whenReady(callback: () => void): () => void {
    if (this.isReady) {
      callback();
      return () => {};
    }
    this.#waiting.add(callback);
    this.#isNeeded = true;
    this.#start();
    return () => this.#waiting.delete(callback);
  }

  /** Calls back when a connection is lost, and when one has been verified. */
  onChange(callback: () => void): void {
    this.#changeListeners.push(callback);
  }

  /**
   * Asks the server for its role again, because the role changes without a reconnect. Resolves with whether the
   * connection is still the same and usable. Rejects if there is no reply.
   */
  async recheck(): Promise<boolean> {
    this.#isNeeded = true;
    const generation = this.#generation;
    if (this.#problem !== null || !this.#isVerified || this.#role === null) {
      await this.#verifyOnce();
      return generation === this.#generation && this.#isVerified && this.problem === null;
    }
    let problem: string | null;
    let { role } = this.#role;
    try {
      role = await askRole(this.ask);
      problem = roleProblem(role);
    } catch (error) {
      problem = subscriberProblem(error);
      if (problem === null) throw error;
    }
    if (generation !== this.#generation) return false;
    this.#role = { ...this.#role, role };
    this.#problem = problem;
    return this.problem === null;
  }

  readonly ask: Ask = async (command, ...args) => {
    const reply = await this.client.call(command, ...args);
    if (reply === 'QUEUED') throw new QueuedError('The command was queued by a transaction of the app.');
    return reply;
  };

  close(): void {
    for (const stop of this.#listeners) stop();
    this.#waiting.clear();
    if (this.#retry !== null) clearTimeout(this.#retry);
  }

  /** The client has stopped reconnecting: waiting callers have to use another connection. */
  abandon(): void {
    const callbacks = [...this.#waiting];
    this.close();
    for (const callback of callbacks) callback();
  }

  readonly #onReady = () => {
    this.#invalidate();
    if (this.#isNeeded) this.#start();
  };

  readonly #onClose = () => {
    this.#invalidate();
    this.#notify();
  };

  /** The app shares the client, and commands that are sent from now on are for another database. */
  readonly #onSelect = () => {
    this.#invalidate();
    this.#notify();
    if (this.#isNeeded) this.#start();
  };

  #invalidate(): void {
    this.#generation += 1;
    this.#isVerified = false;
    this.#verifying = null;
  }

  #notify(): void {
    for (const listener of this.#changeListeners) listener();
  }

  #start(): void {
    // A client with `lazyConnect` connects with its first command. If it fails to connect, it does not become ready,
    // and emits its own `error` event.
    if (this.client.status === 'wait') this.client.connect().catch(() => {});
    else if (this.client.status === 'ready') this.#verifyOnce().catch(() => {});
  }

  #verifyOnce(): Promise<void> {
    if (this.#verifying !== null) return this.#verifying;
    const verifying = this.#verify().finally(() => {
      if (this.#verifying === verifying) this.#verifying = null;
    });
    this.#verifying = verifying;
    return verifying;
  }

  async #verify(): Promise<void> {
    const generation = this.#generation;
    try {
      const [role, problem] = await this.#askEverything();
      if (generation !== this.#generation) return;
      if (this.#rejected !== null && this.#rejected.identity !== role?.identity) this.#rejected = null;
      this.#role = role;
      this.#problem = problem;
      this.#becomeReady();
    } catch (error) {
      const isTransient = isRefusal(error) || error instanceof QueuedError;
      if (generation === this.#generation && isTransient) this.#verifyLater();
      throw error;
    }
  }

  /**
   * The server's role, and why the server must not be used. Rejects if it does not reply, or cannot report its role
   * yet.
   */
  async #askEverything(): Promise<[ServerRole | null, string | null]> {
    const { identify, probe } = this.#checks;
    try {
      const [role, database, refusal] = await Promise.all([
        identify(this.ask),
        askDatabase(this.ask),
        probe === undefined ? null : this.#askProbe(probe),
      ]);
      this.#reportsDatabase = database !== null;
      return [role, roleProblem(role.role) ?? databaseProblem(this.client, database) ?? refusal];
    } catch (error) {
      const problem = subscriberProblem(error);
      if (problem === null) throw error;
      return [null, problem];
    }
  }

  async #askProbe([command, ...args]: readonly [string, ...string[]]): Promise<string | null> {
    try {
      await this.ask(command, ...args);
      return null;
    } catch (error) {
      if (isRefusal(error) && refusalCode(error) === 'NOPERM') {
        return `the Redis user may not run ${command.toUpperCase()} on ${args[0]} (NOPERM)`;
      }
      throw error;
    }
  }

  #becomeReady(): void {
    const wasReady = this.#isVerified;
    this.#isVerified = true;
    if (this.#problem === null) this.#hasBeenUsable = true;
    const callbacks = [...this.#waiting];
    this.#waiting.clear();
    if (!wasReady) this.#notify();
    for (const callback of callbacks) callback();
  }

  #verifyLater(): void {
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#start(), VERIFY_RETRY);
    this.#retry.unref();
  }
}
