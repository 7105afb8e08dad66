import { Redis } from 'ioredis';
import { type ApiKeys, type ApiKeysOptions, createApiKeys, type KeyEvent } from 'keyscope';
import { DAY } from '../../src/clock';
import { DurableEvents } from '../../src/outbox/durable-events';
import { createRedisStore } from '../../src/store/redis/redis-store';
import type { Store } from '../../src/store/store';
import { type FakeClock, fakeClock } from '../support/clock';
import { type TestRedis, testRedis } from '../support/redis/test-redis';
import { waitUntil } from '../support/wait-until';

const permissions = { conversations: { label: 'Conversations data' } };
const input = { name: 'CRM', permissions: ['conversations' as const] };

let redis: TestRedis;
let namespaces = 0;
let open: { apiKeys: ApiKeys; client: Redis | null }[] = [];
beforeAll(async () => {
  redis = await testRedis();
});
afterEach(async () => {
  await Promise.all(open.map(({ apiKeys }) => apiKeys.close()));
  for (const { client } of open) client?.disconnect();
  open = [];
});
afterAll(() => redis.stop());

const newNamespace = () => `${redis.namespace}:${++namespaces}`;

/** An app that lists the events about expiry as `<key> <type> <days>`, by their ids. */
function start(clock: FakeClock, namespace: string | null, options: Partial<ApiKeysOptions<'conversations'>> = {}) {
  const client = namespace === null ? null : new Redis(redis.url);
  const apiKeys = createApiKeys({
    permissions,
    clock,
    storeTimeout: 1000,
    ...(client !== null && { redis: client, namespace: namespace! }),
    ...options,
  });
  open.push({ apiKeys, client });
  return apiKeys;
}

function listen(apiKeys: ApiKeys<'conversations'>, list: [id: string, text: string][] = []) {
  const off = apiKeys.on('key', ({ id, type, target, lead }: KeyEvent) => {
    if (type === 'expiring' || type === 'expired') list.push([id, `${target} ${type} ${(lead ?? 0) / DAY}`]);
  });
  return { list, off, texts: () => list.map(([, text]) => text) };
}

/** Creates a key and deletes it, and waits until the listener has both events: it has all earlier ones. */
async function settle(apiKeys: ApiKeys<'conversations'>, ...others: ApiKeys<'conversations'>[]): Promise<void> {
  const types: string[] = [];
  const { key } = await apiKeys.keys.create({ ...input, expiresIn: '9000d' });
  const offs = [apiKeys, ...others].map((each) =>
    each.on('key', ({ target, type }) => {
      if (target === key.id) types.push(type);
    }),
  );
  await apiKeys.keys.delete(key.id);
  await waitUntil('the events of the key are delivered', () => types.includes('deleted'));
  for (const off of offs) off();
}

