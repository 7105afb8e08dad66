import { isCluster, type RedisClient } from './client';
import { slotOf } from './slot';

/**
 * Names the nodes that serve a key, as far as the client knows: commands of one group can go out in one pipeline. The same
 * grouping as in ioredis, which refuses pipelines across groups. One for all on a single server.
 *
 * @param key With the client's own prefix.
 */
export function nodeGroup(client: RedisClient, key: string): string {
  return isCluster(client) ? (client.slots[slotOf(key)]?.join(';') ?? '') : '';
}
