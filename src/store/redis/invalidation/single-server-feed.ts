import { holdsNow, type Lease, type Timestamps, timestampsOf } from '../../lease';
import type { NodeHealth } from '../../store';
import { addressOf, keyPrefixOf, type RedisClient, usesSentinels } from '../client';
import { listenTo } from '../client-events';
import { isRefusal } from '../errors';
import type { ServerConnection } from '../server-connection';
import { identifyMaster } from '../server-role';
import { readSince } from './confirmation';
import { ClientReconnector, ConnectionWatchdog, connectionReplaced } from './connection-watchdog';
import { DatabaseWatch } from './database-watch';
import { type InvalidationFeed, type InvalidationFeedOptions, POLLS_PER_LAG } from './invalidation-feed';
import { NodeFeed } from './node-feed';
import { type SentinelConsensus, SentinelMonitor } from './sentinel/sentinel-monitor';
import { StoreModeTracker } from './store-mode';

const UNVERIFIED = 'the client is not connected to a server that has been verified';
const REPLACED = 'the server has been replaced: Sentinel names another one as the master';

/**
 * The feed of a single server, which Sentinel may replace by another.
 *
 * A feed proves that *its* server has sent all invalidations. A lease needs more: this server must be the one that the
 * caller's client reads from, and the one that takes changes. So a poll extends the lease only if all of these answered
 * what was asked at its beginning: the feed's server; the client's server, which calls itself a master and has the
 * feed's run id; the Sentinels, if there are any, which name the same run id. And the database must be the one that the
 * feed was opened on. A reconnect of the client replaces the lease.
 */
export class SingleServerFeed implements InvalidationFeed {
  readonly serverOf = () => this.#server.generation;
  readonly problemOf = () => this.serverProblem;
  readonly answeredAt = () => this.#mode.usableAt;
  readonly #options: InvalidationFeedOptions;
  readonly #client: RedisClient;
  readonly #server: ServerConnection;
  readonly #database: DatabaseWatch;
  readonly #node: NodeFeed;
  readonly #mode: StoreModeTracker;
  readonly #watchdog: ConnectionWatchdog;
  readonly #reconnector: ClientReconnector;
  readonly #hasSentinels: boolean;
  #started = false;
  #sentinels: SentinelMonitor | null = null;
  /** Functions that remove the listeners of the client. */
  readonly #listeners: (() => void)[] = [];
  #timer: NodeJS.Timeout | null = null;
  /** The latest poll was answered so soon that every other poll suffices. */
  #isQuick = false;
  #skips = false;
  #connectedAt = Number.NEGATIVE_INFINITY;
  #openedAt = Number.NEGATIVE_INFINITY;
  /** The run id that the Sentinels last named while the client was connected to it, and their epoch then. */
  #named: { readonly runId: string; readonly epoch: number } | null = null;
  #namedLast: string | null = null;

