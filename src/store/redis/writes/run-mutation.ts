import type { Clock } from '../../../clock';
import { KeyscopeError } from '../../../errors';
import { within } from '../../../timeout';
import { addressOf, isCluster, keyPrefixOf, type RedisClient } from '../client';
import type { Connection } from '../connection';
import { isRefusal, refusalCode, unavailable } from '../errors';
import { SCRIPTS, type ScriptName } from '../scripts';
import type { MutationConnection, Reply } from './mutation-connection';
import { MutationConnections, NOTHING_CHANGED, type Redirection } from './mutation-connections';

/** Number of replicas that must have a change before it is acknowledged. */
export interface Durability {
  /** At least 1. */
  readonly replicas: number;
  /** Milliseconds to wait for them. */
  readonly timeout: number;
}

/** A script's keys, and its arguments after the deadline. */
export interface ScriptInput {
  readonly keys: readonly string[];
  readonly args: readonly string[];
}

/** One change, made by one script. */
export interface Mutation {
  readonly script: ScriptName;
  /** The key of the script that decides which node runs it. */
  readonly key: string;
  /** Reads of the state that the script compares with the stored state: command, key, arguments. */
  readonly observe?: readonly (readonly [command: string, key: string, ...args: string[]])[];
  /** @param observed - A reply for each command of `observe`; empty if nothing is stored. */
  readonly input: (observed: readonly string[]) => ScriptInput;
  /** When its caller began to wait, on the monotonic clock. */
  readonly since: number;
  /** Invalidates the cache entries of this process for it. */
  readonly notify: () => void;
}

export type RunMutation = (mutation: Mutation) => Promise<string[]>;

export interface MutationRunnerOptions {
  /** The caller's client. */
  readonly client: RedisClient;
  readonly connection: Connection;
  readonly clock: Clock;
  /** Milliseconds. */
  readonly storeTimeout: number;
  readonly durability: Durability | undefined;
}

const OUTCOME_UNKNOWN = 'The change may or may not have been made: look before you try again.';
/** Attempts for one change, if other processes change the same thing at the same time. */
const MAX_ATTEMPTS = 16;
/** Replies of a node that does not serve the slot, or not yet. It has done nothing. */
const REDIRECTION = /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN) ?\S* ?(\S*)/;
/** Milliseconds until a retry, if the node cannot report which node serves a slot. */
const REDIRECTION_DELAY = 20;

/** State of one call, which its timer reads. */
interface Call {
  /** The script has been sent, and its outcome is unknown. */
  inDoubt: boolean;
  /** The call has settled for its caller. Nothing more is sent. */
  over: boolean;
  /** The call is in its second attempt, over another connection. There is no third. */
  hasReconnected: boolean;
}

/**
 * Runs the scripts for changes. Each call settles within its timeout, independent of client and server. The change is
 * applied before that or never:
 *
 * - The connection does not resend (see {@link MutationConnection}).
 * - A script carries the state that was read on the same connection before it. It does nothing if that state has
 *   changed: a late copy of a change never undoes a later one.
 * - A script carries a deadline by the server's own clock, from a `TIME` that is read in the same round trip. It does
 *   nothing after the deadline: if a change is in transit when its caller times out, it is not made. The clocks of two
 *   machines are never compared. If an ACL forbids TIME, only this rule is lost.
 *
 * The cache is invalidated before the caller receives the outcome, even if the outcome is unknown.
 */
export class MutationRunner {
  readonly #options: MutationRunnerOptions;
  readonly #timeout: number;
  readonly #connections: MutationConnections;
  /** Of the caller's client at first. The app can change it. */
  readonly #prefix: string;
  /** The last call for each thing that is being changed. */
  readonly #turns = new Map<string, Promise<void>>();

  constructor(options: MutationRunnerOptions) {
    const { client, connection, storeTimeout, durability } = options;
    this.#options = options;
    this.#prefix = keyPrefixOf(client);
    // One `storeTimeout` until the connection is ready, and one for the change.
    this.#timeout = durability === undefined ? storeTimeout : 2 * storeTimeout + durability.timeout;
    const replyTimeout = storeTimeout + (durability?.timeout ?? 0);
    this.#connections = new MutationConnections({ client, connection, timeout: this.#timeout, replyTimeout });
  }

