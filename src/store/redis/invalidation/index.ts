import { isCluster } from '../client';
import { ClusterFeed } from './cluster-feed';
import type { Feed, FeedOptions } from './invalidation-feed';
import { ServerFeed } from './single-server-feed';

export type { Feed, Route } from './invalidation-feed';

/** The feed of what a client is connected to. Opens nothing before its `start`. */
export function createFeed(options: FeedOptions): Feed {
  const { client } = options;
  return isCluster(client) ? new ClusterFeed({ ...options, client }) : new ServerFeed(options);
}
