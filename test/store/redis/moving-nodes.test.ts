import { Cluster, Redis } from 'ioredis';
import { Cluster as Cluster5 } from 'ioredis5';
import type { KeyRecord } from '../../../src/store/records';
import { slotOf } from '../../../src/store/redis/hash-slot';
import { createRedisStore } from '../../../src/store/redis/redis-store';
import { inspectServer } from '../../../src/store/redis/startup-checks';
import { type RedisClusterServers, startCluster } from '../../support/redis/cluster';
import type { RedisServer } from '../../support/redis/server';
import { waitUntil } from '../../support/wait-until';
import { createSample, newId, newWorkspace, ORIGIN } from '../sample';

let servers: RedisClusterServers;
let admins: Redis[];
const clients: { disconnect(): void }[] = [];

function opened<C extends Cluster | Cluster5>(client: C): C {
  clients.push(client);
  return client;
}

beforeAll(async () => {
  // A frozen node is to stay a frozen node: without this, the others would soon declare the whole Cluster down.
  servers = await startCluster({ masters: 3, args: ['--cluster-node-timeout', '60000'] });
  admins = servers.nodes.map(({ url }) => new Redis(url, { protocol: 2 }));
});
afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
});
afterAll(async () => {
  for (const admin of admins) admin.disconnect();
  await servers.stop();
});

const slot = (key: KeyRecord) => slotOf(`{${key.id.slice(0, 4)}}`);
/** The node that serves a key: masters share the slots evenly, in order. */
const homeOf = (key: KeyRecord) => Math.floor((slot(key) * 3) / 16384);

/** Begins to move a slot from one master to another. */
async function beginMove(number: number, from: Redis, to: Redis): Promise<string> {
  const [fromId, toId] = await Promise.all([from.call('cluster', 'myid'), to.call('cluster', 'myid')]);
  await to.call('cluster', 'setslot', String(number), 'importing', String(fromId));
  await from.call('cluster', 'setslot', String(number), 'migrating', String(toId));
  return String(toId);
}

function carry(keys: readonly string[], from: Redis, target: RedisServer): Promise<unknown> {
  return from.call('migrate', '127.0.0.1', String(target.port), '', '0', '5000', 'KEYS', ...keys);
}

/** Moves a slot with its keys from one master to another, without telling the third: clients are told by redirections. */
async function moveSlot(number: number, from: Redis, to: Redis, target: RedisServer): Promise<void> {
  const toId = await beginMove(number, from, to);
  await carry((await from.call('cluster', 'getkeysinslot', String(number), '1000')) as string[], from, target);
  for (const node of [to, from]) await node.call('cluster', 'setslot', String(number), 'node', toId);
}

/** Calls off a move that has begun. */
async function callOff(number: number, moved: readonly string[], home: number, away: number): Promise<void> {
  await admins[home]?.call('cluster', 'setslot', String(number), 'stable');
  await carry(moved, admins[away] as Redis, servers.nodes[home] as RedisServer);
  await admins[away]?.call('cluster', 'setslot', String(number), 'stable');
}

describe.each([
  ['ioredis 6', () => new Cluster([...servers.startupNodes])],
  ['ioredis 5', () => new Cluster5([...servers.startupNodes])],
])('%s', (_, connect) => {
  test('a slot that moves while its keys are read and changed is followed', async () => {
    const client = opened(connect());
    const store = createRedisStore({ client, storeTimeout: 10_000 });
    const keys = await Promise.all(Array.from({ length: 200 }, () => createSample(store, newWorkspace())));
    const atHome = keys.find((key) => homeOf(key) === 0) as KeyRecord;
    await moveSlot(slot(atHome), admins[0] as Redis, admins[1] as Redis, servers.nodes[1] as RedisServer);

    expect(await Promise.all(keys.map((key) => store.getKey(key.id)))).toEqual(keys);
    const updated = await store.updateKey(atHome.id, { disabled: true }, ORIGIN, {});
    expect(updated).toMatchObject({ ok: true, key: { disabled: true } });
    expect(await store.getKey(atHome.id)).toMatchObject({ disabled: true });
  });

  test('keys of a slot that has half moved are found on both nodes', async () => {
    const client = opened(connect());
    const store = createRedisStore({ client, storeTimeout: 10_000 });
    await store.ready();
    const workspaceId = newWorkspace();
    const keys = await Promise.all(Array.from({ length: 20 }, () => createSample(store, workspaceId)));
    const [first] = keys as [KeyRecord];
    const home = homeOf(first);
    const away = (home + 1) % 3;
    await beginMove(slot(first), admins[home] as Redis, admins[away] as Redis);
    const moved = keys.slice(0, 7).map(({ id }) => `keyscope:key:{${id.slice(0, 4)}}${id}`);
    await carry(moved, admins[home] as Redis, servers.nodes[away] as RedisServer);

    expect(await Promise.all(keys.map((key) => store.getKey(key.id)))).toEqual(keys);
    await callOff(slot(first), moved, home, away);
  });
});

test('a frozen master fails only its own keys, in time', async () => {
  const timeout = 2000;
  const client = opened(new Cluster([...servers.startupNodes]));
  const store = createRedisStore({ client, storeTimeout: timeout });
  await store.ready();
  const keys = await Promise.all(Array.from({ length: 60 }, () => createSample(store, newWorkspace())));
  const frozen = servers.nodes[2] as RedisServer;
  const answers = () =>
    Promise.all(
      keys.map((key) => {
        // Set after the read's own timer, and therefore behind it, however slow the machine is.
        const read = store.getKey(key.id).then(
          () => 'answered',
          (error) => error.code,
        );
        return Promise.race([read, new Promise((resolve) => setTimeout(resolve, timeout + 100, 'too late'))]);
      }),
    );
  const expected = keys.map((key) => (homeOf(key) === 2 ? 'store_unavailable' : 'answered'));
  expect(new Set(expected).size).toBe(2);

  await frozen.kill('SIGSTOP');
  // More than may be under way to one node, all to the frozen one, and in front of all others.
  const lost = keys.find((key) => homeOf(key) === 2) as KeyRecord;
  const crowd = Array.from({ length: 3000 }, () => store.getKey(newId(lost.workspaceId)));
  const outcomes = Promise.allSettled(crowd);
  expect(await answers()).toEqual(expected);
  expect((await outcomes).every(({ status }) => status === 'rejected')).toBe(true);
  await frozen.kill('SIGCONT');
  await waitUntil('all keys can be read again', async () => new Set(await answers()).size === 1, 15_000);
});

test('the masters of a Cluster are inspected, each kind of warning told once', async () => {
  const client = opened(new Cluster([...servers.startupNodes]));
  await client.ping();
  expect((await inspectServer(client)).map(({ code }) => code)).toEqual(['no_persistence']);
});
