import type { Clock } from '../../../clock';
import { extendFrom, holdsNow, Lease, type Timestamps } from '../../lease';
import type { RedisClient } from '../client';
import type { Ask } from '../server-role';
import { type FeedFailure, type FeedServer, TrackingConnection } from './tracking-connection';

export interface NodeFeedOptions {
  /** A client of the node. Asked anew for each connection: an app may have changed its password meanwhile. */
  readonly client: () => RedisClient;
  readonly prefixes: readonly string[];
  /** See `TrackingConnectionOptions`. */
  readonly epochKey: string | null;
  readonly clock: Clock;
  /** Milliseconds. */
  readonly maxRevocationLag: number;
  /** Milliseconds for which an open feed need not have a lease yet to pass for working. */
  readonly grace: number;
  readonly identify: (ask: Ask) => Promise<string | null>;
  readonly onChanged: (names: readonly unknown[] | null) => void;
  /** Something about `state` has changed. */
  readonly onState: () => void;
}

/** `opening`: it has not been open yet, or has been lost. `refused`: Redis will not tell of changes. */
export type FeedState = 'closed' | 'opening' | 'open' | 'refused';

/** How soon a lost feed is tried again at first, and a refused one: somebody may have changed the ACL. Milliseconds. */
const FIRST_RETRY = 10;
const REFUSED_RETRY = 30_000;

/** How long a new feed may take to open: several round trips, on networks that are as slow as the lag allows. */
function patienceFor(maxRevocationLag: number): number {
  return Math.max(2000, 4 * maxRevocationLag);
}

/**
 * The feed of one node: one connection after the other, and the lease under which what was read from the node counts.
 *
 * What the lease promises: at any time t at which it holds, every change that this node acknowledged before
 * t - maxRevocationLag has been heard. Why: it is extended to the time a ping was *sent* (measured before it is written)
 * + maxRevocationLag, once the ping is answered on the connection on which changes are told. Redis queues what it has to
 * tell of a change at the end of the turn of its event loop that made the change, and sends replies after that. So a
 * ping processed in a later turn is answered after the change is told, on the same connection, in order. And a ping
 * processed in the same turn as the change was sent before the change was acknowledged: a lease from then on ends
 * earlier than acknowledgement + maxRevocationLag, even if the connection breaks between its answer and the change.
 * A late answer therefore never extends past its own ping, and a suspended process wakes with a lapsed lease.
 *
 * A lost feed extends nothing any more, and what was remembered under it counts to the end of its lease. A new one
 * begins with a lease of its own, because it knows nothing of what happened in between.
 */
export class NodeFeed {
  readonly #options: NodeFeedOptions;
  readonly #patience: number;
  #connection: TrackingConnection | null = null;
  #lease = new Lease();
  #state: FeedState = 'closed';
  #server: FeedServer | null = null;
  #openedAt = Number.NEGATIVE_INFINITY;
  #failure: FeedFailure | null = null;
  #retry: NodeJS.Timeout | null = null;
  #attempts = 0;
  #attemptedAt = Number.NEGATIVE_INFINITY;
  #answeredAt = Number.NEGATIVE_INFINITY;
  /** When the pings were sent that have not been answered. */
  #unanswered: number[] = [];

  constructor(options: NodeFeedOptions) {
    this.#options = options;
    this.#patience = patienceFor(options.maxRevocationLag);
  }

  get state(): FeedState {
    return this.#state;
  }

  /** What the server reported when the feed was opened; null while it is not open. */
  get server(): FeedServer | null {
    return this.#server;
  }

  get lease(): Lease {
    return this.#lease;
  }

  /** Why the feed is not open, or was not last time. */
  get failure(): FeedFailure | null {
    return this.#failure;
  }

  /** When the last was sent to which the server has given an answer: a ping, or an attempt at a feed, which it refused. */
  get answeredAt(): number {
    return this.#answeredAt;
  }

