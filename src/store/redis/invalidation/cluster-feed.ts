import type { Lease } from '../../lease';
import { holdsNow, timestampsOf } from '../../lease';
import type { NodeHealth } from '../../store';
import { addressOf, type RedisClient, type RedisCluster } from '../client';
import { isRefusal } from '../errors';
import { slotOf } from '../hash-slot';
import { askView, type ClusterView, identifyNode } from './cluster-nodes';
import { ClusterBeat } from './cluster-poll';
import { connectionReplaced, Questions } from './connection-watchdog';
import { BEATS_PER_LAG, type Feed, type FeedOptions, type Route } from './invalidation-feed';
import { NodeFeed } from './node-feed';
import { Outlook } from './store-mode';

/** The nodes of a Cluster themselves say where else to ask, and the client is made to look where it is best not to ask. */
const FOLLOWED: Route = { isWrong: () => false };

/** A master, as the client knows it. */
interface Master {
  client: RedisClient;
  readonly feed: NodeFeed;
  /** Its id in the Cluster. */
  id: string | null;
  /** What it said last of itself, and in which beat it was asked. */
  standing: string | null;
  heardIn: number;
  /** What it said when it was last confirmed, under the lease that is in force. */
  confirmed: ClusterView | null;
  readonly questions: Questions;
}

type Beat = ClusterBeat<Master>;

/**
 * The feeds of a Cluster's masters. What was read of a slot counts under the lease of the node that owns the slot.
 *
 * A feed proves that its node has nothing more to tell. But slots move, and a node that was cut off believes for a while
 * that they are still its own. So a beat extends a node's lease only where, of the masters asked at its beginning,
 * 1. the node has answered on its feed;
 * 2. the node itself says that it is a master, with these slots, and which of them it is giving away (those do not count:
 *    reads of them may be answered, and keys in them made, elsewhere); and has said the same since the lease began;
 * 3. more than half of all masters say so of it too, and do not hold it failed;
 * 4. these, and the node, are in the epoch that is the latest anyone knows, and it has stood for maxRevocationLag.
 *
 * Why that is enough: a replica becomes a master by the votes of more than half of the masters, each of which enters a
 * new epoch before it votes. So while more than half are in the old one, nobody has been elected, and what was written
 * to these slots before the beat was sent was written to this node. A new epoch ends all leases, and none begins before
 * everybody has had time to hear who won. Not covered: CLUSTER FAILOVER TAKEOVER, and slots assigned by hand to a second
 * node, which ask nobody.
 */
export class ClusterFeed implements Feed {
  readonly #options: FeedOptions<RedisCluster>;
  readonly #client: RedisCluster;
  readonly #outlook: Outlook;
  /** By address, as in the client's `slots`. */
  readonly #masters = new Map<string, Master>();
  #started = false;
  #timer: NodeJS.Timeout | null = null;
  #beats = 0;
  #epoch = -1;
  #epochSince = Number.NEGATIVE_INFINITY;
  /** The ids of the masters that have slots, as a voter in this epoch gave them last. */
  #owners: readonly string[] = [];