  /**
   * Connects, so that the first change does not wait for it. Never rejects: a change tries again.
   *
   * @param timeout - Milliseconds.
   */
  connect(timeout: number): Promise<void> {
    return this.#connections.open(timeout);
  }

  close(): void {
    this.#connections.close();
  }

  readonly run: RunMutation = async (mutation) => {
    const timeout = this.#timeout;
    const { notify } = mutation;
    if (this.#connections.isClosed) {
      throw unavailable(`The connection to the key store has been closed. ${NOTHING_CHANGED}`);
    }
    const call: Call = { inDoubt: false, over: false, hasReconnected: false };

    function timeOut(): KeyscopeError {
      call.over = true;
      if (!call.inDoubt)
        return unavailable(`The key store could not be reached within ${timeout} ms. ${NOTHING_CHANGED}`);
      notify();
      return unavailable(`The key store did not answer within ${timeout} ms. ${OUTCOME_UNKNOWN}`);
    }

    const settled = this.#inTurn(mutation, () => this.#attempts(mutation, call))
      .finally(() => {
        call.over = true;
        // Also after a timeout: the reply can arrive late.
        notify();
      })
      .catch((error: unknown) => {
        throw toStoreError(error, call);
      });
    return within(Math.max(0, this.#timeLeft(mutation)), settled, timeOut);
  };

  /** Runs the changes of one thing by one process one after the other. At once, all but one would find it changed. */
  #inTurn<T>({ key, observe = [] }: Mutation, attempt: () => Promise<T>): Promise<T> {
    const target = observe.map((command) => command.join(' ')).join() || key;
    const turn = (this.#turns.get(target) ?? Promise.resolve()).then(attempt);
    const end = turn.then(ignore, ignore).then(() => {
      if (this.#turns.get(target) === end) this.#turns.delete(target);
    });
    this.#turns.set(target, end);
    return turn;
  }

  /** Retries until the script reports its outcome, each time from the state that is stored then. */
  async #attempts(mutation: Mutation, call: Call): Promise<string[]> {
    let redirection: Redirection | null = null;
    for (let attempt = 0; attempt < MAX_ATTEMPTS && !call.over; ) {
      const outcome: Redirection | string[] | null = await this.#attemptOrReconnect(mutation, call, redirection);
      if (outcome === null) continue;
      if (!Array.isArray(outcome)) {
        redirection = outcome;
        if (outcome.address === '') await delay(REDIRECTION_DELAY);
        continue;
      }
      if (outcome[0] !== 'stale' && outcome[0] !== 'late') return outcome;
      redirection = null;
      attempt++;
    }
    throw unavailable(`Others keep changing the same thing. ${NOTHING_CHANGED} Try again.`);
  }

  /**
   * Null if the connection failed before the change was sent, for the first time. A firewall can have dropped an idle
   * connection long ago, without notice, or the server can have lost its role: the next connection can do better.
   */
  async #attemptOrReconnect(
    mutation: Mutation,
    call: Call,
    redirection: Redirection | null,
  ): Promise<Redirection | string[] | null> {
    try {
      return await this.#attempt(mutation, call, redirection);
    } catch (error) {
      const isFinal = isRefusal(error) && refusalCode(error) !== 'READONLY';
      if (isFinal || call.inDoubt || call.hasReconnected || this.#connections.isClosed) throw error;
      call.hasReconnected = true;
      return null;
    }
  }

  async #attempt(mutation: Mutation, call: Call, redirection: Redirection | null): Promise<Redirection | string[]> {
    const connection = await this.#connections.connect(mutation.key, redirection);
    const asking = redirection?.asking ? [['asking'] as const] : [];
    const prefix = this.#prefix;

    const reads = (mutation.observe ?? []).flatMap(([name, key, ...args]) => [
      ...asking,
      [name, prefix + key, ...args] as const,
    ]);
    if (call.over) throw unavailable(NOTHING_CHANGED);
    // The second half of the time is for another connection.
    const limit = call.hasReconnected ? this.#timeout : this.#timeout / 2;
    const [[timeError, time] = NO_REPLY, ...replies] = await connection.exchange([['time'], ...reads], limit);
    // Without permission for TIME, only the deadline is lost. A lost connection is another matter.
    if (timeError !== null && !isRefusal(timeError)) throw timeError;
    const read = replies.filter((_, i) => asking.length === 0 || i % 2 === 1);
    for (const [error] of read) {
      if (error === null) continue;
      return this.#redirected(error);
    }
    if (call.over) throw unavailable(NOTHING_CHANGED);
    const deadline = timeError === null ? deadlineFrom(time, this.#timeLeft(mutation)) : '';
    const { keys, args } = mutation.input(read.map(([, value]) => (typeof value === 'string' ? value : '')));
    const names = keys.map((key) => prefix + key);

    const { durability } = this.#options;
    const wait =
      durability === undefined ? [] : [['wait', String(durability.replicas), String(durability.timeout)] as const];
    const script = ['eval', SCRIPTS[mutation.script], String(names.length), ...names, deadline, ...args] as const;
    call.inDoubt = true;
    const answers = (await connection.exchange([...asking, script, ...wait])).slice(asking.length);
    const [[failure, reply] = NO_REPLY, [waitFailure, replicas] = NO_REPLY] = answers;
    if (failure !== null) {
      if (isRefusal(failure)) call.inDoubt = false;
      return this.#redirected(failure, connection);
    }
    if (!Array.isArray(reply)) throw unavailable(`Unexpected reply from the key store. ${OUTCOME_UNKNOWN}`);
    const hasChanged = reply[0] === 'ok';
    if (!hasChanged) call.inDoubt = false;
    if (hasChanged && durability && (waitFailure !== null || Number(replicas) < durability.replicas)) {
      throw unavailable(tooFewReplicas(Number(replicas ?? 0), durability), waitFailure ?? undefined);
    }
    return reply;
  }

  /** Milliseconds until the caller stops waiting. */
  #timeLeft({ since }: Mutation): number {
    return this.#timeout - (this.#options.clock.monotonic() - since);
  }

  /** Follows a redirection, or throws the error. */
  #redirected(error: Error, connection?: MutationConnection): Redirection {
    const { client } = this.#options;
    const [, kind, address = ''] = REDIRECTION.exec(error.message) ?? [];
    if (kind === undefined || !isCluster(client)) {
      if (refusalCode(error) === 'READONLY') connection?.reconnect();
      throw error;
    }
    if (kind !== 'TRYAGAIN') client.refreshSlotsCache();
    const isKnown = client.nodes('master').some((node) => addressOf(node) === address);
    return { address: isKnown ? address : '', asking: isKnown && kind === 'ASK' };
  }
}

const NO_REPLY: Reply = [new Error('The pipeline has no reply for this command.'), null];

function ignore(): void {}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Deadline by the server's clock, in milliseconds: its TIME plus the time that the caller still waits. */
function deadlineFrom(time: unknown, left: number): string {
  const [seconds, microseconds] = Array.isArray(time) ? time.map(Number) : [];
  const now = Number(seconds) * 1000 + Number(microseconds) / 1000;
  return Number.isFinite(now) ? String(Math.floor(now + left)) : '';
}

function toStoreError(error: unknown, { inDoubt }: Call): KeyscopeError {
  if (error instanceof KeyscopeError) return error;
  if (isRefusal(error)) return unavailable(`The key store refused the change (${refusalCode(error)}).`, error);
  return unavailable(`The connection to the key store was lost. ${inDoubt ? OUTCOME_UNKNOWN : NOTHING_CHANGED}`, error);
}

function tooFewReplicas(replicas: number, { replicas: wanted, timeout }: Durability): string {
  return `The change was made, but only ${replicas} of ${wanted} replicas have confirmed it within ${timeout} ms: a failover could undo it. Look before you try again.`;
}
