import { Cluster } from 'ioredis';
import { Cluster as Cluster5 } from 'ioredis5';
import type { RedisClient } from '../../src/store/redis/client';
import { createKeyNames } from '../../src/store/redis/key-names';
import { createRedisStore } from '../../src/store/redis/redis-store';
import { workspaceTag } from '../../src/token/format';
import { type RedisClusterServers, startCluster } from '../support/redis/cluster';
import { storeContract } from './contract';
import { createSample, keyQuery, newWorkspace } from './sample';

const AUDIT_LIMIT = 200;

type Nodes = RedisClusterServers['startupNodes'];
const CLIENTS: Record<
  string,
  (nodes: Nodes) => RedisClient & { disconnect(): void; del(key: string): Promise<unknown> }
> = {
  'ioredis 6': (nodes) => new Cluster([...nodes]),
  'ioredis 5': (nodes) => new Cluster5([...nodes]),
};

let servers: RedisClusterServers;
beforeAll(async () => {
  servers = await startCluster({ masters: 3 });
});
afterAll(() => servers.stop());

describe.each(Object.entries(CLIENTS))('%s', (name, connect) => {
  let client: ReturnType<typeof connect>;
  const open = async () => {
    client = connect(servers.startupNodes);
    const store = createRedisStore({
      client,
      storeTimeout: 10_000,
      auditLimit: AUDIT_LIMIT,
      indexedMetadata: ['customer'],
    });
    await store.ready();
    return store;
  };
  const close = async () => client.disconnect();

  storeContract(`a store in a Redis Cluster, through ${name}`, { auditLimit: AUDIT_LIMIT, open, close });

  test('keys of many workspaces, on all masters, are read at once', async () => {
    try {
      const store = await open();
      const keys = await Promise.all(Array.from({ length: 300 }, () => createSample(store, newWorkspace())));
      expect(new Set(keys.map((key) => workspaceTag(key.workspaceId))).size).toBeGreaterThan(250);
      expect(await Promise.all(keys.map((key) => store.getKey(key.id)))).toEqual(keys);
    } finally {
      await close();
    }
  });

  test('keys of many workspaces, on all masters, are found by indexed metadata', async () => {
    try {
      const store = await open();
      const find = async (customer: string) => {
        const pages = workspaces.map((workspaceId) =>
          store.listKeys(keyQuery(workspaceId, { filter: { metadata: { customer } } })),
        );
        return (await Promise.all(pages)).flatMap(({ keys }) => keys);
      };
      const workspaces = Array.from({ length: 30 }, newWorkspace);
      const keys = [];
      for (const workspaceId of workspaces) {
        keys.push(await createSample(store, workspaceId, { metadata: { customer: 'c-1' } }));
        await createSample(store, workspaceId, { metadata: { customer: 'c-2' } });
      }
      // With no other index, keys are found by this one alone.
      expect(await find('c-1')).toEqual(keys);
      const names = createKeyNames('keyscope');
      for (const workspaceId of workspaces) await client.del(names.index(workspaceId, 'created'));
      expect(await find('c-1')).toEqual(keys);
    } finally {
      await close();
    }
  });

  test('a key is not read when the app makes its client read from replicas', async () => {
    try {
      const store = await open();
      const key = await createSample(store, newWorkspace());
      Object.assign(client.options, { scaleReads: 'all' });
      const cause = expect.objectContaining({ message: expect.stringContaining('reads from replicas') });
      await expect(store.getKey(key.id)).rejects.toMatchObject({ code: 'store_unavailable', cause });
      Object.assign(client.options, { scaleReads: 'master' });
      expect(await store.getKey(key.id)).toEqual(key);
    } finally {
      await close();
    }
  });
});
