import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import type { RedisClient } from '../../../src/store/redis/client';
import { createRedisStore } from '../../../src/store/redis/redis-store';
import type { Store } from '../../../src/store/store';
import { type RedisServer, startRedis } from '../../support/redis/server';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy';
import { waitUntil } from '../../support/wait-until';
import { auditOf, createSample, newWorkspace, ORIGIN, sampleKey } from '../sample';

/** Connections on which a script has been sent. */
const hasSentScript = (sent: string) => /\r\neval(?:sha)?\r\n/i.test(sent);

let server: RedisServer;
const endings: (() => unknown)[] = [];
beforeAll(async () => {
  server = await startRedis();
});
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});
afterAll(() => server.stop());

type Client = RedisClient & { disconnect(): void };

/** Process A behind a proxy, and process B beside it. */
async function twoProcesses(connect: (url: string) => Client, storeTimeout = 1500) {
  const proxy = await startTcpProxy({ target: server.port, kinds: { script: hasSentScript } });
  const clients = [connect(`redis://127.0.0.1:${proxy.port}`), connect(server.url)] as const;
  const a = createRedisStore({ client: clients[0], storeTimeout });
  const b = createRedisStore({ client: clients[1], storeTimeout: 5000 });
  endings.push(
    () => proxy.close(),
    ...clients.map((client) => () => client.disconnect()),
    () => a.close(),
    () => b.close(),
  );
  await Promise.all([a.ready(), b.ready()]);
  return { a, b, proxy };
}

/** The error of a change that was sent and not answered. */
const OUTCOME_UNKNOWN = { code: 'store_unavailable', message: expect.stringContaining('may or may not') };

/** A's change is made, and its reply is lost. */
async function loseReply(proxy: TcpProxy, change: () => Promise<unknown>): Promise<void> {
  proxy.hinder('script', { toClient: { drop: true } });
  await expect(change()).rejects.toMatchObject(OUTCOME_UNKNOWN);
}

/** A's change is sent, and stays on its way until the network recovers. */
async function holdRequest(proxy: TcpProxy, change: () => Promise<unknown>): Promise<void> {
  proxy.hinder('script', { toServer: { blackHole: true }, toClient: { blackHole: true } });
  await expect(change()).rejects.toMatchObject(OUTCOME_UNKNOWN);
}

/** A's connections break and are made again, and everything that A resends has been executed. */
async function reconnect(proxy: TcpProxy, a: Store): Promise<void> {
  const accepted = proxy.accepted;
  proxy.hinder('script', {});
  proxy.cut();
  await waitUntil('A has reconnected', () => proxy.accepted > accepted);
  await settle(a);
}

/** The network recovers, the delayed bytes arrive, and the server has executed them. */
async function recover(proxy: TcpProxy, a: Store): Promise<void> {
  proxy.hinder('script', {});
  await waitUntil('nothing is on its way', () => proxy.count('script') <= 1);
  await settle(a);
}

/** A reads and changes something, so its connections have sent everything before. */
async function settle(a: Store): Promise<void> {
  const workspaceId = newWorkspace();
  await waitUntil('A can change something again', () =>
    a.setProject(workspaceId, 'p', { transcript: true, metrics: [] }, ORIGIN).then(
      () => true,
      () => false,
    ),
  );
  await a.getProjects(workspaceId);
}

const ENABLED = { transcript: true, metrics: [] };
const CLEARED = { transcript: false, metrics: [] };

