import { holdsNow, type Lease, NEVER, type Timestamps, timestampsOf } from '../../../lease';
import type { NodeHealth } from '../../../store';
import { addressOf, type RedisCluster } from '../../client';
import { listenTo } from '../../client-events';
import { isRefusal } from '../../errors';
import { slotOf } from '../../hash-slot';
import { readSince } from '../confirmation';
import { closeDead, connectionReplaced } from '../connection-watchdog';
import { type InvalidationFeed, type InvalidationFeedOptions, POLLS_PER_LAG } from '../invalidation-feed';
import { StoreModeTracker } from '../store-mode';
import { type ClusterMaster, ClusterMasters } from './cluster-masters';
import { askView, type ClusterView } from './cluster-nodes';
import { ClusterPoll } from './cluster-poll';
import { SlotOwners, UNCONFIRMED } from './slot-owners';

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
  /** No server has to be avoided for all keys. */
  readonly serverProblem = null;
  readonly serverOf = (key: string) => this.#masters.addressOfSlot(slotOf(key));
  readonly #options: InvalidationFeedOptions<RedisCluster>;
  readonly #client: RedisCluster;
  readonly #mode: StoreModeTracker;
  readonly #masters: ClusterMasters;
  readonly #owners: SlotOwners<ClusterMaster>;
  /** Reads that wait until the node that they were sent to is confirmed. */
  readonly #unconfirmed = new Set<() => void>();
  #started = false;
  #isClosed = false;
  /** Functions that remove the listeners of the client. */
  readonly #listeners: (() => void)[] = [];
  #timer: NodeJS.Timeout | null = null;
  #polls = 0;
  #epoch = -1;
  #epochSince = Number.NEGATIVE_INFINITY;
  /** The ids of the masters with slots, as a voting master in this epoch listed them last. */
  #ownerIds: readonly string[] = [];

  constructor(options: InvalidationFeedOptions<RedisCluster>) {
    this.#options = options;
    this.#client = options.client;
    this.#mode = new StoreModeTracker(options);
    this.#masters = new ClusterMasters(options, {
      onState: (master) => this.#onNodeState(master),
      onReconnect: (master) => this.#owners.invalidate(master),
    });
    this.#owners = new SlotOwners(options);
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
    this.#isClosed = true;
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
    // The replies of the node that the client will ask are not covered by another node's lease.
    const master = this.#masters.ofSlot(slot);
    if (!master?.confirmed?.owns(slot)) return null;
    return holdsNow(master.feed.lease, this.#options.clock) ? master.feed.lease : null;
  }

  problemOf(key: string): string | null {
    // Before `start`, no node has been asked.
    if (this.#timer === null) return null;
    const slot = slotOf(key);
    const master = this.#masters.ofSlot(slot);
    return master === undefined ? UNCONFIRMED : this.#owners.problemOf(master, slot, this.#masters.all());
  }

  /** Asks all masters, and waits until enough have replied, or for half a lag. */
  confirmServer(key: string): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (this.problemOf(key) === null) end();
      };
      const end = () => {
        clearTimeout(timer);
        this.#unconfirmed.delete(check);
        resolve();
      };
      const timer = setTimeout(end, this.#options.maxRevocationLag / 2);
      this.#unconfirmed.add(check);
      // Reads that wait at the same time share the replies.
      if (this.#unconfirmed.size === 1) this.#poll();
    });
  }

  confirmedAt(key: string): Timestamps {
    const slot = slotOf(key);
    const master = this.#masters.ofSlot(slot);
    const confirmed = master === undefined ? NEVER : this.#owners.confirmedAt(master, slot, this.#masters.all());
    return readSince(confirmed, this.#options);
  }

  answeredAt(key: string): Timestamps {
    if (this.#isClosed) return timestampsOf(this.#options.clock);
    return this.#owners.answeredAt(this.serverOf(key));
  }

  nodes(): NodeHealth[] {
    return [...this.#masters.entries()].map(([address, { feed }]) => feed.health(address));
  }

  lastError(): string | null {
    for (const { feed } of this.#masters.all()) if (feed.failure !== null) return feed.failure.message;
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
    this.#masters.close();
  }

  readonly #onReady = () => {
    // It can be another Cluster at the same addresses, with lower epochs.
    this.#epoch = -1;
    this.#startPolling();
    for (const { feed } of this.#masters.all()) feed.open();
    this.#poll();
  };

  readonly #onEnd = () => {
    this.#stopPolling();
    this.#mode.clientEnded();
  };

  readonly #onTopology = () => {
    if (this.#timer !== null) this.#masters.followTopology();
  };

  #onNodeState({ feed }: ClusterMaster): void {
    const masters = [...this.#masters.all()];
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
    this.#masters.followTopology();
    this.#updateMode();
    this.#discoverMasters();
    this.#polls += 1;
    const masters = [...this.#masters.all()];
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
    const ids = new Set([...this.#masters.all()].map(({ id }) => id));
    if (!ids.has(null) && this.#ownerIds.some((id) => !ids.has(id))) this.#client.refreshSlotsCache();
  }

  async #askMaster(poll: Poll, master: ClusterMaster): Promise<void> {
    const { client } = master;
    // `wait`: the status of a node's client before its first command.
    if ((client.status !== 'ready' && client.status !== 'wait') || master.watchdog.isFull) return;
    let view: ClusterView | null;
    try {
      view = await master.watchdog.track(poll.sent.monotonic, () =>
        askView((command, ...args) => client.call(command, ...args)),
      );
    } catch (error) {
      if (isRefusal(error)) this.#hasAnswered(poll);
      return;
    }
    this.#hasAnswered(poll);
    if (view !== null) this.#addView(poll, master, view);
    if (client !== master.client) return;
    this.#owners.add(master, addressOf(client), poll.sent, view);
    for (const check of [...this.#unconfirmed]) check();
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
      this.#ownerIds = view.masters.filter(({ ranges }) => ranges.length > 0).map(({ id }) => id);
    }
    poll.add(master, view, this.#epoch);
    for (const other of poll.viewed) this.#confirm(poll, other);
  }

  /** A failover was voted on, or slots have moved. */
  #enterEpoch(epoch: number): void {
    this.#epoch = epoch;
    this.#epochSince = this.#options.clock.monotonic();
    for (const master of this.#masters.all()) this.#resetLease(master);
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
    const feeds = [...this.#masters.all()].map(({ feed }) => feed);
    this.#mode.update(feeds, this.lastError());
  }
}
