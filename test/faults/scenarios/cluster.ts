import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { slotOf } from '../../../src/store/redis/hash-slot';
import { workspaceTag } from '../../../src/token/format';
import { type RedisClusterServers, startCluster } from '../../support/redis/cluster';
import type { RedisServer } from '../../support/redis/server';
import { waitUntil } from '../../support/wait-until';
import { type Deployment, startDeployment } from '../harness/app-processes';
import type { Fault } from '../harness/trial';

const PROCESSES = 3;
/** `cluster-node-timeout`: the time after which other nodes consider a node failed. Milliseconds. */
const NODE_TIMEOUT = 1000;
/** Time within which a killed node must rejoin as a synchronized replica. Milliseconds. */
const REJOIN_TIMEOUT = 30_000;

export interface ClusterServers {
  readonly servers: RedisClusterServers;
  readonly admins: readonly Redis[];
  stop(): Promise<void>;
}

/** Three masters with one replica each. */
export async function startClusterServers(): Promise<ClusterServers> {
  const servers = await startCluster({
    masters: 3,
    replicas: 1,
    args: ['--cluster-node-timeout', String(NODE_TIMEOUT), '--repl-diskless-sync-delay', '0'],
  });
  const admins = servers.nodes.map(({ port }) => new Redis(port, '127.0.0.1', { protocol: 2 }));
  // Nodes are killed while these are connected.
  for (const admin of admins) admin.on('error', () => {});
  return {
    servers,
    admins,
    async stop() {
      for (const admin of admins) admin.disconnect();
      await servers.stop();
    },
  };
}

export async function startClusterDeployment(
  { servers }: ClusterServers,
  options: Record<string, unknown> = {},
): Promise<Deployment> {
  const location = { kind: 'cluster', nodes: servers.startupNodes } as const;
  const locations = Array.from({ length: PROCESSES }, () => location);
  return startDeployment({
    locations,
    directLocation: location,
    ports: servers.nodes.map(({ port }) => port),
    options,
  });
}

interface Row {
  readonly id: string;
  readonly port: number;
  readonly isMaster: boolean;
  readonly hasFailed: boolean;
  readonly slots: number;
}

const slotOfWorkspace = (workspaceId: string) => slotOf(`{${workspaceTag(workspaceId)}}`);

/** A row of CLUSTER SLOTS: first slot, last slot, and the master's host and port. */
type SlotRange = readonly [from: number, to: number, master: readonly [host: string, port: number]];

async function nodesAsSeenBy(admin: Redis): Promise<Row[]> {
  const text = String(await admin.call('cluster', 'nodes'));
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [id = '', address = '', flags = '', , , , , ...slots] = line.split(' ');
      const port = Number(/:(\d+)/.exec(address)?.[1]);
      return {
        id,
        port,
        isMaster: flags.includes('master'),
        hasFailed: flags.includes('fail'),
        slots: slots.filter((slot) => !slot.startsWith('[')).length,
      };
    });
}

export function createClusterFaults({ servers, admins }: ClusterServers) {
  const indexOf = ({ port }: Row) => servers.nodes.findIndex((node) => node.port === port);

  /** The cluster as the first reachable node sees it. */
  async function view(): Promise<Row[]> {
    return Promise.any(admins.map((admin) => nodesAsSeenBy(admin)));
  }

  async function masters(): Promise<Row[]> {
    return (await view()).filter(({ isMaster, hasFailed, slots }) => isMaster && !hasFailed && slots > 0);
  }

  async function isHealthy(): Promise<boolean> {
    const infos = await Promise.all(admins.map((admin) => admin.call('cluster', 'info')));
    const replications = await Promise.all(admins.map((admin) => admin.call('info', 'replication')));
    return (
      infos.every((info) => String(info).includes('cluster_state:ok')) &&
      replications.every((text) => /role:master|master_link_status:up/.test(String(text))) &&
      replications.filter((text) => /role:slave/.test(String(text))).length === 3
    );
  }

  const rejoined = () => waitUntil('every master has a replica again', isHealthy, REJOIN_TIMEOUT);

  async function promoted(instead: Row): Promise<void> {
    await waitUntil(
      'another node has taken over',
      async () => {
        const present = await masters();
        return present.length === 3 && present.every(({ port }) => port !== instead.port);
      },
      REJOIN_TIMEOUT,
    );
  }

  /** A master stops for longer than `cluster-node-timeout`. */
  function losing(
    name: string,
    stop: (node: RedisServer) => Promise<void>,
    back: (node: RedisServer) => Promise<void>,
  ) {
    const fault: Fault = {
      name,
      async run({ model, expectOutage, expectRollback, random, note }, milliseconds) {
        // One that has keys of the traffic: slots may have been moved away from the others.
        const master = await ownerOf(slotOfWorkspace(random.pick(model.workspaces)));
        const node = servers.nodes[indexOf(master)]!;
        expectOutage(null);
        expectRollback();
        await stop(node);
        await Promise.all([promoted(master), sleep(milliseconds)]);
        note(`node ${indexOf(master)} was replaced`);
        await back(node);
        await rejoined();
      },
    };
    return fault;
  }

  /** Moves a slot, a few keys at a time, while they are requested and changed. */
  async function moveSlot(slot: number, from: Row, to: Row): Promise<number> {
    const [source, target] = [admins[indexOf(from)]!, admins[indexOf(to)]!];
    await target.call('cluster', 'setslot', String(slot), 'importing', from.id);
    await source.call('cluster', 'setslot', String(slot), 'migrating', to.id);
    let moved = 0;
    for (;;) {
      const keys = (await source.call('cluster', 'getkeysinslot', String(slot), '3')) as string[];
      if (keys.length === 0) break;
      await source.call('migrate', '127.0.0.1', String(to.port), '', '0', '5000', 'KEYS', ...keys);
      moved += keys.length;
      await sleep(5);
    }
    const others = (await masters()).filter(({ id }) => id !== to.id && id !== from.id);
    for (const node of [to, from, ...others]) {
      await admins[indexOf(node)]!.call('cluster', 'setslot', String(slot), 'node', to.id);
    }
    return moved;
  }

  async function ownerOf(slot: number): Promise<Row> {
    const ranges = (await Promise.any(admins.map((admin) => admin.call('cluster', 'slots')))) as SlotRange[];
    const [, , [, port]] = ranges.find(([from, to]) => from <= slot && slot <= to)!;
    return (await masters()).find((row) => row.port === port)!;
  }

  return {
    killed: losing(
      'a master killed',
      (node) => node.kill('SIGKILL'),
      (node) => node.restart(),
    ),

    // It continues as a master until the other nodes demote it.
    frozen: losing(
      'a master frozen',
      (node) => node.kill('SIGSTOP'),
      (node) => node.kill('SIGCONT'),
    ),

    slotsMoved: {
      name: 'slots moved',
      async run({ model, random, note }, milliseconds) {
        const until = performance.now() + milliseconds;
        let slots = 0;
        let keys = 0;
        while (performance.now() < until) {
          const slot = slotOfWorkspace(random.pick(model.workspaces));
          const from = await ownerOf(slot);
          const to = random.pick((await masters()).filter(({ id }) => id !== from.id));
          keys += await moveSlot(slot, from, to);
          slots += 1;
          await sleep(random.between(50, 300));
        }
        note(`${slots} slots moved, with ${keys} entries`);
      },
    } satisfies Fault,
  };
}