  constructor(options: InvalidationFeedOptions, server: ServerConnection) {
    this.#options = options;
    this.#client = options.client;
    this.#server = server;
    this.#database = new DatabaseWatch(server, options.epochKey.slice(keyPrefixOf(options.client).length));
    this.#hasSentinels = usesSentinels(options.client);
    this.#mode = new StoreModeTracker(options);
    this.#watchdog = new ConnectionWatchdog(options.maxRevocationLag);
    this.#reconnector = new ClientReconnector(options.client);
    this.#node = new NodeFeed({
      ...options,
      grace: options.maxRevocationLag,
      client: () => this.#client,
      identify: identifyMaster,
      onState: () => this.#onNodeState(),
    });
    server.onChange(() => this.#onConnectionChange());
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#listeners.push(listenTo(this.#client, 'ready', this.#onReady), listenTo(this.#client, 'end', this.#onEnd));
    if (this.#client.status !== 'end') this.#startPolling();
  }

  close(): void {
    for (const stop of this.#listeners.splice(0)) stop();
    this.#stopPolling();
    this.#mode.close();
  }

  settled(): Promise<void> {
    return this.#mode.settled;
  }

  leaseFor(): Lease | null {
    return holdsNow(this.#node.lease, this.#options.clock) ? this.#node.lease : null;
  }

  get serverProblem(): string | null {
    // Until the connection is verified, connections of our own can lead to a server that Sentinel has replaced.
    return this.#sentinels !== null && this.#server.role === null ? UNVERIFIED : this.#knownProblem;
  }

  get #knownProblem(): string | null {
    return this.#server.problem ?? this.#sentinels?.problemOf(this.#server.role) ?? null;
  }

  confirmedAt(): Timestamps {
    if (this.#timer === null) return timestampsOf(this.#options.clock);
    if (this.#sentinels !== null) return readSince(this.#sentinels.confirmedAt(this.#server.role), this.#options);
    // A master can be demoted without a reconnect, and replies as before until a poll asks for its role. If polls are late
    // because Redis is slow, the lease must still be longer than a reply takes.
    return readSince(this.#mode.usableAt, this.#options, 1 / POLLS_PER_LAG);
  }

  async confirmServer(): Promise<void> {
    await this.#sentinels?.confirm();
  }

  nodes(): NodeHealth[] {
    return [this.#node.health(addressOf(this.#client))];
  }

  get mode() {
    return this.#mode.mode;
  }

  lastError(): string | null {
    return this.#knownProblem ?? this.#node.failure?.message ?? this.#database.problem;
  }

  #startPolling(): void {
    if (this.#timer !== null) return;
    this.#timer = setInterval(() => this.#onTimer(), this.#options.maxRevocationLag / POLLS_PER_LAG);
    this.#timer.unref();
    if (this.#hasSentinels) this.#sentinels = new SentinelMonitor(this.#client, this.#options);
    this.#node.open();
  }

  #stopPolling(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#sentinels?.close();
    this.#sentinels = null;
    this.#node.close();
  }

  readonly #onReady = () => {
    this.#connectedAt = this.#options.clock.monotonic();
    this.#startPolling();
    // The server may be back, or permit a feed now.
    this.#node.open();
  };

  /** The client's connection was lost, or a new one has been verified. */
  #onConnectionChange(): void {
    this.#watchdog.reset();
    this.#node.replaceLease();
    if (this.#timer === null || !this.#server.isReady) return;
    if (this.#server.problem === null) this.#reconnector.reset();
    this.#poll();
  }

  readonly #onEnd = () => {
    this.#stopPolling();
    this.#mode.clientEnded();
  };

  #onNodeState(): void {
    const { state, failure } = this.#node;
    if (state === 'open') {
      this.#openedAt = this.#options.clock.monotonic();
      this.#mode.markAttempted();
      this.#poll();
    } else if (failure !== null) {
      this.#mode.markAttempted();
      this.#updateMode();
    }
  }

  #onTimer(): void {
    this.#skips = this.#isQuick && !this.#skips;
    if (!this.#skips) this.#poll();
  }

  async #poll(): Promise<void> {
    this.#updateMode();
    // Unless this poll is answered soon: one without a reply must not delay the next.
    this.#isQuick = false;
    const sent = timestampsOf(this.#options.clock);
    this.#checkClientConnection(sent.monotonic);
    const { lease } = this.#node;
    const agreed = await Promise.all([this.#node.ping(sent), this.#askClient(sent), this.#askSentinels(lease)]);
    if (!agreed.every(Boolean)) return;
    const { clock, maxRevocationLag } = this.#options;
    this.#isQuick = clock.monotonic() - sent.monotonic < maxRevocationLag / 8;
    this.#node.extend(lease, sent);
  }

  /** The server can answer on our connections while the client's connection is dead. */
  #checkClientConnection(now: number): void {
    this.#watchdog.observe(this.#client, now);
    if (this.#watchdog.isOverdue(this.#client, now)) this.#node.retryRefused();
    if (
      this.#watchdog.isDead(this.#client, this.#node.answeredAt, now) &&
      this.#reconnector.reconnect(now, { isDead: true })
    ) {
      this.#options.emit(connectionReplaced(addressOf(this.#client)));
    }
  }

  /** Asks the client's server what it is. Resolves with whether it is the feed's, takes changes, and has the same data. */
  async #askClient(sent: Timestamps): Promise<boolean> {
    if (this.#client.status !== 'ready' || this.#watchdog.isFull) return false;
    const { generation } = this.#server;
    try {
      const [isUsable, isSameDatabase] = await this.#watchdog.track(sent.monotonic, () =>
        Promise.all([this.#server.recheck(), this.#askDatabase()]),
      );
      this.#hasAnswered(sent.monotonic);
      if (generation !== this.#server.generation) return false;
      if (!this.#server.isMaster) this.#leaveServer();
      if (isUsable && this.serverProblem === null) this.#mode.markUsable(sent);
      return isUsable && this.#isSameMaster() && isSameDatabase;
    } catch (error) {
      if (isRefusal(error)) this.#hasAnswered(sent.monotonic);
      return false;
    }
  }

  /** The server is not the master, or not any more. Connections do not end when a server is replaced. */
  #leaveServer(): void {
    this.#updateMode();
    if (this.#hasSentinels) this.#server.reject(REPLACED);
    // A client that was never connected to a master is where the app has sent it, unless a feed reaches a master there.
    if (!this.#server.hasBeenUsable && !this.#node.hasReachedServer) return;
    this.#reconnector.reconnect(this.#options.clock.monotonic());
  }

  #isSameMaster(): boolean {
    if (this.#node.state !== 'open') return false;
    const identity = this.#node.server?.identity ?? null;
    const clientIdentity = this.#server.role?.identity ?? null;
    // If nothing can be learnt, a single address is taken to mean a single server; Sentinel means several.
    if (identity === null || clientIdentity === null) return !this.#hasSentinels;
    if (identity === clientIdentity) return true;
    // The address leads to another server now. The client has connected later than the feed, so it is right.
    if (this.#openedAt < this.#connectedAt) this.#node.reopen('The client is connected to another server.');
    return false;
  }

  /** Resolves with whether the database is the one that the feed was opened on. */
  async #askDatabase(): Promise<boolean> {
    const { server } = this.#node;
    if (server === null) return false;
    const found = await this.#database.compare(server);
    if (found === 'swapped' && server === this.#node.server) {
      this.#node.replaceLease();
      this.#node.reopen('The database may have been replaced by another one.');
      this.#options.onChanged(null);
    }
    return found === 'same';
  }

  /** Resolves with whether the Sentinels name the feed's server. A feed or client that is elsewhere has to reconnect. */
  async #askSentinels(lease: Lease): Promise<boolean> {
    if (this.#sentinels === null) return !this.#hasSentinels;
    const consensus = await this.#sentinels.ask();
    if (consensus === null) return false;
    if (this.#mode.mode === null) this.#updateMode();
    this.#checkClientMaster(consensus);
    const { runId, isMajority } = consensus;
    if (runId === null) return false;
    // A connection that is still being made may have been sent to the old server.
    const hasChanged = this.#namedLast !== null && this.#namedLast !== runId;
    this.#namedLast = runId;
    const identity = this.#node.server?.identity ?? null;
    if (identity !== runId && (hasChanged || identity !== null)) this.#node.reopen('Sentinel names another server.');
    return isMajority && lease === this.#node.lease && identity === runId;
  }

  /** A master that was cut off or frozen answers as if nothing had happened. */
  #checkClientMaster({ runId, epoch }: SentinelConsensus): void {
    const identity = this.#server.role?.identity ?? null;
    if (identity === null) return;
    if (runId === identity) {
      this.#named = { runId, epoch };
      this.#server.reject(null);
    } else if (runId !== null || (this.#named?.runId === identity && epoch > this.#named.epoch)) {
      this.#leaveServer();
    }
  }

  #hasAnswered(askedAt: number): void {
    this.#mode.markAnswered(askedAt);
    if (this.#mode.mode === null) this.#updateMode();
  }

  #updateMode(): void {
    if (this.#timer === null || (this.#mode.mode === null && this.#sentinels?.isNew)) return;
    this.#mode.update([this.#node], this.lastError(), this.#knownProblem !== null);
  }
}
