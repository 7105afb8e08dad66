import { Redis } from 'ioredis';
import { type ApiKeys, createApiKeys, type KeyEvent, type ProjectEvent } from 'keyscope';
import { deferred } from '../support/deferred';
import { type TestRedis, testRedis } from '../support/redis/test-redis';
import { waitUntil } from '../support/wait-until';

const permissions = { conversations: { label: 'Conversations data' } };
const context = { workspaceId: 'acme', actor: 'ops@example.com', source: '192.0.2.1' };

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
  jest.restoreAllMocks();
});
afterAll(() => redis.stop());

function start(namespace: string | null, options: object = {}) {
  const client = namespace === null ? null : new Redis(redis.url);
  const apiKeys = createApiKeys({
    permissions,
    ...(client !== null && { redis: client, namespace: namespace! }),
    ...options,
  });
  open.push({ apiKeys, client });
  return apiKeys;
}

const newNamespace = () => `${redis.namespace}:${++namespaces}`;

function silenceWarnings() {
  return jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
}

describe.each([
  ['memory', () => null],
  ['Redis', newNamespace],
])('in %s', (_, place) => {
  test('DurableEvents delivers an event for each change of a key, in order, with its public fields', async () => {
    const apiKeys = start(place());
    const events: KeyEvent[] = [];
    apiKeys.on('key', (event) => void events.push(event));
    const { key, token } = await apiKeys.keys.create({ name: 'CRM', permissions: ['conversations'] }, context);
    await apiKeys.keys.update(key.id, { name: 'CRM 2' }, context);
    await apiKeys.keys.update(key.id, { disabled: true }, context);
    await apiKeys.keys.update(key.id, { disabled: false }, context);
    // Longer than the first lead: the old key is not announced as expiring between two steps.
    const next = await apiKeys.keys.rotate(key.id, { overlap: '60d' }, context);
    await apiKeys.keys.delete(key.id, context);
    await apiKeys.projects.set('support', { transcript: true, metrics: 'all' }, context);
    await waitUntil('all events are delivered', () => events.length === 6);

    expect(events.map(({ type }) => type)).toEqual(['created', 'updated', 'disabled', 'updated', 'rotated', 'deleted']);
    expect(events[1]).toEqual({
      id: expect.any(String),
      type: 'updated',
      at: expect.any(Date),
      target: key.id,
      name: 'CRM',
      ...context,
      before: { name: 'CRM' },
      after: { name: 'CRM 2' },
      lead: null,
    });
    expect(events[4]!.after).toMatchObject({ rotatedTo: next.key.id });
    expect(new Set(events.map(({ id }) => id)).size).toBe(6);
    const text = JSON.stringify(events);
    for (const secret of [token, token.slice(-38), next.token.slice(-38), 'digest']) expect(text).not.toContain(secret);
  });

  test('DurableEvents delivers an event for each change of a project', async () => {
    const apiKeys = start(place());
    const events: ProjectEvent[] = [];
    apiKeys.on('project', (event) => void events.push(event));
    await apiKeys.projects.set('support', { transcript: true, metrics: ['CSAT'] }, context);
    await apiKeys.projects.clear('support', context);
    await waitUntil('both events are delivered', () => events.length === 2);
    const features = { transcript: true, metrics: ['CSAT'] };
    expect(events).toMatchObject([
      { type: 'configured', target: 'support', ...context, before: null, after: features },
      { type: 'cleared', target: 'support', ...context, before: features, after: null },
    ]);
  });

  test('DurableEvents delivers an event again when a listener rejects, and does not deliver it to the others again', async () => {
    const warn = silenceWarnings();
    const apiKeys = start(place());
    const attempts: string[] = [];
    const others: string[] = [];
    apiKeys.on('key', async ({ id, type }) => {
      attempts.push(`${type} ${id}`);
      if (attempts.length === 1) throw new Error('the mail server is down');
    });
    apiKeys.on('key', ({ type }) => void others.push(type));
    const { key } = await apiKeys.keys.create({ name: 'CRM', permissions: ['conversations'] });
    await apiKeys.keys.delete(key.id);
    await waitUntil('all events are delivered', () => attempts.length === 3 && others.length === 2);
    // The deletion is not delivered before the creation.
    expect(attempts[1]).toBe(attempts[0]);
    expect(attempts[2]).toMatch(/^deleted /);
    expect(others).toEqual(['created', 'deleted']);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn).toHaveBeenCalledWith(
      expect.stringMatching(/'key' event failed: .*the mail server is down/),
      'KeyscopeWarning',
    );
  });

  test('DurableEvents delivers the events of other keys while one key is retried', async () => {
    silenceWarnings();
    const apiKeys = start(place());
    const { key: broken } = await apiKeys.keys.create({ name: 'A', permissions: ['conversations'] });
    const delivered = new Set<string>();
    apiKeys.on('key', ({ target }) => {
      if (target === broken.id) throw new Error('broken');
      delivered.add(target);
    });
    await apiKeys.ready();
    await apiKeys.keys.update(broken.id, { name: 'B' });
    const others = await Promise.all(
      Array.from({ length: 30 }, () => apiKeys.keys.create({ name: 'C', permissions: ['conversations'] })),
    );
    await waitUntil('the other events are delivered', () => delivered.size === 30);
    expect([...delivered].sort()).toEqual(others.map(({ key }) => key.id).sort());
  });

  test('DurableEvents delivers nothing when the listener has unsubscribed', async () => {
    const apiKeys = start(place());
    const [before, after]: [string[], string[]] = [[], []];
    const off = apiKeys.on('key', ({ target }) => void before.push(target));
    await apiKeys.ready();
    off();
    const first = await apiKeys.keys.create({ name: 'A', permissions: ['conversations'] });
    apiKeys.on('key', ({ target }) => void after.push(target));
    const second = await apiKeys.keys.create({ name: 'B', permissions: ['conversations'] });
    await waitUntil('the second is delivered', () => after.includes(second.key.id));
    expect(before).toEqual([]);
    // The group had begun: its next listener also gets the changes since then.
    expect(after).toEqual([first.key.id, second.key.id]);
  });

  test('close waits for a listener that handles an event', async () => {
    const apiKeys = start(place());
    const [begun, ended] = [deferred<void>(), deferred<void>()];
    let isHandled = false;
    apiKeys.on('key', async () => {
      begun.resolve();
      await ended.promise;
      isHandled = true;
    });
    await apiKeys.keys.create({ name: 'A', permissions: ['conversations'] });
    await begun.promise;
    const closed = apiKeys.close();
    ended.resolve();
    await closed;
    expect(isHandled).toBe(true);
  });
});

