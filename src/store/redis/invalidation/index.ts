import { isCluster } from '../client';
import { ClusterFeed } from './cluster/cluster-feed';
import type { InvalidationFeed, InvalidationFeedOptions } from './invalidation-feed';
import { SingleServerFeed } from './single-server-feed';

export type { InvalidationFeed } from './invalidation-feed';
export { FEED_NAME } from './tracking-connection';

/** The feed of what a client is connected to. Opens nothing before its `start`. */
export function createFeed(options: InvalidationFeedOptions): InvalidationFeed {
  const { client, connection } = options;
  if (isCluster(client)) return new ClusterFeed({ ...options, client });
  if (connection.server === null) throw new Error('A client of a single server has one connection.');
  return new SingleServerFeed(options, connection.server);
}
