import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cluster, Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import type { RedisClient } from '../../../../src/store/redis/client';
import { startCluster } from '../../../support/redis/cluster';
import {
  type RestrictedRedis,
  type Restriction,
  redisCloud,
  restrictedInfo,
  startRestrictedRedis,
} from '../../../support/redis/restricted-redis';
import { startSentinels } from '../../../support/redis/sentinel';
import { type RedisServer, startRedis } from '../../../support/redis/server';
import { waitUntil } from '../../../support/wait-until';
import { createSample, newWorkspace, ORIGIN } from '../../sample';
import { cacheKey, createReader, feedsOn, lastCachedAt, type Reader, untilTracking } from './reader';

const LAG = 500;
const retryStrategy = () => 50;

let server: RedisServer;
let admin: Redis;
let readers: Reader[];
let cleanups: (() => unknown)[];
beforeEach(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
  readers = [];
  cleanups = [];
});
afterEach(async () => {
  await Promise.all(readers.map((reader) => reader.close()));
  for (const cleanup of cleanups.reverse()) await cleanup();
  admin.disconnect();
  await server.stop();
});

async function restricted(restriction: Restriction, target = server.port): Promise<RestrictedRedis> {
  const proxy = await startRestrictedRedis(target, restriction);
  cleanups.push(() => proxy.close());
  return proxy;
}

async function open(client: RedisClient & { disconnect(): void }): Promise<Reader> {
  const reader = createReader({ client, maxRevocationLag: LAG });
  readers.push(reader);
  await reader.store.ready();
  await untilTracking(reader);
  return reader;
}

const protocols = (reader: Reader) => reader.store.health().nodes.map(({ protocol }) => protocol);

/** Expects that a key is cached until another process changes it, and without a read. */
async function expectInvalidations(reader: Reader, writer: Reader): Promise<void> {
  const key = await createSample(writer.store, newWorkspace());
  // A machine that stops for a lag ends the lease, and rightly the data: then it is tried again.
  await waitUntil('data has outlived the lag', async () => {
    await cacheKey(reader, key.id);
    const until = performance.now() + 2.5 * LAG;
    await waitUntil('data without a lease has expired', () => performance.now() > until);
    return reader.getCached(key.id) !== undefined;
  });
  expect(reader.getCached(key.id)).toEqual(key);
  await writer.store.updateKey(key.id, { disabled: true }, ORIGIN, {});
  await waitUntil('the change is received', () => reader.getCached(key.id) === undefined);
  expect(await reader.read(key.id)).toMatchObject({ disabled: true });
}

const CLIENTS = {
  'ioredis 6': (port: number) => new Redis(port, { retryStrategy }),
  'ioredis 6 with RESP3': (port: number) => new Redis(port, { retryStrategy, protocol: 3 }),
  'ioredis 5': (port: number) => new Redis5(port, { retryStrategy }),
};

describe.each(Object.entries(CLIENTS))('with %s', (_, connect) => {
  test('a feed uses RESP3 when the server refuses REDIRECT', async () => {
    const { port } = await restricted(redisCloud);
    const reader = await open(connect(port));
    expect(protocols(reader)).toEqual(['resp3']);
    expect(reader.events).toContainEqual({ type: 'mode', mode: 'tracking', detail: expect.stringContaining('RESP3') });
    await expectInvalidations(reader, await open(connect(server.port)));
  });

  test('a feed uses RESP2 when CONFIG and sections of INFO are restricted', async () => {
    const { port } = await restricted(restrictedInfo);
    const reader = await open(connect(port));
    expect(protocols(reader)).toEqual(['resp2']);
    await expectInvalidations(reader, await open(connect(server.port)));
  });
});

test('a feed over RESP3 is opened again each time it is killed, and invalidates everything on FLUSHALL', async () => {
  const { port } = await restricted(redisCloud);
  const reader = await open(new Redis(port, { retryStrategy }));
  for (let round = 0; round < 3; round++) {
    const [feed] = await feedsOn(admin);
    await admin.call('client', 'KILL', 'ID', String(feed?.get('id')));
    await waitUntil('there is another feed', async () => {
      const [next] = await feedsOn(admin);
      return next !== undefined && next.get('id') !== feed?.get('id');
    });
    await waitUntil('the feed is open', () => protocols(reader)[0] === 'resp3');
    await untilTracking(reader);
  }
  const key = await createSample(reader.store, newWorkspace());
  await cacheKey(reader, key.id);
  await admin.flushall();
  await waitUntil('the flush is received', () => reader.invalidated.includes('*'));
  expect(await reader.read(key.id)).toBeNull();
});

