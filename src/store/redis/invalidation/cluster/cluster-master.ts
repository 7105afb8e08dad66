import type { RedisClient } from '../../client';
import type { Connection } from '../../connection';
import type { ConnectionWatchdog } from '../connection-watchdog';
import type { NodeFeed } from '../node-feed';
import type { ClusterView } from './cluster-nodes';

/** A master, as the client knows it. */
export interface ClusterMaster {
  client: RedisClient;
  readonly feed: NodeFeed;
  /** Its id in the Cluster. */
  id: string | null;
  /** What it said last of itself, and in which poll it was asked. */
  selfDescription: string | null;
  heardIn: number;
  /** What it said when it was last confirmed, under the lease that is in force. */
  confirmed: ClusterView | null;
  readonly watchdog: ConnectionWatchdog;
}

/** Begins a new lease with each connection of the client: what the node said on the last one proves nothing about the next. */
export function followConnection(master: ClusterMaster, connection: Connection): void {
  const { client } = master;
  function reset(): void {
    if (client !== master.client) return;
    master.watchdog.reset();
    master.confirmed = null;
    master.feed.replaceLease();
  }
  reset();
  connection.nodeConnection(client).onChange(reset);
}
