import { rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { waitUntil } from '../wait-until';
import { freePort } from './free-port';
import { type RedisServer, startRedis } from './server';
import { startGuarded } from './spawn-server';

export interface SentinelOptions {
  /** Default 1. */
  readonly replicas?: number;
  /** Default 3. */
  readonly sentinels?: number;
  /** Milliseconds without an answer after which a server counts as down. Default 500. */
  readonly downAfter?: number;
  /** More of redis-server's arguments, for the master and its replicas. */
  readonly args?: readonly string[];
}

export interface Sentinel {
  readonly port: number;
  kill(signal: NodeJS.Signals): void;
}

/** A master with replicas, and Sentinels that monitor them. */
export interface RedisSentinelServers {
  /** The Sentinels' name for the group. */
  readonly name: string;
  /** The first master, then its replicas. */
  readonly nodes: readonly RedisServer[];
  readonly sentinels: readonly Sentinel[];
  /** The `sentinels` of `new Redis({ sentinels, name })`. */
  readonly addresses: readonly { host: string; port: number }[];
  /** The port of the master, as the first Sentinel that answers reports it. */
  masterPort(): Promise<number>;
  /** Makes the Sentinels replace the master, healthy or not. */
  failover(): Promise<void>;
  stop(): Promise<void>;
}

const NAME = 'main';
const HOST = '127.0.0.1';

interface Running extends Sentinel {
  stop(): Promise<void>;
}

async function startSentinel(masterPort: number, quorum: number, downAfter: number): Promise<Running> {
  const dir = await mkdtemp(join(tmpdir(), 'keyscope-sentinel-'));
  const port = await freePort();
  const config = join(dir, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    `bind ${HOST}`,
    `dir ${dir}`,
    `sentinel monitor ${NAME} ${HOST} ${masterPort} ${quorum}`,
    `sentinel down-after-milliseconds ${NAME} ${downAfter}`,
    `sentinel failover-timeout ${NAME} 3000`,
  ];
  await writeFile(config, `${lines.join('\n')}\n`);
  const { pid, ended } = await startGuarded(dir, ['redis-server', config, '--sentinel']);
  let running = true;
  ended.then(() => {
    running = false;
  });
  const kill = (signal: NodeJS.Signals) => {
    if (running) process.kill(pid, signal);
  };
  return {
    port,
    kill,
    async stop() {
      kill('SIGKILL');
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function toFields(reply: unknown): Map<string, string> {
  const list = Array.isArray(reply) ? reply.map(String) : [];
  return new Map(list.flatMap((name, i) => (i % 2 === 0 ? [[name, list[i + 1] ?? '']] : [])));
}

/** Starts a master, replicas and Sentinels and waits until all know each other. */
export async function startSentinels({
  replicas = 1,
  sentinels = 3,
  downAfter = 500,
  args = [],
}: SentinelOptions = {}): Promise<RedisSentinelServers> {
  const common = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1', ...args];
  const master = await startRedis({ args: common });
  const followers = await Promise.all(
    Array.from({ length: replicas }, () => startRedis({ args: [...common, '--replicaof', HOST, String(master.port)] })),
  );
  const quorum = Math.floor(sentinels / 2) + 1;
  const watching = await Promise.all(
    Array.from({ length: sentinels }, () => startSentinel(master.port, quorum, downAfter)),
  );
  const admins = watching.map(({ port }) => new Redis(port, { protocol: 2, enableReadyCheck: false }));
  for (const admin of admins) admin.on('error', () => {}); // they end before this one does
  await waitUntil(
    'the Sentinels know each other and the replicas',
    async () => {
      const views = await Promise.all(admins.map((admin) => admin.call('sentinel', 'MASTER', NAME)));
      return views.map(toFields).every((view) => {
        const known = view.get('num-slaves') === String(replicas);
        return known && view.get('num-other-sentinels') === String(sentinels - 1) && view.get('flags') === 'master';
      });
    },
    30_000,
  );

  return {
    name: NAME,
    nodes: [master, ...followers],
    sentinels: watching,
    addresses: watching.map(({ port }) => ({ host: HOST, port })),
    async masterPort() {
      const address = await Promise.any(admins.map((admin) => admin.call('sentinel', 'GET-MASTER-ADDR-BY-NAME', NAME)));
      return Number((address as string[])[1]);
    },
    async failover() {
      await Promise.any(admins.map((admin) => admin.call('sentinel', 'FAILOVER', NAME)));
    },
    async stop() {
      for (const admin of admins) admin.disconnect();
      await Promise.all([...watching, master, ...followers].map((each) => each.stop()));
    },
  };
}
