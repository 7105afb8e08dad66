import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type RedisSentinelServers, startSentinels } from '../../support/redis/sentinel';
import type { RedisServer } from '../../support/redis/server';
import { waitUntil } from '../../support/wait-until';
import { type Fleet, startFleet } from '../harness/app-processes';
import type { Fault } from '../harness/trial';

const PROCESSES = 3;
/** Sentinels give a returned master time to find out by itself; and they do not fail over twice in quick succession. */
const REJOIN_PATIENCE = 60_000;

export interface SentinelFleet extends Fleet {
  readonly servers: RedisSentinelServers;
}

export async function startSentinelFleet(options: Record<string, unknown> = {}): Promise<SentinelFleet> {
  const servers = await startSentinels({ replicas: 1 });
  try {
    const place = { kind: 'sentinel', name: servers.name, sentinels: servers.addresses } as const;
    const places = Array.from({ length: PROCESSES }, () => place);
    const fleet = await startFleet({
      places,
      directPlace: place,
      ports: servers.nodes.map(({ port }) => port),
      options,
    });
    return {
      ...fleet,
      servers,
      async close() {
        await fleet.close();
        await servers.stop();
      },
    };
  } catch (error) {
    await servers.stop();
    throw error;
  }
}

async function asking<T>({ port }: RedisServer, errand: (admin: Redis) => Promise<T>): Promise<T> {
  const admin = new Redis(port, '127.0.0.1', { protocol: 2 });
  admin.on('error', () => {});
  try {
    return await errand(admin);
  } finally {
    admin.disconnect();
  }
}

export function createSentinelFaults({ servers }: SentinelFleet) {
  async function master(): Promise<RedisServer> {
    const port = await servers.masterPort();
    return servers.nodes.find((node) => node.port === port)!;
  }

  /** The node follows the master and has heard of everything. */
  async function follows(node: RedisServer): Promise<boolean> {
    const text = String(await asking(node, (admin) => admin.call('info', 'replication')));
    return text.includes('role:slave') && text.includes('master_link_status:up');
  }

  /** As long as it takes itself for the master, it takes changes from who is still connected to it; they will be lost. */
  async function demoted(node: RedisServer): Promise<void> {
    await waitUntil('the old master follows the new one', () => follows(node), REJOIN_PATIENCE);
  }

  async function replaced(old: RedisServer): Promise<void> {
    await waitUntil('another server is master', async () => (await servers.masterPort()) !== old.port, REJOIN_PATIENCE);
  }

  function losing(
    name: string,
    stop: (node: RedisServer) => Promise<void>,
    back: (node: RedisServer) => Promise<unknown>,
  ): Fault {
    return {
      name,
      async run({ breaks, mayUndo }, milliseconds) {
        const old = await master();
        breaks(null);
        mayUndo();
        await stop(old);
        await Promise.all([replaced(old), sleep(milliseconds)]);
        await back(old);
      },
    };
  }

  return {
    killed: losing(
      'Sentinel: the master killed',
      (node) => node.kill('SIGKILL'),
      (node) => node.restart(),
    ),
    // It wakes as a master, until the Sentinels tell it that it is none.
    frozen: losing(
      'Sentinel: the master frozen',
      (node) => node.kill('SIGSTOP'),
      async (node) => {
        await node.kill('SIGCONT');
        await demoted(node);
      },
    ),
    // Nothing is wrong with it, and connections to it stay as they are.
    demoted: losing('Sentinel: the master demoted', () => servers.failover(), demoted),
    /** Until the next one can be lost. */
    async rejoined(): Promise<void> {
      const present = await master();
      const others = servers.nodes.filter((node) => node !== present);
      await waitUntil(
        'the others follow the master',
        async () => (await Promise.all(others.map((node) => follows(node)))).every(Boolean),
        REJOIN_PATIENCE,
      );
    },
  };
}
