import type { Clock } from '../../../clock';
import { extendFrom, holdsNow, Lease, leaseDuration, type Timestamps } from '../../lease';
import type { NodeHealth } from '../../store';
import type { RedisClient } from '../client';
import type { Ask } from '../server-role';
import { type FeedFailure, type FeedServer, TrackingConnection } from './tracking-connection';

export interface NodeFeedOptions {
  /** A client of the node. Called for each connection, because an app can change the client's password. */
  readonly client: () => RedisClient;
  readonly prefixes: readonly string[];
  /** See `TrackingConnectionOptions`. */
  readonly epochKey: string | null;
  readonly clock: Clock;
  /** Milliseconds. */
  readonly maxRevocationLag: number;
  /** Milliseconds for which a new feed counts as working without a lease. */
  readonly grace: number;
  readonly identify: (ask: Ask) => Promise<string | null>;
  readonly onChanged: (names: readonly unknown[] | null) => void;
  /** `state` or `failure` has changed. */
  readonly onState: () => void;
}

/** `opening`: not open yet, or lost. `refused`: Redis does not permit tracking. */
export type FeedState = 'closed' | 'opening' | 'open' | 'refused';

/** Delay of the first retry of a lost feed, and of every retry of a refused one: its ACL can change. Milliseconds. */
const FIRST_RETRY = 10;
const REFUSED_RETRY = 30_000;

/** Time for a new feed to open: several round trips, on networks as slow as the lag allows. */
function openTimeoutFor(maxRevocationLag: number): number {
  return Math.max(2000, 4 * maxRevocationLag);
}

/**
 * Invalidation feed of one node: a connection, its successors after a loss, and the lease of data read from the node.
 *
 * The lease guarantees: if it holds at time t, an invalidation has been received for every change that the node
 * acknowledged before t - maxRevocationLag. The argument:
 * - A ping is sent on the connection that receives invalidations. Its reply extends the lease to the time the ping was
 *   sent (taken before it is written) + `leaseDuration`, which is less than maxRevocationLag.
 * - Redis queues the invalidations of a change at the end of the event loop turn that made it, and sends replies later.
 * - If the ping is processed in a later turn, its reply follows the invalidation on the same connection, in order.
 * - If the ping is processed in the same turn, it was sent before the change was acknowledged. A lease from then on ends
 *   before acknowledgement + maxRevocationLag, even if the connection breaks between the reply and the invalidation.
 * So a late reply never extends the lease past its own ping, and a suspended process resumes with a lapsed lease.
 *
 * After a loss, the lease is not extended, and cached data is used until it ends. A new connection starts with a new
 * lease, because changes made between the two connections are not known.
 */
export class NodeFeed {
  readonly #options: NodeFeedOptions;
  readonly #openTimeout: number;
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
  /** Times at which the pings without a reply were sent. */
  #unanswered: number[] = [];

  constructor(options: NodeFeedOptions) {
    this.#options = options;
    this.#openTimeout = openTimeoutFor(options.maxRevocationLag);
  }

  get state(): FeedState {
    return this.#state;
  }

  /** Facts that the server reported when the feed was opened; null while it is not open. */
  get server(): FeedServer | null {
    return this.#server;
  }

  get lease(): Lease {
    return this.#lease;
  }

  /** Why the feed is not open; null if it is, or has never failed. */
  get failure(): FeedFailure | null {
    return this.#failure;
  }

  /** The feed has reached a server that may be used, whether that permits tracking or not. */
  get hasReachedServer(): boolean {
    return this.#state === 'open' || this.#failure?.isServerUsable === true;
  }

  /** Time at which the last answered command was sent: a ping, or an attempt to open a feed that was refused. */
  get answeredAt(): number {
    return this.#answeredAt;
  }

  /** The lease holds, or the feed is too new to have one. */
  get isWorking(): boolean {
    const { clock, grace } = this.#options;
    const isNew = this.#state === 'open' && clock.monotonic() - this.#openedAt < grace;
    return isNew || holdsNow(this.#lease, clock);
  }

  health(address: string): NodeHealth {
    return {
      address,
      feed: this.#state,
      protocol: this.#server?.protocol ?? null,
      trusted: holdsNow(this.#lease, this.#options.clock),
      lastError: this.#failure?.message ?? null,
    };
  }

  /** Opens the feed now, unless it is open or being opened. */
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
      openTimeout: this.#openTimeout,
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

  /** Tries a refused feed again. A refusal also proves that the server answers. */
  retryRefused(): void {
    if (this.#state === 'refused') this.open();
  }

  /** Closes the connection, because it is to the wrong server or database, and reconnects. */
  reopen(why: string): void {
    this.#connection?.end(why);
  }

  /** Ends the lease: data cached under it is no longer used. */
  resetLease(): void {
    this.#lease.end();
    this.#lease = new Lease();
  }

  /** Starts a new lease. Data cached under the old one is used until that ends. */
  replaceLease(): void {
    this.#lease = new Lease();
  }

  /** Extends the lease that was in force when a ping was sent, unless a new one has replaced it. */
  extend(lease: Lease, sent: Timestamps): void {
    if (lease !== this.#lease || this.#connection === null) return;
    extendFrom(lease, sent, leaseDuration(this.#options.maxRevocationLag));
  }

  /** Pings, if the feed is open. Resolves with true when all invalidations sent before `sent` have been received. */
  async ping(sent: Timestamps): Promise<boolean> {
    const connection = this.#connection;
    if (connection === null || this.#state !== 'open') return false;
    this.#endIfSilent(connection, sent.monotonic);
    this.#unanswered.push(sent.monotonic);
    try {
      await connection.ping();
    } catch {
      // The connection reports its end itself.
      return false;
    }
    if (connection !== this.#connection) return false;
    this.#unanswered.shift();
    this.#attempts = 0;
    this.#answeredAt = Math.max(this.#answeredAt, sent.monotonic);
    return true;
  }

  /** TCP keeps a dead connection open for minutes. */
  #endIfSilent(connection: TrackingConnection, now: number): void {
    const isSilent = () => {
      const [oldest] = this.#unanswered;
      return oldest !== undefined && now - oldest >= this.#options.maxRevocationLag;
    };
    if (!isSilent()) return;
    // After the data that has arrived is read: it may be this process that was paused.
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

  /** Exponential, at most the lag, with jitter: not all processes must reconnect at once. */
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
