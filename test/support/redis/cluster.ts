import { Redis } from 'ioredis';
import { waitUntil } from '../wait-until';
import { type RedisServer, startRedis } from './server';

export interface RedisClusterOptions {
  /** Default 3, the fewest that a Cluster can have. */
  readonly masters?: number;
  /** Replicas of each master. Default 0. */
  readonly replicas?: number;
  /** More of redis-server's arguments, for every node. */
  readonly args?: readonly string[];
}

export interface RedisClusterServers {
  /** Masters first, then replicas: those of the first master, of the second… */
  readonly nodes: readonly RedisServer[];
  /** The first argument of `new Cluster(…)`. */
  readonly startupNodes: readonly { host: string; port: number }[];
  stop(): Promise<void>;
}

const SLOTS = 16384;

async function startNode(args: readonly string[]): Promise<RedisServer> {
  const cluster = ['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf', '--cluster-node-timeout', '2000'];
  return startRedis({ args: [...cluster, ...args] });
}

async function giveSlots(masters: readonly Redis[]): Promise<void> {
  await Promise.all(
    masters.map(async (admin, i) => {
      const from = Math.floor((SLOTS * i) / masters.length);
      const to = Math.floor((SLOTS * (i + 1)) / masters.length) - 1;
      await admin.call('cluster', 'addslotsrange', String(from), String(to));
      // Distinct epochs from the start spare the nodes a negotiation.
      await admin.call('cluster', 'set-config-epoch', String(i + 1));
    }),
  );
}

async function isWhole(admin: Redis, nodes: number): Promise<boolean> {
  const info = String(await admin.call('cluster', 'info'));
  return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${nodes}\r`);
}

/** Starts a Redis Cluster and waits until every node reports it in order. */
export async function startCluster({
  masters = 3,
  replicas = 0,
  args = [],
}: RedisClusterOptions = {}): Promise<RedisClusterServers> {
  const nodes = await Promise.all(Array.from({ length: masters * (1 + replicas) }, () => startNode(args)));
  const admins = nodes.map(({ port }) => new Redis(port, { protocol: 2 }));
  try {
    await giveSlots(admins.slice(0, masters));
    const first = nodes[0] as RedisServer;
    await Promise.all(admins.slice(1).map((admin) => admin.call('cluster', 'meet', '127.0.0.1', String(first.port))));
    const whole = () => Promise.all(admins.map((admin) => isWhole(admin, nodes.length)));
    await waitUntil('all nodes know each other', async () => {
      const known = await Promise.all(admins.map((admin) => admin.call('cluster', 'nodes')));
      return known.every((text) => String(text).trim().split('\n').length === nodes.length);
    });
    const masterIds = await Promise.all(admins.slice(0, masters).map((admin) => admin.call('cluster', 'myid')));
    await Promise.all(
      admins.slice(masters).map((admin, i) => {
        return admin.call('cluster', 'replicate', String(masterIds[Math.floor(i / replicas)]));
      }),
    );
    await waitUntil('the cluster is in order', async () => (await whole()).every(Boolean), 20_000);
  } finally {
    for (const admin of admins) admin.disconnect();
  }
  return {
    nodes,
    startupNodes: nodes.map(({ port }) => ({ host: '127.0.0.1', port })),
    async stop() {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}