test('DurableEvents delivers each event to one process', async () => {
  const namespace = newNamespace();
  const processes = [start(namespace), start(namespace), start(namespace)];
  const events: string[][] = [[], [], []];
  processes.forEach((apiKeys, i) => {
    apiKeys.on('key', ({ id, target }) => void events[i]!.push(`${target} ${id}`));
  });
  await Promise.all(processes.map((apiKeys) => apiKeys.ready()));
  const created = await Promise.all(
    Array.from({ length: 30 }, (_, i) =>
      processes[i % 3]!.keys.create({ name: 'A', permissions: ['conversations'] }, { workspaceId: `w${i}` }),
    ),
  );
  await waitUntil('all events are delivered', () => events.flat().length >= 30);
  expect(new Set(events.flat()).size).toBe(30);
  expect(
    events
      .flat()
      .map((text) => text.slice(0, 16))
      .sort(),
  ).toEqual(created.map(({ key }) => key.id).sort());
  expect(events.filter((list) => list.length > 0)).toHaveLength(1);
});

test('DurableEvents delivers an event in another process when the process that had it is closed', async () => {
  silenceWarnings();
  const namespace = newNamespace();
  const [first, second] = [start(namespace), start(namespace)];
  const failed: string[] = [];
  const delivered: string[] = [];
  first.on('key', ({ id }) => {
    failed.push(id);
    throw new Error('broken');
  });
  await first.ready();
  const { key } = await first.keys.create({ name: 'A', permissions: ['conversations'] });
  await waitUntil('the first process has the event', () => failed.length > 0);
  second.on('key', ({ id, target }) => {
    expect(target).toBe(key.id);
    delivered.push(id);
  });
  await first.close();
  await waitUntil('the second process has the event', () => delivered.length > 0);
  expect(delivered).toEqual([failed[0]]);
});

test('a process without a listener sends no command for events', async () => {
  const namespace = newNamespace();
  const apiKeys = start(namespace);
  await apiKeys.ready();
  await apiKeys.keys.create({ name: 'A', permissions: ['conversations'] });
  const admin = new Redis(redis.url);
  try {
    expect(await admin.keys(`${namespace}:group:*`)).toEqual([]);
    expect(await admin.xinfo('GROUPS', `${namespace}:outbox:{all}`)).toEqual([]);
  } finally {
    admin.disconnect();
  }
});

test('DurableEvents throws invalid_options when a durable listener is not a function', () => {
  const apiKeys = start(null);
  expect(() => apiKeys.on('key', null as never)).toThrow(expect.objectContaining({ code: 'invalid_options' }));
});
