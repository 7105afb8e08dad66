import type { RedisClient } from '../../client';
import type { Connection } from '../../connection';
import type { ConnectionWatchdog } from '../connection-watchdog';
import type { NodeFeed } from '../node-feed';
import type { ClusterView } from './cluster-nodes';

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

/** Starts a new lease with each connection of the client: replies on the last one prove nothing about the next. */
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
