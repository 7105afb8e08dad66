import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type Restriction, startRestrictedRedis } from '../../support/redis/restricted-redis';
import { type RedisServer, startRedis } from '../../support/redis/server';
import { type Hindrance, startTcpProxy, type TcpProxy } from '../../support/tcp-proxy';
import { type Deployment, startDeployment } from '../harness/app-processes';
import { now } from '../harness/clock';
import type { Random } from '../harness/random';
import type { Fault, FaultContext } from '../harness/trial';

/** One Redis server, and one proxy per process. */
export interface SingleServerDeployment extends Deployment {
  readonly server: RedisServer;
  readonly proxies: readonly TcpProxy[];
  /** Runs an action over a new connection. */
  ask<T>(action: (admin: Redis) => Promise<T>): Promise<T>;
}

const PROCESSES = 3;
/** Name of feed connections, in the first command they send. */
const FEED = 'keyscope-feed';
const KINDS = { feed: (sent: string) => sent.includes(FEED) };
/** The proxies' name for all other connections: those of the apps' own clients. */
const DATA = 'other';

/** @param restriction - Makes the server behave like a managed one. Default: none. */
export async function startSingleServer(random: Random, restriction?: Restriction): Promise<SingleServerDeployment> {
  // Acknowledged changes are on disk. Otherwise a killed server may lose them.
  const server = await startRedis({ persistent: true, args: ['--appendfsync', 'always'] });
  const restricted = restriction && (await startRestrictedRedis(server.port, restriction));
  const proxies: TcpProxy[] = [];
  async function end() {
    await Promise.all(proxies.map((proxy) => proxy.close()));
    await restricted?.close();
    await server.stop();
  }
  try {
    for (let i = 0; i < PROCESSES; i++) {
      proxies.push(
        await startTcpProxy({ target: restricted?.port ?? server.port, kinds: KINDS, random: random.fork() }),
      );
    }
    const deployment = await startDeployment({
      locations: proxies.map(({ port }) => ({ kind: 'single', port })),
      directLocation: { kind: 'single', port: server.port },
      ports: [server.port],
    });
    return {
      ...deployment,
      server,
      proxies,
      async ask(action) {
        const admin = new Redis(server.port, '127.0.0.1');
        try {
          return await action(admin);
        } finally {
          admin.disconnect();
        }
      },
      async close() {
        await deployment.close();
        await end();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}

const BLACK_HOLE: Hindrance = { blackHole: true };

export function createSingleFaults(deployment: SingleServerDeployment) {
  const { server, proxies, ask } = deployment;

  function fault(name: string, run: Fault['run']): Fault {
    return { name, run };
  }

  /** Hinders connections of some processes, but never of all. */
  function hindering(name: string, kinds: readonly string[], how: () => Hindrance, isOutage: boolean): Fault {
    return fault(name, async ({ expectOutage, random, note }, milliseconds) => {
      const affected = random.some([...proxies.keys()], PROCESSES - 1);
      note(`${name}: processes ${affected.join(', ')}`);
      if (isOutage) for (const app of affected) expectOutage(app);
      for (const app of affected) {
        for (const kind of kinds) proxies[app]!.hinder(kind, { toServer: how(), toClient: how() });
      }
      await sleep(milliseconds);
      for (const app of affected) for (const kind of kinds) proxies[app]!.hinder(kind, {});
    });
  }

  async function killFeeds(random: Random, share: number): Promise<number> {
    return ask(async (admin) => {
      const list = String(await admin.call('client', 'list'));
      const feeds = [...list.matchAll(/^id=(\d+) .* name=keyscope-feed /gm)].map(([, id]) => String(id));
      const chosen = feeds.filter(() => random.chance(share));
      await Promise.all(chosen.map((id) => admin.call('client', 'kill', 'id', id)));
      return chosen.length;
    });
  }

  /** Deletes all data while no change is in progress, so that the order is known. */
  async function deleteAll(
    { writer, model }: FaultContext,
    sentAt: number,
    how: () => Promise<unknown>,
  ): Promise<void> {
    await writer.pause();
    await how();
    model.deleteAll(sentAt, now());
    await writer.replaceWitnesses();
    writer.start();
  }

  return {
    killed: fault('Redis killed, restarted with its data', async (context, milliseconds) => {
      context.expectOutage(null);
      await server.kill('SIGKILL');
      await sleep(milliseconds);
      await server.restart();
    }),

    emptied: fault('Redis killed, restarted empty', async (context, milliseconds) => {
      const [, dir] = (await ask((admin) => admin.config('GET', 'dir'))) as [string, string];
      const sentAt = now();
      context.expectOutage(null);
      await server.kill('SIGKILL');
      await sleep(milliseconds);
      await deleteAll(context, sentAt, async () => {
        rmSync(join(dir, 'appendonlydir'), { recursive: true });
        await server.restart();
      });
    }),

    frozen: fault('Redis frozen', async (context, milliseconds) => {
      context.expectOutage(null);
      await server.kill('SIGSTOP');
      await sleep(milliseconds);
      await server.kill('SIGCONT');
    }),

    feedLost: hindering('feeds in a black hole', ['feed'], () => BLACK_HOLE, false),
    dataLost: hindering('data connections in a black hole', [DATA], () => BLACK_HOLE, true),
    allLost: hindering('all connections in a black hole', ['feed', DATA], () => BLACK_HOLE, true),
    // Existing connections stay dead. New connections work.
    abandoned: fault('data connections dead for good', async ({ expectOutage, random, note }, milliseconds) => {
      const affected = random.some([...proxies.keys()], PROCESSES - 1);
      note(`connections dead: processes ${affected.join(', ')}`);
      for (const app of affected) {
        expectOutage(app);
        proxies[app]!.abandon(DATA);
      }
      await sleep(milliseconds);
    }),
    // Round trips of 100 to 300 ms.
    feedSlow: hindering('feeds slow', ['feed'], () => ({ delay: 50, jitter: 100 }), false),

    feedsKilled: fault('feeds killed at random', async ({ random, note }, milliseconds) => {
      const until = now() + milliseconds;
      let killed = 0;
      while (now() < until) {
        killed += await killFeeds(random, 0.6);
        await sleep(random.between(30, 400));
      }
      note(`${killed} feeds killed`);
    }),

    flushed: fault('FLUSHALL', async (context, milliseconds) => {
      await sleep(milliseconds / 2);
      await deleteAll(context, now(), () => ask((admin) => admin.flushall()));
      await sleep(milliseconds / 2);
    }),

    cut: fault('connections cut', async ({ expectOutage, random }, milliseconds) => {
      const app = random.pick([...proxies.keys()]);
      expectOutage(app);
      proxies[app]!.refuse(true);
      proxies[app]!.cut();
      await sleep(milliseconds);
      proxies[app]!.refuse(false);
    }),

    forbidden: fault('tracking forbidden by ACL', async ({ random, expectOutage }, milliseconds) => {
      await ask((admin) => admin.call('acl', 'setuser', 'default', '-client|tracking'));
      await killFeeds(random, 1);
      await sleep(milliseconds);
      await ask((admin) => admin.call('acl', 'setuser', 'default', '+client|tracking'));
      // A refused feed retries if the app's own client reconnects, and otherwise at long intervals.
      expectOutage(null);
      await ask((admin) => admin.call('client', 'kill', 'type', 'normal'));
    }),
  };
}
