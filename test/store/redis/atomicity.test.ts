import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import { createRedisStore } from '../../../src/store/redis/redis-store';
import type { Store } from '../../../src/store/store';
import { type RedisServer, startRedis } from '../../support/redis/server';
import { waitUntil } from '../../support/wait-until';
import { auditOf, createSample, keyQuery, listAll, newId, newWorkspace, ORIGIN, sampleKey } from '../sample';

const newAlias = () => randomBytes(16).toString('hex');

let server: RedisServer;
let admin: Redis;
const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});
beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
});
afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

const FEATURES = { transcript: true, metrics: [] };

/** MONITOR shows control characters and backslashes escaped; ioredis has taken care of quotes only. */
function withoutEscapes(text: string): string {
  return text.replace(/\\(x[0-9a-f]{2}|.)/g, (_, escaped: string) =>
    escaped.length === 3
      ? String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
      : escaped === 'n'
        ? '\n'
        : escaped,
  );
}

/** Every script that has been run since, with its keys and arguments. */
async function captureScripts(): Promise<{ take(): Promise<string[][]> }> {
  // `monitor` makes a connection of its own.
  const client = new Redis(server.url);
  const monitor = await client.monitor();
  endings.push(
    () => client.disconnect(),
    () => monitor.disconnect(),
  );
  const scripts: string[][] = [];
  const marks = new Set<string>();
  monitor.on('monitor', (_time: string, [name = '', ...args]: string[], source: string) => {
    if (source !== 'lua' && name.toLowerCase() === 'eval') scripts.push([name, ...args.map(withoutEscapes)]);
    if (name.toLowerCase() === 'echo') marks.add(args[0] as string);
  });
  return {
    async take() {
      const mark = `mark ${scripts.length} ${newWorkspace()}`;
      await admin.echo(mark);
      await waitUntil('all has been seen', () => marks.has(mark));
      return scripts.splice(0);
    },
  };
}

describe.each([
  ['ioredis 6', () => new Redis(server.url)],
  ['ioredis 5', () => new Redis5(server.url)],
])('through %s', (_, connect) => {
  let client: ReturnType<typeof connect>;
  let store: Store;
  beforeAll(async () => {
    client = connect();
    store = createRedisStore({ client, storeTimeout: 5000 });
    await store.ready();
  });
  afterAll(() => client.disconnect());

  test('scripts are sent again when the server has lost them', async () => {
    const workspaceId = newWorkspace();
    const keys = [await createSample(store, workspaceId)];
    for (let i = 0; i < 3; i++) {
      await admin.script('FLUSH');
      keys.push(...(await Promise.all([createSample(store, workspaceId), createSample(store, workspaceId)])));
      await store.setProject(workspaceId, `p${i}`, FEATURES, ORIGIN);
    }
    expect(await listAll(store, keyQuery(workspaceId, { sort: 'name' }))).toHaveLength(7);
    expect(await auditOf(store, workspaceId)).toHaveLength(10);
    for (const key of keys) expect((await store.deleteKey(key.id, ORIGIN, {})).ok).toBe(true);
  });

  test.each(['key', 'created', 'name', 'expires', 'audit'] as const)(
    'a change that meets something else in the place of its %s is refused whole',
    async (place) => {
      const workspaceId = newWorkspace();
      const key = await createSample(store, workspaceId);
      const tag = key.id.slice(0, 4);
      const next = sampleKey(workspaceId);
      const index = (sort: string) => `keyscope:index:{${tag}}:${workspaceId}:${sort}`;
      const audit = `keyscope:audit:{${tag}}:${workspaceId}`;
      const names = { created: index('created'), name: index('name'), expires: index('expires'), audit };
      const victim = place === 'key' ? `keyscope:key:{${tag}}${next.id}` : names[place];
      await admin.del(victim);
      await admin.set(victim, 'something else');
      const dump = async () => {
        const keys = (await admin.keys(`*${workspaceId}*`)).concat(await admin.keys(`*{${tag}}${key.id}`)).sort();
        return Promise.all(keys.map(async (name) => [name, (await admin.dumpBuffer(name))?.toString('hex')]));
      };
      const before = await dump();
      const refused = { code: 'store_unavailable', message: expect.stringContaining('refused') };
      await expect(store.createKey(next, ORIGIN)).rejects.toMatchObject(refused);
      await expect(store.rotateKey(key.id, next, ORIGIN.at, ORIGIN, {})).rejects.toMatchObject(refused);
      if (place !== 'key') {
        await expect(store.updateKey(key.id, { name: 'New' }, ORIGIN, {})).rejects.toMatchObject(refused);
        await expect(store.deleteKey(key.id, ORIGIN, {})).rejects.toMatchObject(refused);
      }
      if (place === 'audit')
        await expect(store.setProject(workspaceId, 'p', FEATURES, ORIGIN)).rejects.toMatchObject(refused);
      expect(await dump()).toEqual(before);
    },
  );
});

