import { addressOf, type RedisClient, type RedisCluster } from '../../client';
import { ConnectionWatchdog } from '../connection-watchdog';
import type { InvalidationFeedOptions } from '../invalidation-feed';
import { NodeFeed } from '../node-feed';
import { type ClusterView, identifyNode } from './cluster-nodes';

/** A master that the client knows. */
export interface ClusterMaster {
  client: RedisClient;
  readonly feed: NodeFeed;
  /** Its id in the Cluster. */
  id: string | null;
  /** Its last description of itself. Null: none yet. */
  selfDescription: string | null;
  /** Number of the poll that this was the reply to. */
  describedIn: number;
  /** Its view when the lease that is in force was last extended. */
  confirmed: ClusterView | null;
  readonly watchdog: ConnectionWatchdog;
}

interface MasterListeners {
  /** The state of its feed has changed. */
  readonly onState: (master: ClusterMaster) => void;
  /** The client's connection to it was lost or verified, or is another one. */
  readonly onReconnect: (master: ClusterMaster) => void;
}

/** The masters that the client knows, with one feed for each. */
export class ClusterMasters {
  readonly #options: InvalidationFeedOptions<RedisCluster>;
  readonly #listeners: MasterListeners;
  /** By address, as in the client's `slots`. */
  readonly #byAddress = new Map<string, ClusterMaster>();

  constructor(options: InvalidationFeedOptions<RedisCluster>, listeners: MasterListeners) {
    this.#options = options;
    this.#listeners = listeners;
  }

  all(): Iterable<ClusterMaster> {
    return this.#byAddress.values();
  }

  entries(): Iterable<[address: string, master: ClusterMaster]> {
    return this.#byAddress.entries();
  }

  /** The address that the client will ask for keys in a slot; empty if it knows none. */
  addressOfSlot(slot: number): string {
    return this.#options.client.slots[slot]?.[0] ?? '';
  }

  /** The master that the client will ask for keys in a slot. Undefined until it is followed. */
  ofSlot(slot: number): ClusterMaster | undefined {
    return this.#byAddress.get(this.addressOfSlot(slot));
  }

  /** Adds the masters that the client has learnt of since the last call, and removes those that it lists no longer. */
  followTopology(): void {
    const { client: cluster } = this.#options;
    // Before it is ready, the client regards all nodes of its options as masters.
    if (cluster.status !== 'ready') return;
    const present = new Set<string>();
    for (const client of cluster.nodes('master')) {
      const address = addressOf(client);
      present.add(address);
      const known = this.#byAddress.get(address);
      if (known === undefined) this.#add(address, client);
      else if (known.client !== client) {
        known.client = client;
        this.#followConnection(known);
      }
    }
    for (const [address, { feed }] of this.#byAddress) {
      if (present.has(address)) continue;
      this.#byAddress.delete(address);
      feed.resetLease();
      feed.close();
    }
  }

  close(): void {
    for (const { feed } of this.#byAddress.values()) feed.close();
    this.#byAddress.clear();
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
        onState: () => this.#listeners.onState(master),
      }),
    };
    this.#byAddress.set(address, master);
    this.#followConnection(master);
    master.feed.open();
  }

  /** Starts a new lease with each connection of the client: replies on the last one prove nothing about the next. */
  #followConnection(master: ClusterMaster): void {
    const { client } = master;
    const reset = () => {
      if (client !== master.client) return;
      master.watchdog.reset();
      master.confirmed = null;
      master.feed.replaceLease();
      this.#listeners.onReconnect(master);
    };
    reset();
    this.#options.connection.nodeConnection(client).onChange(reset);
  }
}