describe.each([
  ['memory', () => null],
  ['Redis', newNamespace],
])('in %s', (_, place) => {
  test('createApiKeys emits expiring 30, 7 and 1 days before the expiry, and expired once', async () => {
    const clock = fakeClock();
    const apiKeys = start(clock, place());
    const events: KeyEvent[] = [];
    apiKeys.on('key', (event) => void events.push(event));
    const { key } = await apiKeys.keys.create({ ...input, expiresIn: '90d' });
    await settle(apiKeys);
    const seen = () => events.filter(({ target, type }) => target === key.id && type !== 'created');
    for (const [days, count] of [
      [59.9, 0],
      [60, 1],
      [82.9, 1],
      [83, 2],
      [89, 3],
      [89.9, 3],
      [90, 4],
      [200, 4],
    ] as const) {
      clock.step(key.createdAt.getTime() + days * DAY - clock.wall());
      await waitUntil(`there are ${count} events on day ${days}`, () => seen().length >= count);
      await settle(apiKeys);
      expect(seen()).toHaveLength(count);
    }
    expect(seen().map(({ type, lead }) => [type, lead && lead / DAY])).toEqual([
      ['expiring', 30],
      ['expiring', 7],
      ['expiring', 1],
      ['expired', null],
    ]);
    expect(seen()[0]).toMatchObject({
      target: key.id,
      name: 'CRM',
      actor: null,
      before: null,
      after: { name: 'CRM', expiresAt: key.expiresAt?.getTime() },
    });
    expect(JSON.stringify(events)).not.toContain('digest');
  });

  test('createApiKeys emits no expiring event for a lead that is longer than the lifetime', async () => {
    const clock = fakeClock();
    const apiKeys = start(clock, place());
    const { texts } = listen(apiKeys);
    const { key } = await apiKeys.keys.create({ ...input, expiresIn: '7d' });
    await settle(apiKeys);
    clock.step(7 * DAY);
    await waitUntil('the key has expired', () => texts().length === 2);
    expect(texts()).toEqual([`${key.id} expiring 1`, `${key.id} expired 0`]);
  });

  test('createApiKeys emits the expiry of a rotated key again, and none of a revoked or deleted key', async () => {
    const clock = fakeClock();
    const apiKeys = start(clock, place(), { expiryWarnings: ['2d'] });
    const { texts } = listen(apiKeys);
    const { key: rotated } = await apiKeys.keys.create({ ...input, expiresIn: '100d' });
    const { key: revoked } = await apiKeys.keys.create({ ...input, expiresIn: '50d' });
    const { key: deleted } = await apiKeys.keys.create({ ...input, expiresIn: '50d' });
    await settle(apiKeys);
    const next = await apiKeys.keys.rotate(rotated.id, { overlap: '10d', expiresIn: '1000d' });
    const other = await apiKeys.keys.rotate(revoked.id, { overlap: 0, expiresIn: '1000d' });
    await apiKeys.keys.delete(deleted.id);
    await settle(apiKeys);
    clock.step(8 * DAY);
    await waitUntil('the old key expires soon', () => texts().length === 1);
    clock.step(200 * DAY);
    await waitUntil('the old key has expired', () => texts().length === 2);
    clock.step(790 * DAY);
    await waitUntil('the successors expire soon', () => texts().length === 4);
    expect(texts().slice(0, 2)).toEqual([`${rotated.id} expiring 2`, `${rotated.id} expired 0`]);
    expect(texts().slice(2).sort()).toEqual([next, other].map(({ key }) => `${key.id} expiring 2`).sort());
  });

  test('createApiKeys emits each lead that passed while no process ran', async () => {
    const clock = fakeClock();
    const apiKeys = start(clock, place());
    const first = listen(apiKeys);
    const { key } = await apiKeys.keys.create({ ...input, expiresIn: '90d' });
    await settle(apiKeys);
    first.off();
    clock.step(91 * DAY);
    const second = listen(apiKeys);
    await waitUntil('all leads are delivered', () => second.list.length === 4);
    expect(second.texts()).toEqual(
      ['expiring 30', 'expiring 7', 'expiring 1', 'expired 0'].map((text) => `${key.id} ${text}`),
    );
  });

  test('createApiKeys emits only expired when expiryWarnings is empty', async () => {
    const clock = fakeClock();
    const apiKeys = start(clock, place(), { expiryWarnings: [] });
    const { texts } = listen(apiKeys);
    const { key } = await apiKeys.keys.create({ ...input, expiresIn: '90d' });
    await settle(apiKeys);
    clock.step(90 * DAY);
    await waitUntil('the key has expired', () => texts().length > 0);
    expect(texts()).toEqual([`${key.id} expired 0`]);
  });
});