  constructor(options: FeedOptions<RedisCluster>) {
    this.#options = options;
    this.#client = options.client;
    this.#outlook = new Outlook(options);
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#client.on('ready', this.#onReady);
    this.#client.on('end', this.#onEnd);
    this.#client.on('+node', this.#onTopology);
    this.#client.on('-node', this.#onTopology);
    if (this.#client.status !== 'end') this.#run();
  }

  close(): void {
    this.#client.off('ready', this.#onReady);
    this.#client.off('end', this.#onEnd);
    this.#client.off('+node', this.#onTopology);
    this.#client.off('-node', this.#onTopology);
    this.#rest();
    this.#outlook.close();
  }

  settled(): Promise<void> {
    return this.#outlook.settled;
  }

  get mode() {
    return this.#outlook.mode;
  }

  leaseFor(key: string): Lease | null {
    const slot = slotOf(key);
    // The node that the client will ask: what it says is worth nothing under another's lease.
    const master = this.#masters.get(this.#client.slots[slot]?.[0] ?? '');
    if (!master?.confirmed?.owns(slot)) return null;
    return holdsNow(master.feed.lease, this.#options.clock) ? master.feed.lease : null;
  }

  routeOf(): Route {
    return FOLLOWED;
  }

  nodes(): NodeHealth[] {
    return [...this.#masters].map(([address, { feed }]) => {
      const trusted = holdsNow(feed.lease, this.#options.clock);
      return { address, feed: feed.state, trusted, lastError: feed.failure?.message ?? null };
    });
  }

  lastError(): string | null {
    for (const { feed } of this.#masters.values()) if (feed.failure !== null) return feed.failure.message;
    return null;
  }

  #run(): void {
    if (this.#timer !== null) return;
    this.#timer = setInterval(() => this.#beat(), this.#options.maxRevocationLag / BEATS_PER_LAG);
    this.#timer.unref();
    this.#beat();
  }

  #rest(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    for (const { feed } of this.#masters.values()) feed.close();
    this.#masters.clear();
  }

  readonly #onReady = () => {
    // It may be another Cluster at the same addresses, which counts from the start.
    this.#epoch = -1;
    this.#run();
    for (const { feed } of this.#masters.values()) feed.open();
    this.#beat();
  };

  readonly #onEnd = () => {
    this.#rest();
    this.#outlook.end();
  };

  readonly #onTopology = () => {
    if (this.#timer !== null) this.#followTopology();
  };

  /** Has a feed for each master that the client knows, and for no other node. */
  #followTopology(): void {
    // Before it is ready, the client takes every node it was given for a master.
    if (this.#client.status !== 'ready') return;
    const present = new Set<string>();
    for (const client of this.#client.nodes('master')) {
      const address = addressOf(client);
      present.add(address);
      const known = this.#masters.get(address);
      if (known === undefined) this.#add(address, client);
      else if (known.client !== client) {
        known.client = client;
        known.questions.forget();
      }
    }
    for (const [address, { feed }] of this.#masters) {
      if (present.has(address)) continue;
      this.#masters.delete(address);
      feed.startAfresh();
      feed.close();
    }
  }

  #add(address: string, client: RedisClient): void {
    const master: Master = {
      client,
      id: null,
      standing: null,
      heardIn: -1,
      confirmed: null,
      questions: new Questions(this.#options.maxRevocationLag),
      feed: new NodeFeed({
        ...this.#options,
        // Until an epoch has stood long enough, and the beat after that.
        grace: 2 * this.#options.maxRevocationLag,
        client: () => master.client,
        identify: identifyNode,
        onState: () => this.#onNodeState(master),
      }),
    };
    this.#masters.set(address, master);
    master.feed.open();
  }

  #onNodeState({ feed }: Master): void {
    const masters = [...this.#masters.values()];
    if (feed.state === 'open') {
      if (masters.every((master) => master.feed.state === 'open')) this.#outlook.tried();
      this.#beat();
    } else if (feed.failure !== null) {
      this.#outlook.tried();
      this.#review();
    }
  }

  #beat(): void {
    if (this.#timer === null) return;
    this.#followTopology();
    this.#review();
    this.#lookForOthers();
    this.#beats += 1;
    const masters = [...this.#masters.values()];
    const leases = new Map(masters.map((master) => [master, master.feed.lease]));
    const beat: Beat = new ClusterBeat(this.#beats, timestampsOf(this.#options.clock), leases);
    for (const master of masters) {
      this.#lookAfterClient(master, beat.sent.monotonic);
      master.feed.ping(beat.sent).then((heard) => {
        if (!heard) return;
        beat.hear(master);
        this.#confirm(beat, master);
      });
      this.#askMaster(beat, master);
    }
  }

  /** A connection of the client's that leads nowhere is ended; the client then looks for the node again. */
  #lookAfterClient({ client, questions, feed }: Master, now: number): void {
    questions.lookAt(client, now);
    if (questions.areOverdue(client, now)) feed.askAgain();
    if (!questions.leadNowhere(client, feed.answeredAt, now)) return;
    questions.forget();
    client.disconnect();
    this.#options.emit(connectionReplaced(addressOf(client)));
  }

  /** The client learns of a new master by being sent there; a frozen one sends nobody anywhere. */
  #lookForOthers(): void {
    const ids = new Set([...this.#masters.values()].map(({ id }) => id));
    if (!ids.has(null) && this.#owners.some((id) => !ids.has(id))) this.#client.refreshSlotsCache();
  }

  async #askMaster(beat: Beat, master: Master): Promise<void> {
    const { client } = master;
    // `wait` is what the client's nodes are in before their first command.
    if ((client.status !== 'ready' && client.status !== 'wait') || master.questions.areTooMany) return;
    let view: ClusterView;
    try {
      view = await master.questions.ask(client, beat.sent.monotonic, () =>
        askView((command, ...args) => client.call(command, ...args)),
      );
    } catch (error) {
      if (isRefusal(error)) this.#hasAnswered(beat);
      return;
    }
    this.#hasAnswered(beat);
    this.#hear(beat, master, view);
  }

  #hear(beat: Beat, master: Master, view: ClusterView): void {
    if (beat.number < master.heardIn) return;
    master.heardIn = beat.number;
    master.id = view.id;
    if (view.epoch > this.#epoch) this.#enterEpoch(view.epoch);
    if (view.standing !== master.standing) {
      master.standing = view.standing;
      this.#startAfresh(master);
    }
    if (view.isVoter && view.epoch === this.#epoch) {
      this.#owners = view.masters.filter(({ hasSlots }) => hasSlots).map(({ id }) => id);
    }
    beat.add(master, view, this.#epoch);
    for (const other of beat.viewed) this.#confirm(beat, other);
  }

  /** Somewhere a failover has been voted for, or slots have moved. */
  #enterEpoch(epoch: number): void {
    this.#epoch = epoch;
    this.#epochSince = this.#options.clock.monotonic();
    for (const master of this.#masters.values()) this.#startAfresh(master);
  }

  #startAfresh(master: Master): void {
    master.confirmed = null;
    master.feed.startAfresh();
  }

  /** Extends a node's lease, once the beat has brought everything that it takes. */
  #confirm(beat: Beat, master: Master): void {
    const found = beat.confirmed(master, this.#epoch);
    if (found === null || found.lease !== master.feed.lease || found.view.id !== master.feed.identity) return;
    if (beat.sent.monotonic - this.#epochSince < this.#options.maxRevocationLag) return;
    master.feed.extend(found.lease, beat.sent);
    master.confirmed = found.view;
  }

  #hasAnswered({ sent }: Beat): void {
    this.#outlook.answered(sent.monotonic);
    if (this.#outlook.mode === null) this.#review();
  }

  #review(): void {
    if (this.#timer === null) return;
    const feeds = [...this.#masters.values()].map(({ feed }) => feed);
    this.#outlook.review(feeds, this.lastError());
  }
}
