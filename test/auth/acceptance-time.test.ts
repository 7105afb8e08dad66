import { execFileSync } from 'node:child_process';
import { Redis } from 'ioredis';
import { type ApiKeys, createApiKeys } from 'keyscope';
import { createKeyNames } from '../../src/store/redis/key-names';
import { type RedisServer, startRedis } from '../support/redis/server';

/** Leaves a read in a busy process time enough. */
const MAX_REVOCATION_LAG = 2000;
const BLOCKED_FOR = 2500;

let server: RedisServer;
const endings: (() => unknown)[] = [];
beforeAll(async () => {
  server = await startRedis();
});
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});
afterAll(() => server.stop());

interface App {
  readonly client: Redis;
  readonly apiKeys: ApiKeys<'conversations'>;
}

async function open(cache = {}): Promise<App> {
  const client = new Redis(server.url);
  const permissions = { conversations: { label: 'Conversations' } };
  const apiKeys = createApiKeys({
    ...{ permissions, redis: client, telemetry: false, importedTokens: true, cache },
    maxRevocationLag: MAX_REVOCATION_LAG,
    storeTimeout: MAX_REVOCATION_LAG,
  });
  endings.push(
    () => client.disconnect(),
    () => apiKeys.close(),
  );
  await apiKeys.ready();
  return { client, apiKeys };
}

function block(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until; );
}

/**
 * Blocks the event loop between the arrival of the reply to what `read` sends and its handling. No timer runs in between.
 * `during` runs when the server has sent the reply.
 */
async function readWhileBlocked<T>({ client }: App, read: () => Promise<T>, during: () => void): Promise<T> {
  // Both are sent in one piece, and the replies come in one piece, the ping's first.
  setImmediate(() => {
    client.stream.cork();
    client.ping().then(() => {
      block(50);
      during();
      block(BLOCKED_FOR);
    });
  });
  const outcome = read();
  setImmediate(() => client.stream.uncork());
  return outcome;
}

/** Another client changes something while this process is blocked. */
function redisCli(...args: string[]): void {
  execFileSync('redis-cli', ['-p', new URL(server.url).port, ...args]);
}

const names = createKeyNames('keyscope');
const IMPORTED = 'sk_live_0123456789abcdef0123456789abcdef';

test('verify denies a key that was deleted while the reply waited in a blocked process', async () => {
  const { apiKeys } = await open();
  const { key, token } = await apiKeys.keys.create({ name: 'a', permissions: ['conversations'], agents: 'all' });
  const cold = await open();
  const outcome = await readWhileBlocked(
    cold,
    () => cold.apiKeys.verify(token),
    () => redisCli('DEL', names.key(key.id)),
  );
  expect(outcome).toMatchObject({ ok: false, error: { code: 'invalid_key' } });
});

test('verify allows a key that still exists after the reply waited in a blocked process', async () => {
  const { apiKeys } = await open();
  const { token } = await apiKeys.keys.create({ name: 'a', permissions: ['conversations'], agents: 'all' });
  const cold = await open();
  const outcome = await readWhileBlocked(
    cold,
    () => cold.apiKeys.verify(token),
    () => {},
  );
  expect(outcome).toEqual({ ok: true, key: expect.anything() });
});

test('verify denies an imported token whose key was deleted while the reply waited in a blocked process', async () => {
  const { apiKeys } = await open();
  const imported = { name: 'a', permissions: ['conversations'], agents: 'all', token: IMPORTED } as const;
  const key = await apiKeys.keys.import(imported);
  const { token } = await apiKeys.keys.create({ name: 'b', permissions: ['conversations'], agents: 'all' });
  const cold = await open({ maxKeys: 1 });
  // Another key evicts this one from the cache, and leaves its alias there.
  await cold.apiKeys.verify(IMPORTED);
  await cold.apiKeys.verify(token);
  const outcome = await readWhileBlocked(
    cold,
    () => cold.apiKeys.verify(IMPORTED),
    () => redisCli('DEL', names.key(key.id)),
  );
  expect(outcome).toMatchObject({ ok: false, error: { code: 'invalid_key' } });
});

test('verify denies a deleted key although it is cached when fresh is set', async () => {
  const { apiKeys } = await open();
  const { key, token } = await apiKeys.keys.create({ name: 'a', permissions: ['conversations'], agents: 'all' });
  await apiKeys.verify(token);
  // This process receives the invalidation later.
  redisCli('DEL', names.key(key.id));
  const [cached, fresh] = [apiKeys.verify(token), apiKeys.verify(token, { fresh: true })];
  expect(await cached).toMatchObject({ ok: true });
  expect(await fresh).toMatchObject({ ok: false, error: { code: 'invalid_key' } });
});
