import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import { createRedisStore } from '../../../src/store/redis/redis-store';
import type { Store } from '../../../src/store/store';
import { type RedisServer, startRedis } from '../../support/redis/server';
import { createSample, newWorkspace, ORIGIN, sampleKey } from '../sample';

let server: RedisServer;
let client: Redis;
let store: Store;

beforeAll(async () => {
  server = await startRedis();
  client = new Redis(server.url);
  store = createRedisStore({ client, storeTimeout: 5000 });
});
afterAll(async () => {
  client.disconnect();
  await server.stop();
});

/** Everything that a server holds, as text by key. */
async function dump(): Promise<Map<string, string>> {
  const all = new Map<string, string>();
  for (const key of await client.keys('*')) {
    const type = await client.type(key);
    const read = {
      string: () => client.get(key),
      hash: () => client.hgetall(key),
      zset: () => client.zrange(key, 0, '-1'),
      stream: () => client.xrange(key, '-', '+'),
    }[type];
    if (read === undefined) throw new Error(`${key} is of the type ${type}, which this test cannot read.`);
    all.set(key, `${type} ${JSON.stringify(await read())}`);
  }
  return all;
}

test('a digest stands in its own record and nowhere else, through the whole life of a key', async () => {
  const workspaceId = newWorkspace();
  const key = await createSample(store, workspaceId, { digest: 'd1'.repeat(32) });
  await store.updateKey(key.id, { name: 'Other', permissions: ['handoff'], disabled: true }, ORIGIN, {});
  const successor = sampleKey(workspaceId, { digest: 'd2'.repeat(32), rotatedFrom: key.id });
  await store.rotateKey(key.id, successor, ORIGIN.at, ORIGIN, {});
  await store.setProject(workspaceId, 'p', { transcript: true, metrics: 'all' }, ORIGIN);

  const holding = [...(await dump())].filter(([, text]) => /d1d1|d2d2/.test(text)).map(([name]) => name);
  expect(holding.sort()).toEqual([key, successor].map(({ id }) => `keyscope:key:{${id.slice(0, 4)}}${id}`).sort());

  await store.deleteKey(key.id, ORIGIN, {});
  await store.deleteKey(successor.id, ORIGIN, {});
  const left = await dump();
  expect([...left.values()].filter((text) => /d1d1|d2d2/.test(text))).toEqual([]);
  const tag = key.id.slice(0, 4);
  expect([...left.keys()].sort()).toEqual([
    `keyscope:audit:{${tag}}:${workspaceId}`,
    ...[key.id, successor.id].sort().map((id) => `keyscope:deleted:{${tag}}${id}`),
    'keyscope:outbox:{all}',
    `keyscope:projects:{${tag}}:${workspaceId}`,
  ]);
});

test('an error of the store shows no digest, however closely one looks at it', async () => {
  const key = sampleKey(newWorkspace(), { digest: 'd3'.repeat(32) });
  await client.set(`keyscope:audit:{${key.id.slice(0, 4)}}:${key.workspaceId}`, 'something else');
  const error: unknown = await store.createKey(key, ORIGIN).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'store_unavailable', cause: { name: 'ReplyError' } });
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('d3d3');
});