describe.each<[string, (url: string) => Client]>([
  ['ioredis 6', (url) => new Redis(url)],
  ['ioredis 5', (url) => new Redis5(url)],
])('through %s, a change whose reply was lost', (_, connect) => {
  test('a resent change does not enable a key that was disabled since', async () => {
    const { a, b, proxy } = await twoProcesses(connect);
    const key = await createSample(b, newWorkspace(), { disabled: true });
    await loseReply(proxy, () => a.updateKey(key.id, { disabled: false }, ORIGIN, {}));
    expect(await b.updateKey(key.id, { disabled: true }, ORIGIN, {})).toMatchObject({ key: { disabled: true } });
    await reconnect(proxy, a);
    expect(await b.getKey(key.id)).toMatchObject({ disabled: true, revision: 3 });
    expect(await auditOf(b, key.workspaceId)).toHaveLength(3);
  });

  test('a resent change does not enable a feature that a project disabled since', async () => {
    const { a, b, proxy } = await twoProcesses(connect);
    const workspaceId = newWorkspace();
    await loseReply(proxy, () => a.setProject(workspaceId, 'p', ENABLED, ORIGIN));
    await b.setProject(workspaceId, 'p', CLEARED, ORIGIN);
    await reconnect(proxy, a);
    expect((await b.getProjects(workspaceId)).get('p')).toMatchObject(CLEARED);
  });

  test('a resent change does not bring back a configuration that was cleared since', async () => {
    const { a, b, proxy } = await twoProcesses(connect);
    const workspaceId = newWorkspace();
    await loseReply(proxy, () => a.setProject(workspaceId, 'p', ENABLED, ORIGIN));
    expect(await b.clearProject(workspaceId, 'p', ORIGIN)).toBe(true);
    await reconnect(proxy, a);
    expect((await b.getProjects(workspaceId)).size).toBe(0);
  });

  test('a resent change does not bring back a key that was deleted since', async () => {
    const { a, b, proxy } = await twoProcesses(connect);
    const key = sampleKey(newWorkspace());
    await loseReply(proxy, () => a.createKey(key, ORIGIN));
    expect(await b.deleteKey(key.id, ORIGIN, {})).toMatchObject({ ok: true });
    await reconnect(proxy, a);
    expect(await b.getKey(key.id)).toBeNull();
  });
});

test('a change whose outcome is unknown invalidates what is cached before its caller is told', async () => {
  const { a, b, proxy } = await twoProcesses((url) => new Redis(url));
  const key = await createSample(b, newWorkspace());
  const changed: string[] = [];
  a.onChange({ keyChanged: (id) => changed.push(id), projectsChanged() {}, allChanged() {} });
  proxy.hinder('script', { toClient: { drop: true } });
  const outcome = a.deleteKey(key.id, ORIGIN, { workspaceId: key.workspaceId }).catch((error) => ({
    message: error.message,
    changed: [...changed],
  }));
  expect(await outcome).toEqual({
    message: expect.stringContaining('may or may not'),
    changed: expect.arrayContaining([key.id]),
  });
  expect(await b.getKey(key.id)).toBeNull();
});

describe('a change that arrives after its caller received an error', () => {
  test('a change that arrives after its error does not enable an unchanged key', async () => {
    const { a, b, proxy } = await twoProcesses((url) => new Redis(url));
    const key = await createSample(b, newWorkspace(), { disabled: true });
    await holdRequest(proxy, () => a.updateKey(key.id, { disabled: false }, ORIGIN, {}));
    expect(await b.getKey(key.id)).toMatchObject({ disabled: true });
    await recover(proxy, a);
    expect(await b.getKey(key.id)).toEqual(key);
  });

  test('a change that arrives after its error creates no key, configures no project and imports no token', async () => {
    const { a, b, proxy } = await twoProcesses((url) => new Redis(url));
    const key = sampleKey(newWorkspace());
    const alias = key.digest.slice(0, 32);
    await holdRequest(proxy, () =>
      Promise.any([
        a.createKey(key, ORIGIN),
        a.setProject(key.workspaceId, 'p', ENABLED, ORIGIN),
        a.linkAlias(alias, key.id),
      ]).catch(({ errors: [error] }: AggregateError) => Promise.reject(error)),
    );
    await recover(proxy, a);
    expect(await b.getKey(key.id)).toBeNull();
    expect((await b.getProjects(key.workspaceId)).size).toBe(0);
    expect(await b.getAlias(alias)).toBeNull();
  });
});
