import type { Lease } from '../../lease';
import { holdsNow, timestampsOf } from '../../lease';
import type { NodeHealth } from '../../store';
import { addressOf, type RedisClient, usesSentinels } from '../client';
import { isRefusal, refusalCode } from '../errors';
import { parseInfo } from '../info';
import { ConnectionWatchdog, connectionReplaced } from './connection-watchdog';
import { type InvalidationFeed, type InvalidationFeedOptions, POLLS_PER_LAG, type Route } from './invalidation-feed';
import { NodeFeed } from './node-feed';
import { type SentinelConsensus, SentinelMonitor } from './sentinel-monitor';
import { StoreModeTracker } from './store-mode';
import type { Ask } from './tracking-connection';

/** What a server outside of a Cluster is, by its own account. */
export interface ServerRole {
  /** Its run id, new with each start; null where it may not be known. */
  readonly identity: string | null;
  readonly isMaster: boolean;
}

/** Not being allowed to look is not a sign of anything. */
const UNKNOWN: ServerRole = { identity: null, isMaster: true };

/** Asks a server what it is. Rejects where it does not answer. */
export async function askServerRole(ask: Ask): Promise<ServerRole> {
  try {
    const [server, replication] = (await Promise.all([ask('info', 'server'), ask('info', 'replication')])).map(
      parseInfo,
    );
    return { identity: server?.get('run_id') ?? null, isMaster: (replication?.get('role') ?? 'master') === 'master' };
  } catch (error) {
    if (isRefusal(error) && /^(?:NOPERM|ERR)$/.test(refusalCode(error))) return UNKNOWN;
    throw error;
  }
}

/** Which server a feed is on; rejects on replicas, which hear of changes late, if at all. */
export async function identifyMaster(ask: Ask): Promise<string | null> {
  const { identity, isMaster } = await askServerRole(ask);
  if (!isMaster) throw new Error('The server is a replica.');
  return identity;
}

/** How often, at most, the caller's client is made to connect anew. Milliseconds. */
const FORCED_RECONNECT_INTERVAL = 1000;

/**
 * The feed of a single server, which Sentinel may replace by another.
 *
 * A feed proves that *its* server has nothing more to tell. That is worth something only if this server is the one that
 * the caller's client reads from, and the one that takes changes. So a poll extends the lease only where all agree that
 * were asked at its beginning: the feed's server has answered; the client's server calls itself a master and has the
 * feed's run id; the Sentinels, name the same run id.
 */
export class SingleServerFeed implements InvalidationFeed {
  readonly #options: InvalidationFeedOptions;
  readonly #client: RedisClient;
  readonly #node: NodeFeed;
  readonly #mode: StoreModeTracker;
  readonly #hasSentinels: boolean;
  #started = false;
  #sentinels: SentinelMonitor | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** Counts the connections that the client has made and lost. */
  #connection = 0;
  #connectedAt = Number.NEGATIVE_INFINITY;
  #openedAt = Number.NEGATIVE_INFINITY;
  /** What the client's server is; null where it has not been told on this connection. */
  #serverRole: ServerRole | null = null;
  /** The run id of a server that has been replaced while the client was connected to it; empty where it is not known. */
  #replaced: string | null = null;
  /** What the client was connected to when the Sentinels last named just that, and the epoch in which they did. */
  #named: { readonly runId: string; readonly epoch: number } | null = null;
  #namedLast: string | null = null;
  #reconnectedAt = Number.NEGATIVE_INFINITY;
  readonly #watchdog: ConnectionWatchdog;