test('a database that is swapped loses its lease over RESP3', async () => {
  const { port } = await restricted(redisCloud);
  const reader = await open(new Redis(port, { retryStrategy }));
  const key = await createSample(reader.store, newWorkspace());
  await cacheKey(reader, key.id);
  await admin.call('swapdb', '0', '9');
  const swapped = performance.now();
  expect(await lastCachedAt(reader, key.id, key, 2 * LAG)).toBeLessThanOrEqual(swapped + LAG);
  expect(await reader.read(key.id)).toBeNull();
});

test('cached data is used for the lag when the server has neither REDIRECT nor RESP3', async () => {
  const { port } = await restricted((command) =>
    command[0]?.toLowerCase() === 'hello' ? { error: "ERR unknown command 'HELLO'" } : redisCloud(command),
  );
  const reader = createReader({ client: new Redis(port, { protocol: 2 }), maxRevocationLag: LAG });
  readers.push(reader);
  await reader.store.ready();
  expect(reader.store.health()).toMatchObject({ mode: 'per-entry', nodes: [{ feed: 'refused', protocol: null }] });
});

test('a feed uses RESP3 with an ACL user over TLS', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'keyscope-tls-'));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...subject], {
    stdio: 'ignore',
  });
  const tls = { key: readFileSync(key), cert: readFileSync(cert) };
  const proxy = await startRestrictedRedis(server.port, redisCloud, tls);
  cleanups.push(() => proxy.close());
  const commands = ['+@all', '-@admin', '-@dangerous', '+info', '+eval'];
  await admin.call('acl', 'setuser', 'app', 'reset', 'on', '>pw', '~*', 'resetchannels', ...commands);
  const client = new Redis({
    ...{ port: proxy.port, host: 'localhost', username: 'app', password: 'pw', retryStrategy },
    tls: { ca: tls.cert },
  });
  const reader = await open(client);
  expect(protocols(reader)).toEqual(['resp3']);
  await expectInvalidations(reader, await open(new Redis(server.port)));
});

test('a feed uses RESP3 behind Sentinel, also on the master that replaces the first', async () => {
  const servers = await startSentinels();
  cleanups.push(() => servers.stop());
  const proxies = await Promise.all(servers.nodes.map(({ port }) => restricted(redisCloud, port)));
  const natMap = Object.fromEntries(
    servers.nodes.map(({ port }, i) => [`127.0.0.1:${port}`, { host: '127.0.0.1', port: proxies[i]!.port }]),
  );
  const options = { sentinels: [...servers.addresses], name: servers.name, retryStrategy };
  const reader = await open(new Redis({ ...options, natMap }));
  expect(protocols(reader)).toEqual(['resp3']);
  await servers.nodes[0]?.kill('SIGKILL');
  const writer = createReader({ client: new Redis(options), maxRevocationLag: LAG });
  readers.push(writer);
  await waitUntil(
    'the next master takes changes',
    async () => {
      await createSample(writer.store, newWorkspace());
      return true;
    },
    30_000,
  );
  await untilTracking(reader);
  expect(protocols(reader)).toEqual(['resp3']);
  await expectInvalidations(reader, writer);
}, 90_000);

test('the feeds of a Cluster use RESP3', async () => {
  const servers = await startCluster();
  cleanups.push(() => servers.stop());
  const proxies = await Promise.all(servers.nodes.map(({ port }) => restricted(redisCloud, port)));
  const natMap = Object.fromEntries(
    servers.nodes.map(({ port }, i) => [`127.0.0.1:${port}`, { host: '127.0.0.1', port: proxies[i]!.port }]),
  );
  const reader = await open(new Cluster([...servers.startupNodes], { natMap, slotsRefreshTimeout: 2000 }));
  expect(protocols(reader)).toEqual(['resp3', 'resp3', 'resp3']);
  const writer = await open(new Cluster([...servers.startupNodes]));
  expect(protocols(writer)).toEqual(['resp2', 'resp2', 'resp2']);
  await expectInvalidations(reader, writer);
}, 90_000);
