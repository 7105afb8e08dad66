import { Redis } from 'ioredis';
import { createRedisStore } from '../../../src/store/redis/redis-store';
import type { Store } from '../../../src/store/store';
import { type RedisServer, startRedis } from '../../support/redis/server';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy';
import { waitUntil } from '../../support/wait-until';
import { auditOf, createSample, newWorkspace, ORIGIN, sampleKey } from '../sample';

/** Connections that are named as those for changes are. */
const isForChanges = (sent: string) => sent.includes('keyscope-changes');

let server: RedisServer;
const endings: (() => unknown)[] = [];
beforeAll(async () => {
  server = await startRedis();
});
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});
afterAll(() => server.stop());

async function open(): Promise<{ store: Store; proxy: TcpProxy }> {
  const proxy = await startTcpProxy({ target: server.port, kinds: { changes: isForChanges } });
  const client = new Redis(`redis://127.0.0.1:${proxy.port}`, { disconnectTimeout: 50 });
  client.on('error', () => {});
  const store = createRedisStore({ client, storeTimeout: 3000, maxRevocationLag: 3000 });
  endings.push(
    () => proxy.close(),
    () => client.disconnect(),
    () => store.close(),
  );
  await store.ready();
  return { store, proxy };
}

test('the first change needs no new connection when the store is ready', async () => {
  const { store, proxy } = await open();
  const accepted = proxy.accepted;
  proxy.refuse(true);
  await createSample(store, newWorkspace());
  expect(proxy.accepted).toBe(accepted);
});

test('the connection for changes reconnects without a change when it is lost', async () => {
  const { store, proxy } = await open();
  const accepted = proxy.accepted;
  proxy.cut('changes');
  await waitUntil('it has reconnected', () => proxy.accepted === accepted + 1 && proxy.count('changes') === 1);
  await createSample(store, newWorkspace());
  expect(proxy.accepted).toBe(accepted + 1);
});

test.each<[string, (proxy: TcpProxy) => void]>([
  ['was reset', (proxy) => proxy.cut('changes')],
  ['does not reply', (proxy) => proxy.abandon('changes')],
])('a change is made once, over a new connection, when the old one %s', async (_, breakConnection) => {
  const { store, proxy } = await open();
  const { workspaceId } = await createSample(store, newWorkspace());
  breakConnection(proxy);
  expect(await store.createKey(sampleKey(workspaceId), ORIGIN)).toBe(true);
  expect(await auditOf(store, workspaceId)).toHaveLength(2);
});

test('a change fails without an effect when the new connection does not reply either', async () => {
  const { store, proxy } = await open();
  const key = sampleKey(newWorkspace());
  proxy.hinder('changes', { toServer: { blackHole: true }, toClient: { blackHole: true } });
  await expect(store.createKey(key, ORIGIN)).rejects.toThrow('Nothing was changed');
  proxy.hinder('changes', {});
  await createSample(store, key.workspaceId);
  expect(await store.getKey(key.id)).toBeNull();
});

test('a change is rejected without a connection when the store has been closed', async () => {
  const { store, proxy } = await open();
  await store.close();
  const accepted = proxy.accepted;
  await expect(store.createKey(sampleKey(newWorkspace()), ORIGIN)).rejects.toThrow('Nothing was changed');
  expect(proxy.accepted).toBe(accepted);
});