  constructor(options: InvalidationFeedOptions) {
    this.#options = options;
    this.#client = options.client;
    this.#hasSentinels = usesSentinels(options.client);
    this.#mode = new StoreModeTracker(options);
    this.#watchdog = new ConnectionWatchdog(options.maxRevocationLag);
    this.#node = new NodeFeed({
      ...options,
      grace: options.maxRevocationLag,
      client: () => this.#client,
      identify: identifyMaster,
      onState: () => this.#onNodeState(),
    });
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#client.on('ready', this.#onReady);
    this.#client.on('close', this.#onClose);
    this.#client.on('end', this.#onEnd);
    if (this.#client.status !== 'end') this.#startPolling();
  }

  close(): void {
    this.#client.off('ready', this.#onReady);
    this.#client.off('close', this.#onClose);
    this.#client.off('end', this.#onEnd);
    this.#stopPolling();
    this.#mode.close();
  }

  settled(): Promise<void> {
    return this.#mode.settled;
  }

  leaseFor(): Lease | null {
    return holdsNow(this.#node.lease, this.#options.clock) ? this.#node.lease : null;
  }

  routeOf(): Route {
    return { isWrong: () => this.#replaced !== null };
  }

  nodes(): NodeHealth[] {
    const { state, failure, lease } = this.#node;
    const trusted = holdsNow(lease, this.#options.clock);
    return [{ address: addressOf(this.#client), feed: state, trusted, lastError: failure?.message ?? null }];
  }

  get mode() {
    return this.#mode.mode;
  }

  lastError(): string | null {
    if (this.#replaced !== null) return 'The client is connected to a server that no longer takes changes.';
    return this.#node.failure?.message ?? null;
  }

  #startPolling(): void {
    if (this.#timer !== null) return;
    this.#timer = setInterval(() => this.#poll(), this.#options.maxRevocationLag / POLLS_PER_LAG);
    this.#timer.unref();
    if (this.#hasSentinels) this.#sentinels = new SentinelMonitor(this.#client, this.#options.maxRevocationLag);
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
    this.#connection += 1;
    this.#connectedAt = this.#options.clock.monotonic();
    this.#serverRole = null;
    this.#startPolling();
    // It has been back for a while, perhaps, or lets us now.
    this.#node.open();
    this.#poll();
  };

  readonly #onClose = () => {
    this.#connection += 1;
    this.#serverRole = null;
    this.#watchdog.reset();
  };

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

  async #poll(): Promise<void> {
    this.#updateMode();
    const sent = timestampsOf(this.#options.clock);
    this.#checkClientConnection(sent.monotonic);
    const { lease } = this.#node;
    const agreed = await Promise.all([
      this.#node.ping(sent),
      this.#askClient(sent.monotonic),
      this.#askSentinels(lease),
    ]);
    if (!agreed.every(Boolean)) return;
    this.#node.extend(lease, sent);
  }

  /** The server may be there for whoever asks it on a connection of ours, and the client's lead nowhere. */
  #checkClientConnection(now: number): void {
    this.#watchdog.observe(this.#client, now);
    if (this.#watchdog.isOverdue(this.#client, now)) this.#node.askAgain();
    if (this.#watchdog.isDead(this.#client, this.#node.answeredAt, now) && this.#reconnectClient()) {
      this.#options.emit(connectionReplaced(addressOf(this.#client)));
    }
  }

  /** Asks the client's server what it is. Resolves with whether it is the feed's, and takes changes. */
  async #askClient(now: number): Promise<boolean> {
    if (this.#client.status !== 'ready' || this.#watchdog.isFull) return false;
    const connection = this.#connection;
    try {
      const role = await this.#watchdog.track(this.#client, now, () =>
        askServerRole((command, ...args) => this.#client.call(command, ...args)),
      );
      this.#hasAnswered(now);
      // The client has been elsewhere since, and whose answer this is, nobody knows.
      if (connection !== this.#connection) return false;
      this.#serverRole = role;
      return this.#isSameMaster(role);
    } catch (error) {
      if (isRefusal(error)) this.#hasAnswered(now);
      return false;
    }
  }

  #isSameMaster(role: ServerRole): boolean {
    if (!role.isMaster) {
      this.#forceReconnect();
      return false;
    }
    // It has gone elsewhere, or has been made a master again; under Sentinel that is not for the server to say.
    if (role.identity !== this.#replaced || !this.#hasSentinels) this.#replaced = null;
    if (this.#node.state !== 'open') return false;
    const { identity } = this.#node;
    // Where nothing can be learnt, a single address is taken to mean a single server; Sentinel means several.
    if (identity === null || role.identity === null) return !this.#hasSentinels;
    if (identity === role.identity) return true;
    // An address that leads to another server now. The client has been there later, and knows better.
    if (this.#openedAt < this.#connectedAt) this.#node.reopen('The client is connected to another server.');
    return false;
  }

  /** Resolves with whether the Sentinels name the feed's server. Who is elsewhere is sent to look again. */
  async #askSentinels(lease: Lease): Promise<boolean> {
    if (this.#sentinels === null) return !this.#hasSentinels;
    const consensus = await this.#sentinels.ask();
    if (consensus === null) return false;
    this.#checkClientMaster(consensus);
    const { runId, isMajority } = consensus;
    if (runId === null) return false;
    // A connection that is still being made may have been sent to the old server.
    const hasChanged = this.#namedLast !== null && this.#namedLast !== runId;
    this.#namedLast = runId;
    const { identity } = this.#node;
    if (identity !== runId && (hasChanged || identity !== null)) this.#node.reopen('Sentinel names another server.');
    return isMajority && lease === this.#node.lease && identity === runId;
  }

  /** A master that was cut off or frozen answers as if nothing had happened. */
  #checkClientMaster({ runId, epoch }: SentinelConsensus): void {
    const client = this.#serverRole?.identity ?? null;
    if (client === null) return;
    if (runId === client) {
      this.#named = { runId, epoch };
      if (this.#serverRole?.isMaster) this.#replaced = null;
    } else if (runId !== null || (this.#named?.runId === client && epoch > this.#named.epoch)) {
      this.#forceReconnect();
    }
  }

  /** What it reads there may be old. It would stay, because connections do not end when a server is replaced. */
  #forceReconnect(): void {
    this.#replaced = this.#serverRole?.identity ?? '';
    this.#reconnectClient();
  }

  /** Has the client connect anew, where it does so by itself; gives whether it has been told to. */
  #reconnectClient(): boolean {
    const now = this.#options.clock.monotonic();
    const { retryStrategy } = this.#client.options as { retryStrategy?: unknown };
    if (typeof retryStrategy !== 'function' || now - this.#reconnectedAt < FORCED_RECONNECT_INTERVAL) return false;
    this.#reconnectedAt = now;
    this.#client.disconnect(true);
    return true;
  }

  #hasAnswered(askedAt: number): void {
    this.#mode.markAnswered(askedAt);
    if (this.#mode.mode === null) this.#updateMode();
  }

  #updateMode(): void {
    if (this.#timer !== null) this.#mode.update([this.#node], this.lastError());
  }
}