test('createApiKeys emits the last lead that has passed, and later ones, of keys from before the first listener', async () => {
  const clock = fakeClock();
  const namespace = newNamespace();
  const apiKeys = start(clock, namespace);
  const admin = new Redis(redis.url);
  const create = (expiresIn: string, i: number) =>
    apiKeys.keys.create({ ...input, expiresIn }, { workspaceId: `w${i % 7}` }).then(({ key }) => key.id);
  const ids = await Promise.all(['5d', '20d', '300d', '1h'].map(create));
  // As if an older version had created them.
  await admin.del(`${namespace}:outbox:{all}`);
  admin.disconnect();
  clock.step(DAY / 24);
  const { texts } = listen(apiKeys);
  await waitUntil('the keys are found', () => texts().length === 2);
  expect(texts().sort()).toEqual([`${ids[0]} expiring 7`, `${ids[1]} expiring 30`].sort());
  clock.step(15 * DAY);
  await waitUntil('the first key has expired', () => texts().length === 5);
  expect(texts().slice(2).sort()).toEqual(
    [`${ids[0]} expiring 1`, `${ids[0]} expired 0`, `${ids[1]} expiring 7`].sort(),
  );
});

test('createApiKeys emits each lead once in all processes', async () => {
  const clock = fakeClock();
  const namespace = newNamespace();
  // 150 changes at once take a while on a busy machine.
  const patient = { maxRevocationLag: 20_000, storeTimeout: 20_000 };
  const processes = Array.from({ length: 3 }, () => start(clock, namespace, patient));
  const list: [string, string][] = [];
  for (const apiKeys of processes) listen(apiKeys, list);
  await Promise.all(processes.map((apiKeys) => apiKeys.ready()));
  const keys = await Promise.all(
    Array.from({ length: 150 }, (_, i) =>
      processes[i % 3]!.keys.create({ ...input, expiresIn: `${40 + (i % 10)}d` }, { workspaceId: `w${i % 9}` }),
    ),
  );
  for (let day = 0; day < 50; day += 10) {
    clock.step(10 * DAY);
    const passed = keys.flatMap(({ key }) =>
      [30, 7, 1, 0].filter((lead) => key.expiresAt!.getTime() - lead * DAY <= clock.wall()),
    ).length;
    await waitUntil('all leads that have passed are delivered', () => list.length >= passed);
  }
  await settle(processes[0]!, ...processes.slice(1));
  const expected = keys.flatMap(({ key: { id } }) =>
    ['expiring 30', 'expiring 7', 'expiring 1', 'expired 0'].map((text) => `${id} ${text}`),
  );
  expect(list.map(([, text]) => text).sort()).toEqual(expected.sort());
  expect(new Set(list.map(([id]) => id)).size).toBe(expected.length);
}, 60_000);

test('createApiKeys adds each lead once when a process ends between its schedule and its acknowledgement', async () => {
  const clock = fakeClock();
  const namespace = newNamespace();
  const apiKeys = start(clock, namespace);
  // The groups begin.
  apiKeys.on('key', () => undefined)();
  await apiKeys.ready();
  const { key } = await apiKeys.keys.create({ ...input, expiresIn: '40d' });
  await apiKeys.close();
  clock.advance(35 * DAY);

  const client = new Redis(redis.url);
  const store = createRedisStore({ client, namespace, storeTimeout: 1000 });
  const outbox = `${namespace}:outbox:{all}`;
  const warnings = async () =>
    (await client.xrange(outbox, '-', '+')).filter(([, [, text = '']]) => text.includes('key.expiring')).length;
  const consume = (acknowledge: Store['acknowledge']) => {
    const events = new DurableEvents({
      store: new Proxy(store, { get: (of, name) => (name === 'acknowledge' ? acknowledge : Reflect.get(of, name)) }),
      clock,
      expiryLeads: [30 * DAY, 7 * DAY, DAY],
      report: () => undefined,
      timing: { ttl: 200, poll: 10 },
    });
    events.announceExpiry();
    return events;
  };
  const killed = consume(() => Promise.reject(new Error('killed')));
  await waitUntil('the leads are added', async () => (await warnings()) === 2);
  await killed.close();
  clock.advance(200);
  const next = consume((group, places) => store.acknowledge(group, places));
  await waitUntil('the event of the creation is acknowledged, and the key scheduled', async () => {
    const [pending] = await client.xpending(outbox, 'expiry');
    return pending === 0 && Number(await client.zscore(`${namespace}:expiries:{all}`, key.id)) > 0;
  });
  expect(await warnings()).toBe(2);
  await next.close();
  await store.close();
  client.disconnect();
});
