import type { Lease } from '../../../lease';
import { holdsNow, timestampsOf } from '../../../lease';
import type { NodeHealth } from '../../../store';
import { addressOf, type RedisClient, type RedisCluster } from '../../client';
import { listenTo } from '../../client-events';
import { isRefusal } from '../../errors';
import { slotOf } from '../../hash-slot';
import { ConnectionWatchdog, closeDead, connectionReplaced } from '../connection-watchdog';
import { type InvalidationFeed, type InvalidationFeedOptions, POLLS_PER_LAG } from '../invalidation-feed';
import { NodeFeed } from '../node-feed';
import { StoreModeTracker } from '../store-mode';
import { type ClusterMaster, followConnection } from './cluster-master';
import { askView, type ClusterView, identifyNode } from './cluster-nodes';
import { ClusterPoll } from './cluster-poll';

type Poll = ClusterPoll<ClusterMaster>;

/**
 * Feeds of a Cluster's masters. Data of a slot is cached under the lease of the node that owns the slot.
 *
 * A feed proves that its node has sent all invalidations. But slots move, and a partitioned node regards them as its own
 * for a while. So a poll extends a node's lease only if, among the masters asked at its beginning,
 * 1. the node has answered on its feed;
 * 2. the node calls itself a master of these slots, and has done so since the lease began. Slots that it is giving away
 *    do not count: reads of them can be answered, and keys in them created, on another node;
 * 3. more than half of all masters agree with 2 and have not marked the node as failed;
 * 4. they and the node are in the latest known epoch, which has lasted for maxRevocationLag.
 *
 * The argument: a replica becomes a master by the votes of more than half of the masters, and each enters a new epoch
 * before it votes. So while more than half are in the old epoch, no replica has been elected, and writes to these slots
 * that were acknowledged before the poll was sent went to this node. A new epoch ends all leases, and none begins before
 * all nodes have had time to learn the outcome. Not covered: CLUSTER FAILOVER TAKEOVER, and slots assigned by hand to a
 * second node, because neither takes a vote.
 */
export class ClusterFeed implements InvalidationFeed {
  /** The nodes of a Cluster redirect commands themselves, so that no server has to be avoided. */
  readonly serverProblem = null;
  readonly confirmServer = () => Promise.resolve();
  readonly #options: InvalidationFeedOptions<RedisCluster>;
  readonly #client: RedisCluster;
  readonly #mode: StoreModeTracker;
  /** By address, as in the client's `slots`. */
  readonly #masters = new Map<string, ClusterMaster>();
  #started = false;
  /** Functions that remove the listeners of the client. */
  readonly #listeners: (() => void)[] = [];
  #timer: NodeJS.Timeout | null = null;
  #polls = 0;
  #epoch = -1;
  #epochSince = Number.NEGATIVE_INFINITY;
  /** The ids of the masters with slots, as a voting master in this epoch listed them last. */
  #owners: readonly string[] = [];

