import { isCluster } from '../client';
import { ClusterFeed } from './cluster-feed';
import type { InvalidationFeed, InvalidationFeedOptions } from './invalidation-feed';
import { SingleServerFeed } from './single-server-feed';

export type { InvalidationFeed, Route } from './invalidation-feed';

/** The feed of what a client is connected to. Opens nothing before its `start`. */
export function createFeed(options: InvalidationFeedOptions): InvalidationFeed {
  const { client } = options;
  return isCluster(client) ? new ClusterFeed({ ...options, client }) : new SingleServerFeed(options);
}