describe('a copy of a change that arrives late', () => {
  async function open() {
    const client = new Redis(server.url);
    endings.push(() => client.disconnect());
    const store = createRedisStore({ client, storeTimeout: 60_000 });
    return { store, workspaceId: newWorkspace(), captured: await captureScripts() };
  }

  /** Runs the script again, and gives the first word of its reply. */
  const again = async ([script]: string[][]) => {
    const [name = '', ...args] = script ?? [];
    return ((await admin.call(name, ...args)) as string[])[0];
  };

  test('a late copy of a change does not enable a key that was disabled since, nor its successor', async () => {
    const { store, workspaceId, captured } = await open();
    const key = await createSample(store, workspaceId, { disabled: true });
    await captured.take();
    await store.updateKey(key.id, { disabled: false }, ORIGIN, { revision: 1 });
    const late = await captured.take();
    expect(await again(late)).toBe('revision');
    await store.deleteKey(key.id, ORIGIN, {});
    expect(await again(late)).toBe('not_found');
    // Imported again, a key has the same id and begins with the same revision.
    await store.createKey(key, ORIGIN);
    expect(await again(late)).toBe('stale');
    expect(await store.getKey(key.id)).toEqual(key);
  });

  test('a late copy of a change does not create a key that was deleted since', async () => {
    const { store, workspaceId, captured } = await open();
    const key = await createSample(store, workspaceId);
    const late = await captured.take();
    expect(await again(late)).toBe('taken');
    await store.deleteKey(key.id, ORIGIN, {});
    expect(await again(late)).toBe('stale');
    await store.createKey(key, ORIGIN);
    await store.deleteKey(key.id, ORIGIN, {});
    expect(await again(late)).toBe('stale');
    expect(await store.getKey(key.id)).toBeNull();
  });

  test('a late copy of a change does not rotate or delete a key that has changed since', async () => {
    const { store, workspaceId, captured } = await open();
    const [key, successor] = [await createSample(store, workspaceId), sampleKey(workspaceId)];
    await captured.take();
    await store.rotateKey(key.id, successor, ORIGIN.at, ORIGIN, {});
    const rotation = await captured.take();
    expect(await again(rotation)).toBe('stale');
    await store.deleteKey(key.id, ORIGIN, {});
    const deletion = await captured.take();
    await store.createKey(key, ORIGIN);
    expect(await again(deletion)).toBe('stale');
    expect(await store.getKey(key.id)).toEqual(key);
  });

  test('a late copy of a change does not set or clear a configuration that has changed since', async () => {
    const { store, workspaceId, captured } = await open();
    const nothing = { transcript: false, metrics: [] };
    const stored = async () => (await store.getProjects(workspaceId)).get('p');
    await store.setProject(workspaceId, 'p', FEATURES, ORIGIN);
    const first = await captured.take();
    await store.setProject(workspaceId, 'p', nothing, ORIGIN);
    const second = await captured.take();
    expect(await again(first)).toBe('stale');
    await store.setProject(workspaceId, 'p', FEATURES, ORIGIN);
    expect(await again(second)).toBe('stale');
    await captured.take();
    await store.clearProject(workspaceId, 'p', ORIGIN);
    const clearing = await captured.take();
    expect(await again(first)).toBe('stale');
    expect(await stored()).toBeUndefined();
    await store.setProject(workspaceId, 'p', FEATURES, ORIGIN);
    expect(await again(clearing)).toBe('stale');
    expect(await stored()).toMatchObject(FEATURES);
  });

  test('a late copy of a change does nothing after its deadline when nothing has changed', async () => {
    const { store, workspaceId, captured } = await open();
    await store.setProject(workspaceId, 'p', FEATURES, ORIGIN);
    await store.linkAlias(newAlias(), newId(workspaceId));
    const scripts = await captured.take();
    expect(scripts).toHaveLength(2);
    for (const script of scripts) {
      const deadline = 3 + Number(script[2]);
      expect(Number(script[deadline])).toBeGreaterThan(Date.now());
      expect(await again([script.with(deadline, String(Date.now() - 1))])).toBe('late');
    }
  });
});

test('permissions can be removed when the memory of the server is full, and other changes are rejected whole', async () => {
  const small = await startRedis();
  const client = new Redis(small.url);
  endings.push(
    () => client.disconnect(),
    () => small.stop(),
  );
  const store = createRedisStore({ client, storeTimeout: 5000 });
  const workspaceId = newWorkspace();
  const keys = await Promise.all([createSample(store, workspaceId), createSample(store, workspaceId)]);
  const [disabled, deleted] = keys as [(typeof keys)[0], (typeof keys)[0]];
  await store.setProject(workspaceId, 'p', FEATURES, ORIGIN);
  await client.config('SET', 'maxmemory', '1mb');

  const next = sampleKey(workspaceId);
  const full = { code: 'store_unavailable', message: 'The key store refused the change (OOM).' };
  await expect(store.createKey(next, ORIGIN)).rejects.toMatchObject(full);
  await expect(store.rotateKey(disabled.id, next, ORIGIN.at, ORIGIN, {})).rejects.toMatchObject(full);
  expect(await store.getKey(next.id)).toBeNull();
  expect(await store.getKey(disabled.id)).toEqual(disabled);
  expect(await listAll(store, keyQuery(workspaceId, { sort: 'expires' }))).toHaveLength(2);
  expect(await auditOf(store, workspaceId)).toHaveLength(3);

  expect((await store.updateKey(disabled.id, { disabled: true, name: 'Off' }, ORIGIN, {})).ok).toBe(true);
  expect((await store.deleteKey(deleted.id, ORIGIN, {})).ok).toBe(true);
  await store.setProject(workspaceId, 'p', { transcript: false, metrics: [] }, ORIGIN);
  expect(await store.clearProject(workspaceId, 'p', ORIGIN)).toBe(true);
  expect((await listAll(store, keyQuery(workspaceId, { q: 'off' }))).map(({ disabled: off }) => off)).toEqual([true]);
  expect(await auditOf(store, workspaceId)).toHaveLength(7);
});
