import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type RedisServer, startRedis } from '../../support/redis/server';
import { type Hindrance, startTcpProxy, type TcpProxy } from '../../support/tcp-proxy';
import { type Fleet, startFleet } from '../harness/app-processes';
import { now } from '../harness/clock';
import type { Random } from '../harness/random';
import type { Fault, Scene } from '../harness/trial';

/** One Redis server, and each process behind a proxy of its own. */
export interface SingleFleet extends Fleet {
  readonly server: RedisServer;
  readonly proxies: readonly TcpProxy[];
  /** A connection for one errand. */
  ask<T>(errand: (admin: Redis) => Promise<T>): Promise<T>;
}

const PROCESSES = 3;
/** What feeds call themselves, in the first thing that they say. */
const FEED = 'keyscope-feed';
const KINDS = { feed: (sent: string) => sent.includes(FEED) };
/** What proxies call the connections of which nothing is known: the apps' own. */
const DATA = 'other';

export async function startSingleFleet(random: Random): Promise<SingleFleet> {
  // What is acknowledged is on disk: otherwise a killed server may come back without it, and that would be its right.
  const server = await startRedis({ persistent: true, args: ['--appendfsync', 'always'] });
  const proxies: TcpProxy[] = [];
  async function end() {
    await Promise.all(proxies.map((proxy) => proxy.close()));
    await server.stop();
  }
  try {
    for (let i = 0; i < PROCESSES; i++) {
      proxies.push(await startTcpProxy({ target: server.port, kinds: KINDS, random: random.fork() }));
    }
    const fleet = await startFleet({
      places: proxies.map(({ port }) => ({ kind: 'single', port })),
      directPlace: { kind: 'single', port: server.port },
      ports: [server.port],
    });
    return {
      ...fleet,
      server,
      proxies,
      async ask(errand) {
        const admin = new Redis(server.port, '127.0.0.1');
        try {
          return await errand(admin);
        } finally {
          admin.disconnect();
        }
      },
      async close() {
        await fleet.close();
        await end();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}

const BLACK_HOLE: Hindrance = { blackHole: true };

export function createSingleFaults(fleet: SingleFleet) {
  const { server, proxies, ask } = fleet;

  function fault(name: string, run: Fault['run']): Fault {
    return { name, run };
  }

  /** What happens to connections of some processes, but never to those of all. */
  function hindering(name: string, kinds: readonly string[], how: () => Hindrance, breaks: boolean): Fault {
    return fault(name, async ({ breaks: declare, random, note }, milliseconds) => {
      const struck = random.some([...proxies.keys()], PROCESSES - 1);
      note(`${name}: processes ${struck.join(', ')}`);
      if (breaks) for (const app of struck) declare(app);
      for (const app of struck) {
        for (const kind of kinds) proxies[app]!.hinder(kind, { toServer: how(), toClient: how() });
      }
      await sleep(milliseconds);
      for (const app of struck) for (const kind of kinds) proxies[app]!.hinder(kind, {});
    });
  }

  async function killFeeds(random: Random, share: number): Promise<number> {
    return ask(async (admin) => {
      const list = String(await admin.call('client', 'list'));
      const feeds = [...list.matchAll(/^id=(\d+) .* name=keyscope-feed /gm)].map(([, id]) => String(id));
      const doomed = feeds.filter(() => random.chance(share));
      await Promise.all(doomed.map((id) => admin.call('client', 'kill', 'id', id)));
      return doomed.length;
    });
  }

  /** Everything goes while nothing is being changed: of changes that cross it, nobody could say which came first. */
  async function wipe({ mutator, world }: Scene, asked: number, how: () => Promise<unknown>): Promise<void> {
    await mutator.pause();
    await how();
    world.wipe(asked, now());
    await mutator.replaceWitnesses();
    mutator.start();
  }

  return {
    killed: fault('Redis killed, restarted with its data', async (scene, milliseconds) => {
      scene.breaks(null);
      await server.kill('SIGKILL');
      await sleep(milliseconds);
      await server.restart();
    }),

    emptied: fault('Redis killed, restarted empty', async (scene, milliseconds) => {
      const [, dir] = (await ask((admin) => admin.config('GET', 'dir'))) as [string, string];
      const asked = now();
      scene.breaks(null);
      await server.kill('SIGKILL');
      await sleep(milliseconds);
      await wipe(scene, asked, async () => {
        rmSync(join(dir, 'appendonlydir'), { recursive: true });
        await server.restart();
      });
    }),

    frozen: fault('Redis frozen', async (scene, milliseconds) => {
      scene.breaks(null);
      await server.kill('SIGSTOP');
      await sleep(milliseconds);
      await server.kill('SIGCONT');
    }),

    feedLost: hindering('feeds in a black hole', ['feed'], () => BLACK_HOLE, false),
    dataLost: hindering('data connections in a black hole', [DATA], () => BLACK_HOLE, true),
    allLost: hindering('all connections in a black hole', ['feed', DATA], () => BLACK_HOLE, true),
    // Only new connections lead anywhere, and nobody mends the old ones.
    abandoned: fault('data connections dead for good', async ({ breaks, random, note }, milliseconds) => {
      const struck = random.some([...proxies.keys()], PROCESSES - 1);
      note(`connections dead: processes ${struck.join(', ')}`);
      for (const app of struck) {
        breaks(app);
        proxies[app]!.abandon(DATA);
      }
      await sleep(milliseconds);
    }),
    // 100 to 300 ms there and back.
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

    flushed: fault('FLUSHALL', async (scene, milliseconds) => {
      await sleep(milliseconds / 2);
      await wipe(scene, now(), () => ask((admin) => admin.flushall()));
      await sleep(milliseconds / 2);
    }),

    cut: fault('connections cut', async ({ breaks, random }, milliseconds) => {
      const app = random.pick([...proxies.keys()]);
      breaks(app);
      proxies[app]!.refuse(true);
      proxies[app]!.cut();
      await sleep(milliseconds);
      proxies[app]!.refuse(false);
    }),

    forbidden: fault('tracking forbidden by ACL', async ({ random, breaks }, milliseconds) => {
      await ask((admin) => admin.call('acl', 'setuser', 'default', '-client|tracking'));
      await killFeeds(random, 1);
      await sleep(milliseconds);
      await ask((admin) => admin.call('acl', 'setuser', 'default', '+client|tracking'));
      // Refused feeds are tried again at once where the app's own connection is made anew, and otherwise once in a while.
      breaks(null);
      await ask((admin) => admin.call('client', 'kill', 'type', 'normal'));
    }),
  };
}
