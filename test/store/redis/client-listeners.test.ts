import { type EventEmitter, getEventListeners } from 'node:events';
import { Cluster, Redis } from 'ioredis';
import { createRedisStore } from '../../../src/store/redis/redis-store';
import { type RedisClusterServers, startCluster } from '../../support/redis/cluster';
import { type RedisServer, startRedis } from '../../support/redis/server';
import { createSample, newWorkspace, ORIGIN } from '../sample';

/** Several apps of one process, and tests with many, can share a client. */
const STORES = 12;

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

/** Records the largest number of listeners for one event, of a client and of the clients that are made from it. */
function countListeners(client: Redis | Cluster): { readonly largest: () => number } {
  let largest = 0;
  function watch(emitter: EventEmitter & { duplicate?: (...args: never[]) => unknown }): void {
    const { on, duplicate } = emitter;
    emitter.on = function counted(event, listener) {
      on.call(emitter, event, listener);
      largest = Math.max(largest, emitter.listenerCount(event));
      return emitter;
    };
    if (duplicate === undefined) return;
    emitter.duplicate = (...args) => {
      const made = duplicate.apply(emitter, args) as EventEmitter;
      watch(made);
      return made;
    };
  }
  watch(client);
  return { largest: () => largest };
}

function listenersOf(client: EventEmitter): Record<string, number> {
  return Object.fromEntries(client.eventNames().map((name) => [String(name), getEventListeners(client, name).length]));
}

async function openStores(client: Redis | Cluster) {
  const stores = Array.from({ length: STORES }, () =>
    createRedisStore({ client, storeTimeout: 10_000, maxRevocationLag: 10_000 }),
  );
  await Promise.all(stores.map((store) => store.ready()));
  return stores;
}

test('stores add one listener for each event and remove it when all stores share a client and are closed', async () => {
  const client = new Redis(server.url);
  const counter = countListeners(client);
  const before = listenersOf(client);
  const stores = await openStores(client);
  await Promise.all(stores.map((store) => createSample(store, newWorkspace())));
  expect(counter.largest()).toBeLessThanOrEqual(4);
  for (const store of stores) await store.close();
  expect(listenersOf(client)).toEqual(before);
  client.disconnect();
});

test('a store adds no listener for each change when many changes wait for the connection', async () => {
  const client = new Redis(server.url);
  const counter = countListeners(client);
  const store = createRedisStore({ client, storeTimeout: 10_000, maxRevocationLag: 10_000 });
  await Promise.all(Array.from({ length: 50 }, () => createSample(store, newWorkspace())));
  expect(counter.largest()).toBeLessThanOrEqual(4);
  await store.close();
  client.disconnect();
});

describe('with a Cluster', () => {
  let cluster: RedisClusterServers;
  beforeAll(async () => {
    cluster = await startCluster({ masters: 3 });
  });
  afterAll(() => cluster.stop());

  test('stores add one listener for each event and remove it when all stores share a client and are closed', async () => {
    const client = new Cluster([...cluster.startupNodes]);
    const counter = countListeners(client);
    const [first, ...others] = await openStores(client);
    const nodes = client.nodes('master');
    await first!.setProject(newWorkspace(), 'p', { transcript: true, metrics: [] }, ORIGIN);
    const counts = [client, ...nodes].flatMap((emitter) => Object.values(listenersOf(emitter)));
    expect(Math.max(counter.largest(), ...counts)).toBeLessThanOrEqual(5);
    for (const store of [first!, ...others]) await store.close();
    client.disconnect();
  });
});
