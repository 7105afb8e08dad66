import { within } from '../../timeout';
import { isCluster, keyPrefixOf, type RedisClient } from './client';
import { parseInfo } from './info';
import { FEED_NAME } from './invalidation';

/** Facts about the server for operators. Null: the server does not permit the command, or does not say. */
export interface ServerFacts {
  readonly version: string | null;
  /** Round-trip time in milliseconds. */
  readonly latency: number | null;
  /** The server's clock minus this machine's, in milliseconds. */
  readonly clockDifference: number | null;
  /** Setting `maxmemory-policy`. */
  readonly evictionPolicy: string | null;
  /** Whether every write is kept in an append-only file. */
  readonly appendOnly: boolean | null;
  readonly replicas: number | null;
  /** Bytes in use. */
  readonly memory: number | null;
  /** Setting `maxmemory`, in bytes; 0: no limit. */
  readonly maxMemory: number | null;
  /** API keys in the namespace. */
  readonly keys: number | null;
  /** False if there are too many entries to count all keys. */
  readonly isCountComplete: boolean;
  /** Feeds of all processes that are connected. */
  readonly feeds: number | null;
}

/** SCAN pages that are read at most, and entries of a page. */
const MAX_PAGES = 200;
const PAGE = 1000;

async function orNull<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch {
    return null;
  }
}

function toNumber(text: string | undefined): number | null {
  return text === undefined || text === '' ? null : Number(text);
}

async function askTime(
  node: RedisClient,
  now: () => number,
): Promise<Pick<ServerFacts, 'latency' | 'clockDifference'>> {
  const before = performance.now();
  const time = await orNull(async () => (await node.call('TIME')) as [string, string]);
  if (time === null) return { latency: null, clockDifference: null };
  const latency = performance.now() - before;
  const serverTime = Number(time[0]) * 1000 + Number(time[1]) / 1000;
  return { latency, clockDifference: Math.round(serverTime + latency / 2 - now()) };
}

/** Counts the keys on one node. */
async function countKeys(node: RedisClient, pattern: string): Promise<{ count: number; isComplete: boolean }> {
  let count = 0;
  let cursor = '0';
  for (let page = 0; page < MAX_PAGES; page++) {
    const [next, names] = (await node.call('SCAN', cursor, 'MATCH', pattern, 'COUNT', String(PAGE))) as [
      string,
      string[],
    ];
    count += names.length;
    cursor = String(next);
    if (cursor === '0') return { count, isComplete: true };
  }
  return { count, isComplete: false };
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0);

/** Reads facts about the server that a client is connected to. For a Cluster, keys and feeds are those of all masters. */
export async function readServerFacts(
  client: RedisClient,
  namespace: string,
  now: () => number,
  timeout: number,
): Promise<ServerFacts> {
  const nodes = isCluster(client) ? client.nodes('master') : [client];
  const [node = client] = nodes;
  const pattern = `${keyPrefixOf(client)}${namespace}:key:*`;
  const [info, time, counts, lists] = await within(
    timeout,
    Promise.all([
      orNull(async () => parseInfo(await node.call('INFO'))),
      askTime(node, now),
      orNull(() => Promise.all(nodes.map((each) => countKeys(each, pattern)))),
      orNull(() => Promise.all(nodes.map(async (each) => String(await each.call('CLIENT', 'LIST'))))),
    ]),
  );
  const feeds = lists?.map((list) => list.split('\n').filter((line) => line.includes(`name=${FEED_NAME} `)).length);
  const appendOnly = info?.get('aof_enabled');
  return {
    ...time,
    version: info?.get('redis_version') ?? null,
    evictionPolicy: info?.get('maxmemory_policy') ?? null,
    appendOnly: appendOnly === undefined ? null : appendOnly === '1',
    replicas: toNumber(info?.get('connected_slaves')),
    memory: toNumber(info?.get('used_memory')),
    maxMemory: toNumber(info?.get('maxmemory')),
    keys: counts === null ? null : sum(counts.map(({ count }) => count)),
    isCountComplete: counts?.every(({ isComplete }) => isComplete) ?? false,
    // The doctor's own feeds are one for each node.
    feeds: feeds === undefined ? null : sum(feeds) - nodes.length,
  };
}
