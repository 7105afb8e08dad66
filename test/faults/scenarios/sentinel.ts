import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type RedisSentinelServers, startSentinels } from '../../support/redis/sentinel';
import type { RedisServer } from '../../support/redis/server';
import { waitUntil } from '../../support/wait-until';
import { type Deployment, startDeployment } from '../harness/app-processes';
import type { Fault } from '../harness/trial';

const PROCESSES = 3;
/** Sentinels wait before they demote a returned master, and before they fail over again. Milliseconds. */
const REJOIN_TIMEOUT = 60_000;

export interface SentinelDeployment extends Deployment {
  readonly servers: RedisSentinelServers;
}

export async function startSentinelDeployment(options: Record<string, unknown> = {}): Promise<SentinelDeployment> {
  const servers = await startSentinels({ replicas: 1 });
  try {
    const location = { kind: 'sentinel', name: servers.name, sentinels: servers.addresses } as const;
    const locations = Array.from({ length: PROCESSES }, () => location);
    const deployment = await startDeployment({
      locations,
      directLocation: location,
      ports: servers.nodes.map(({ port }) => port),
      options,
    });
    return {
      ...deployment,
      servers,
      async close() {
        await deployment.close();
        await servers.stop();
      },
    };
  } catch (error) {
    await servers.stop();
    throw error;
  }
}

async function withAdmin<T>({ port }: RedisServer, action: (admin: Redis) => Promise<T>): Promise<T> {
  const admin = new Redis(port, '127.0.0.1', { protocol: 2 });
  admin.on('error', () => {});
  try {
    return await action(admin);
  } finally {
    admin.disconnect();
  }
}

export function createSentinelFaults({ servers }: SentinelDeployment) {
  async function master(): Promise<RedisServer> {
    const port = await servers.masterPort();
    return servers.nodes.find((node) => node.port === port)!;
  }

  /** Whether the node is a replica in sync with the master. */
  async function follows(node: RedisServer): Promise<boolean> {
    const text = String(await withAdmin(node, (admin) => admin.call('info', 'replication')));
    return text.includes('role:slave') && text.includes('master_link_status:up');
  }

  /** A master that is not yet demoted accepts changes from clients still connected to it. They will be lost. */
  async function demoted(node: RedisServer): Promise<void> {
    await waitUntil('the old master follows the new one', () => follows(node), REJOIN_TIMEOUT);
  }

  async function replaced(old: RedisServer): Promise<void> {
    await waitUntil('another server is master', async () => (await servers.masterPort()) !== old.port, REJOIN_TIMEOUT);
  }

  function losing(
    name: string,
    stop: (node: RedisServer) => Promise<void>,
    back: (node: RedisServer) => Promise<unknown>,
  ): Fault {
    return {
      name,
      async run({ expectOutage, expectRollback }, milliseconds) {
        const old = await master();
        expectOutage(null);
        expectRollback();
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
    // It continues as a master until the Sentinels demote it.
    frozen: losing(
      'Sentinel: the master frozen',
      (node) => node.kill('SIGSTOP'),
      async (node) => {
        await node.kill('SIGCONT');
        await demoted(node);
      },
    ),
    // The server works, and connections to it stay open.
    demoted: losing('Sentinel: the master demoted', () => servers.failover(), demoted),
    /** Waits until the other nodes follow the master, so that it can fail. */
    async rejoined(): Promise<void> {
      const present = await master();
      const others = servers.nodes.filter((node) => node !== present);
      await waitUntil(
        'the others follow the master',
        async () => (await Promise.all(others.map((node) => follows(node)))).every(Boolean),
        REJOIN_TIMEOUT,
      );
    },
  };
}