  constructor(options: InvalidationFeedOptions<RedisCluster>) {
    this.#options = options;
    this.#client = options.client;
    this.#mode = new StoreModeTracker(options);
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#listeners.push(
      listenTo(this.#client, 'ready', this.#onReady),
      listenTo(this.#client, 'end', this.#onEnd),
      listenTo(this.#client, '+node', this.#onTopology),
      listenTo(this.#client, '-node', this.#onTopology),
    );
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

  get mode() {
    return this.#mode.mode;
  }

  leaseFor(key: string): Lease | null {
    const slot = slotOf(key);
    // The node that the client will ask: its replies are not covered by another node's lease.
    const master = this.#masters.get(this.#client.slots[slot]?.[0] ?? '');
    if (!master?.confirmed?.owns(slot)) return null;
    return holdsNow(master.feed.lease, this.#options.clock) ? master.feed.lease : null;
  }

  nodes(): NodeHealth[] {
    return [...this.#masters].map(([address, { feed }]) => {
      const trusted = holdsNow(feed.lease, this.#options.clock);
      const protocol = feed.server?.protocol ?? null;
      return { address, feed: feed.state, protocol, trusted, lastError: feed.failure?.message ?? null };
    });
  }

  lastError(): string | null {
    for (const { feed } of this.#masters.values()) if (feed.failure !== null) return feed.failure.message;
    return null;
  }

  #startPolling(): void {
    if (this.#timer !== null) return;
    this.#timer = setInterval(() => this.#poll(), this.#options.maxRevocationLag / POLLS_PER_LAG);
    this.#timer.unref();
    this.#poll();
  }

  #stopPolling(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    for (const { feed } of this.#masters.values()) feed.close();
    this.#masters.clear();
  }

  readonly #onReady = () => {
    // It can be another Cluster at the same addresses, with lower epochs.
    this.#epoch = -1;
    this.#startPolling();
    for (const { feed } of this.#masters.values()) feed.open();
    this.#poll();
  };

  readonly #onEnd = () => {
    this.#stopPolling();
    this.#mode.clientEnded();
  };

  readonly #onTopology = () => {
    if (this.#timer !== null) this.#followTopology();
  };

  /** Keeps one feed for each master that the client knows, and none for other nodes. */
  #followTopology(): void {
    // Before it is ready, the client regards all nodes of its options as masters.
    if (this.#client.status !== 'ready') return;
    const present = new Set<string>();
    for (const client of this.#client.nodes('master')) {
      const address = addressOf(client);
      present.add(address);
      const known = this.#masters.get(address);
      if (known === undefined) this.#add(address, client);
      else if (known.client !== client) {
        known.client = client;
        followConnection(known, this.#options.connection);
      }
    }
    for (const [address, { feed }] of this.#masters) {
      if (present.has(address)) continue;
      this.#masters.delete(address);
      feed.resetLease();
      feed.close();
    }
  }

  #add(address: string, client: RedisClient): void {
    const master: ClusterMaster = {
      client,
      id: null,
      selfDescription: null,
      describedIn: -1,
      confirmed: null,
      watchdog: new ConnectionWatchdog(this.#options.maxRevocationLag),
      feed: new NodeFeed({
        ...this.#options,
        // A Cluster has one database, and no SWAPDB.
        epochKey: null,
        // The first lease needs an epoch that has lasted for one lag, and a poll after that.
        grace: 2 * this.#options.maxRevocationLag,
        client: () => master.client,
        identify: identifyNode,
        onState: () => this.#onNodeState(master),
      }),
    };
    this.#masters.set(address, master);
    followConnection(master, this.#options.connection);
    master.feed.open();
  }

  #onNodeState({ feed }: ClusterMaster): void {
    const masters = [...this.#masters.values()];
    if (feed.state === 'open') {
      this.#options.onOpened();
      if (masters.every((master) => master.feed.state === 'open')) this.#mode.markAttempted();
      this.#poll();
    } else if (feed.failure !== null) {
      this.#mode.markAttempted();
      this.#updateMode();
    }
  }

  #poll(): void {
    if (this.#timer === null) return;
    this.#followTopology();
    this.#updateMode();
    this.#discoverMasters();
    this.#polls += 1;
    const masters = [...this.#masters.values()];
    const leases = new Map(masters.map((master) => [master, master.feed.lease]));
    const poll: Poll = new ClusterPoll(this.#polls, timestampsOf(this.#options.clock), leases);
    for (const master of masters) {
      this.#checkClientConnection(master, poll.sent.monotonic);
      master.feed.ping(poll.sent).then((hasAnswered) => {
        if (!hasAnswered) return;
        poll.markAnswered(master);
        this.#confirm(poll, master);
      });
      this.#askMaster(poll, master);
    }
  }

  /** Closes a dead connection of the client, which then connects to the node again. */
  #checkClientConnection({ client, watchdog, feed }: ClusterMaster, now: number): void {
    watchdog.observe(client, now);
    if (watchdog.isOverdue(client, now)) feed.retryRefused();
    if (!watchdog.isDead(client, feed.answeredAt, now)) return;
    watchdog.reset();
    closeDead(client, { reconnects: false });
    this.#options.emit(connectionReplaced(addressOf(client)));
  }

  /** The client learns about a new master by a redirection. A frozen node sends none. */
  #discoverMasters(): void {
    const ids = new Set([...this.#masters.values()].map(({ id }) => id));
    if (!ids.has(null) && this.#owners.some((id) => !ids.has(id))) this.#client.refreshSlotsCache();
  }

  async #askMaster(poll: Poll, master: ClusterMaster): Promise<void> {
    const { client } = master;
    // `wait`: the status of a node's client before its first command.
    if ((client.status !== 'ready' && client.status !== 'wait') || master.watchdog.isFull) return;
    let view: ClusterView;
    try {
      view = await master.watchdog.track(poll.sent.monotonic, () =>
        askView((command, ...args) => client.call(command, ...args)),
      );
    } catch (error) {
      if (isRefusal(error)) this.#hasAnswered(poll);
      return;
    }
    this.#hasAnswered(poll);
    this.#addView(poll, master, view);
  }

  #addView(poll: Poll, master: ClusterMaster, view: ClusterView): void {
    if (poll.number < master.describedIn) return;
    master.describedIn = poll.number;
    master.id = view.id;
    if (view.epoch > this.#epoch) this.#enterEpoch(view.epoch);
    if (view.selfDescription !== master.selfDescription) {
      master.selfDescription = view.selfDescription;
      this.#resetLease(master);
    }
    if (view.isVotingMaster && view.epoch === this.#epoch) {
      this.#owners = view.masters.filter(({ hasSlots }) => hasSlots).map(({ id }) => id);
    }
    poll.add(master, view, this.#epoch);
    for (const other of poll.viewed) this.#confirm(poll, other);
  }

  /** A failover was voted on, or slots have moved. */
  #enterEpoch(epoch: number): void {
    this.#epoch = epoch;
    this.#epochSince = this.#options.clock.monotonic();
    for (const master of this.#masters.values()) this.#resetLease(master);
  }

  #resetLease(master: ClusterMaster): void {
    master.confirmed = null;
    master.feed.resetLease();
  }

  /** Extends a node's lease if the poll has confirmed it. */
  #confirm(poll: Poll, master: ClusterMaster): void {
    const found = poll.confirmed(master, this.#epoch);
    if (found === null || found.lease !== master.feed.lease || found.view.id !== master.feed.server?.identity) return;
    if (poll.sent.monotonic - this.#epochSince < this.#options.maxRevocationLag) return;
    master.feed.extend(found.lease, poll.sent);
    master.confirmed = found.view;
  }

  #hasAnswered({ sent }: Poll): void {
    this.#mode.markAnswered(sent.monotonic);
    if (this.#mode.mode === null) this.#updateMode();
  }

  #updateMode(): void {
    if (this.#timer === null) return;
    const feeds = [...this.#masters.values()].map(({ feed }) => feed);
    this.#mode.update(feeds, this.lastError());
  }
}