  /** The lease holds, or the feed is so new that it need not yet. */
  get isWorking(): boolean {
    const { clock, grace } = this.#options;
    const isNew = this.#state === 'open' && clock.monotonic() - this.#openedAt < grace;
    return isNew || holdsNow(this.#lease, clock);
  }

  /** Opens the feed, now, unless it is open or being opened. */
  open(): void {
    if (this.#connection !== null) return;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    if (this.#state !== 'refused') this.#enter('opening');
    this.#attemptedAt = this.#options.clock.monotonic();
    const connection: TrackingConnection = new TrackingConnection({
      client: this.#options.client(),
      prefixes: this.#options.prefixes,
      epochKey: this.#options.epochKey,
      patience: this.#patience,
      identify: this.#options.identify,
      onChanged: this.#options.onChanged,
      onOpen: (server) => this.#opened(server),
      onEnd: (failure) => this.#lost(failure),
    });
    this.#connection = connection;
  }

  close(): void {
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    this.#connection?.close();
    this.#connection = null;
    this.#server = null;
    this.#enter('closed');
  }

  /** Asks a server that refuses to tell of changes whether it is there at all: it may say no, but it says so. */
  askAgain(): void {
    if (this.#state === 'refused') this.open();
  }

  /** Lets go of the connection, because it leads to the wrong server, and looks for the right one. */
  reopen(why: string): void {
    this.#connection?.end(why);
  }

  /** Whatever has been remembered under the lease counts no more. */
  resetLease(): void {
    this.#lease.end();
    this.#lease = new Lease();
  }

  /** Begins a new lease. What was read under the old one counts to its end. */
  replaceLease(): void {
    this.#lease = new Lease();
  }

  /** Extends the lease that was in force when a ping was sent; not one that has taken its place. */
  extend(lease: Lease, sent: Timestamps): void {
    if (lease === this.#lease && this.#connection !== null) extendFrom(lease, sent, this.#options.maxRevocationLag);
  }

  /** Pings, where the feed is open. Resolves with true when everything told before `sent` has been heard. */
  async ping(sent: Timestamps): Promise<boolean> {
    const connection = this.#connection;
    if (connection === null || this.#state !== 'open') return false;
    this.#endIfSilent(connection, sent.monotonic);
    this.#unanswered.push(sent.monotonic);
    try {
      await connection.ping();
    } catch {
      // The connection ends, or has ended, and says why.
      return false;
    }
    if (connection !== this.#connection) return false;
    this.#unanswered.shift();
    this.#attempts = 0;
    this.#answeredAt = Math.max(this.#answeredAt, sent.monotonic);
    return true;
  }

  /** TCP would keep a connection that leads nowhere for minutes. */
  #endIfSilent(connection: TrackingConnection, now: number): void {
    const isSilent = () => {
      const [oldest] = this.#unanswered;
      return oldest !== undefined && now - oldest >= this.#options.maxRevocationLag;
    };
    if (!isSilent()) return;
    // Once what has arrived has been read: it may be us who have been asleep.
    setImmediate(() => {
      if (connection === this.#connection && isSilent()) connection.end('Redis did not answer on the feed.');
    });
  }

  #opened(server: FeedServer): void {
    this.#lease = new Lease();
    this.#server = server;
    this.#openedAt = this.#options.clock.monotonic();
    this.#unanswered = [];
    this.#failure = null;
    this.#enter('open');
  }

  #lost(failure: FeedFailure): void {
    this.#connection = null;
    this.#server = null;
    this.#failure = failure;
    const refused = failure.refusal !== null;
    if (refused) this.#answeredAt = this.#attemptedAt;
    const delay = refused ? REFUSED_RETRY : this.#nextRetry();
    this.#retry = setTimeout(() => this.open(), delay);
    this.#retry.unref();
    this.#enter(refused ? 'refused' : 'opening');
  }

  /** Soon, then less and less often, never rarer than the lag; with some chance, so that not all processes come at once. */
  #nextRetry(): number {
    const delay = Math.min(this.#options.maxRevocationLag, FIRST_RETRY * 2 ** this.#attempts);
    this.#attempts += 1;
    return delay * (0.5 + Math.random() / 2);
  }

  #enter(state: FeedState): void {
    this.#state = state;
    this.#options.onState();
  }
}
