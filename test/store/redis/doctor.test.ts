import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import type { RedisClient } from '../../../src/store/redis/client';
import { createRedisStore } from '../../../src/store/redis/redis-store';
import { inspectServer } from '../../../src/store/redis/startup-checks';
import type { StoreEvent } from '../../../src/store/store';
import { type RedisServer, startRedis } from '../../support/redis/server';
import { waitUntil } from '../../support/wait-until';

const servers: RedisServer[] = [];
const clients: { disconnect(): void }[] = [];

async function start(args: string[] = []): Promise<RedisServer> {
  const server = await startRedis({ args });
  servers.push(server);
  return server;
}

function connect(url: string): Redis {
  const client = new Redis(url);
  clients.push(client);
  return client;
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

/** Events of the store until it is ready. */
async function eventsOf(client: RedisClient): Promise<StoreEvent[]> {
  const store = createRedisStore({ client });
  const events: StoreEvent[] = [];
  store.onEvent((event) => events.push(event));
  await store.ready();
  await store.close();
  return events;
}

async function warningsOf(client: RedisClient): Promise<Record<string, string>> {
  const events = await eventsOf(client);
  return Object.fromEntries(events.flatMap((event) => (event.type === 'warning' ? [[event.code, event.message]] : [])));
}

test('ready emits the mode and no warning when the server is configured well', async () => {
  const { url } = await start(['--appendonly', 'yes']);
  expect(await eventsOf(connect(url))).toEqual([{ type: 'mode', mode: 'tracking', detail: expect.any(String) }]);
});

test.each([
  ['allkeys-lru', true],
  ['allkeys-random', true],
  ['volatile-lru', false],
  ['noeviction', false],
])('ready warns about the memory policy %s: %s', async (policy, isWarnedOf) => {
  const { url } = await start(['--appendonly', 'yes', '--maxmemory-policy', policy]);
  const { evicting } = await warningsOf(connect(url));
  if (isWarnedOf) expect(evicting).toContain(`\`maxmemory-policy\` is \`${policy}\`. Set \`noeviction\`.`);
  else expect(evicting).toBeUndefined();
});

test.each([
  ['ioredis 6', (url: string) => new Redis(url)],
  ['ioredis 6 with RESP3 shapes', (url: string) => new Redis(url, { protocol: 3, replyMapping: 'resp3' })],
  ['ioredis 6 with RESP2', (url: string) => new Redis(url, { protocol: 2 })],
  ['ioredis 5', (url: string) => new Redis5(url)],
])('ready warns about missing persistence and about snapshots only with %s', async (_, open) => {
  const { url } = await start();
  const client = open(url);
  clients.push(client);
  expect(Object.keys(await warningsOf(client))).toEqual(['no_persistence']);
  await connect(url).config('SET', 'save', '3600 1');
  expect(Object.keys(await warningsOf(client))).toEqual(['snapshots_only']);
});

test('ready warns about replicas without `min-replicas-to-write`', async () => {
  const master = await start(['--appendonly', 'yes', '--repl-diskless-sync-delay', '0']);
  await start(['--replicaof', '127.0.0.1', String(master.port)].flat());
  const client = connect(master.url);
  await waitUntil('the replica has joined', async () =>
    (await client.info('replication')).includes('connected_slaves:1'),
  );
  expect((await warningsOf(client)).replicas_not_awaited).toContain('Set `min-replicas-to-write 1`.');
  await client.config('SET', 'min-replicas-to-write', '1');
  expect(await warningsOf(client)).toEqual({});
});

test('ready emits a warning and no error when a check is not permitted', async () => {
  const { url, port } = await start();
  const admin = connect(url);
  await admin.call('acl', 'setuser', 'noconfig', 'on', '>pw', '~*', '&*', '+@all', '-config');
  await admin.call('acl', 'setuser', 'noinfo', 'on', '>pw', '~*', '&*', '+@all', '-config', '-info');
  const withoutConfig = connect(`redis://noconfig:pw@127.0.0.1:${port}`);
  expect((await warningsOf(withoutConfig)).not_checked).toContain('check that `appendonly` is `yes` (NOPERM)');
  const withoutInfo = new Redis(port, { username: 'noinfo', password: 'pw', enableReadyCheck: false });
  clients.push(withoutInfo);
  expect((await warningsOf(withoutInfo)).not_checked).toContain('INFO');
});

test('ready warns about a server older than 6.2', async () => {
  const { url } = await start(['--appendonly', 'yes']);
  const client = connect(url);
  const old = new Proxy<RedisClient>(client, {
    get(target, property) {
      if (property !== 'call') return Reflect.get(target, property);
      return async (...args: [string, ...string[]]) => {
        const reply = await target.call(...args);
        return typeof reply === 'string' ? reply.replace(/redis_version:\S+/, 'redis_version:6.0.16') : reply;
      };
    },
  });
  expect(await inspectServer(old)).toEqual([
    { type: 'warning', code: 'old_server', message: 'Redis 6.0.16 is older than 6.2. Use a newer one.' },
  ]);
});

test('ready rejects and the mode is down when the client is connected to a replica', async () => {
  const master = await start(['--repl-diskless-sync-delay', '0']);
  const replica = await start(['--replicaof', '127.0.0.1', String(master.port)]);
  const store = createRedisStore({ client: connect(replica.url) });
  await expect(store.ready()).rejects.toMatchObject({
    code: 'store_unavailable',
    message: expect.stringContaining('the server is a replica'),
  });
  await waitUntil('the mode is known', () => store.health().lastError !== null);
  expect(store.health().mode).toBe('down');
  await store.close();
});
