import { Redis } from 'ioredis';
import { createRedisStore } from '../../../../src/store/redis/redis-store';
import { startRedis } from '../../../support/redis/server';
import { startTcpProxy } from '../../../support/tcp-proxy';
import { waitUntil } from '../../../support/wait-until';
import { createSample, newWorkspace } from '../../sample';

/** The id of no key. */
const ID = 'A'.repeat(16);

test('RedisStore reconnects the client when its master is demoted and the first use of the store was a change', async () => {
  const server = await startRedis();
  const client = new Redis(server.url, { disconnectTimeout: 50 });
  const store = createRedisStore({ client, maxRevocationLag: 2000, storeTimeout: 2000 });
  let closed = 0;
  client.on('close', () => {
    closed += 1;
  });
  try {
    const { id } = await createSample(store, newWorkspace());
    await waitUntil('the invalidation feed grants a lease', () => store.keyLease(id) !== null);
    const admin = new Redis(server.url);
    await admin.replicaof('127.0.0.1', 1);
    admin.disconnect();
    await waitUntil('the client reconnects', () => closed > 0);
  } finally {
    await store.close();
    client.disconnect();
    await server.stop();
  }
});

test('RedisStore counts a read from a demoted master from when that was last a master', async () => {
  const server = await startRedis();
  const client = new Redis(server.url);
  const store = createRedisStore({ client, maxRevocationLag: 20_000, storeTimeout: 2000 });
  const admin = new Redis(server.url);
  try {
    const { id } = await createSample(store, newWorkspace());
    await waitUntil('the invalidation feed grants a lease', () => store.keyLease(id) !== null);
    const before = { monotonic: performance.now(), wall: Date.now() };
    await admin.replicaof('127.0.0.1', 1);
    expect(await store.getCredential(id)).not.toBeNull();
    const { monotonic, wall } = store.confirmedAt({ keyId: id });
    expect(monotonic).toBeLessThan(before.monotonic);
    expect(wall).toBeLessThanOrEqual(before.wall);
  } finally {
    await store.close();
    client.disconnect();
    admin.disconnect();
    await server.stop();
  }
});

test.each([
  ['sends invalidations', []],
  ['refuses CLIENT TRACKING', ['-client|tracking']],
  ['refuses CLIENT ID', ['-client|id']],
])(
  'RedisStore leaves a replica when the client has never been connected to a master and the address leads to one, which %s',
  async (_, rules) => {
    const master = await startRedis();
    const admin = new Redis(master.url);
    await admin.call('ACL', 'SETUSER', 'default', ...rules);
    admin.disconnect();
    const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(master.port)] });
    let target = replica.port;
    const proxy = await startTcpProxy({ target: () => target });
    const client = new Redis(proxy.port, { disconnectTimeout: 50 });
    const store = createRedisStore({ client, maxRevocationLag: 2000, storeTimeout: 2000 });
    const answers = () =>
      store.getCredential(ID).then(
        () => true,
        () => false,
      );
    try {
      await waitUntil('the client is connected', () => client.status === 'ready');
      target = master.port;
      // The cache asks for a lease before each read.
      store.keyLease(ID);
      await waitUntil('a read is answered', answers);
    } finally {
      await store.close();
      client.disconnect();
      await proxy.close();
      await replica.stop();
      await master.stop();
    }
  },
);
