import type { RedisClient } from './client';
import { isCluster } from './client';
import { parseInfo } from './info';

/** Facts about the server for operators. For a Cluster, about one of its masters. */
export interface ServerFacts {
  readonly version: string;
  /** Round-trip time in milliseconds. */
  readonly latency: number;
  /** The server's clock minus this machine's, in milliseconds. */
  readonly clockDifference: number;
}

/** Reads facts about the server that a client is connected to. */
export async function readServerFacts(client: RedisClient, now: () => number): Promise<ServerFacts> {
  const node = (isCluster(client) ? client.nodes('master')[0] : undefined) ?? client;
  const info = parseInfo(await node.call('INFO', 'server'));
  const before = performance.now();
  const [seconds, microseconds] = (await node.call('TIME')) as [string, string];
  const latency = performance.now() - before;
  const serverTime = Number(seconds) * 1000 + Number(microseconds) / 1000;
  return {
    version: info.get('redis_version') ?? 'unknown',
    latency,
    clockDifference: Math.round(serverTime + latency / 2 - now()),
  };
}
