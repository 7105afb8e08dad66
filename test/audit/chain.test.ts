import { Redis } from 'ioredis';
import { type ApiKeys, type AuditVerification, createApiKeys } from 'keyscope';
import { hashEntry } from '../../src/store/audit-chain';
import { fakeClock } from '../support/clock';
import { type TestRedis, testRedis } from '../support/redis/test-redis';

type StreamItem = [id: string, fields: string[]];

const permissions = { conversations: { label: 'Conversations data' } };

let redis: TestRedis;
let client: Redis;
let apiKeys: ApiKeys;
beforeAll(async () => {
  redis = await testRedis();
  client = new Redis(redis.url);
  apiKeys = createApiKeys({ permissions, redis: client, namespace: redis.namespace, auditLimit: 500 });
  await apiKeys.ready();
});
afterAll(async () => {
  await apiKeys.close();
  client.disconnect();
  await redis.stop();
});

let count = 0;

/** A workspace of its own, with entries of the names A, B, C, … */
async function logOf(names: string) {
  const workspaceId = `ws-${process.pid}-${++count}`;
  for (const name of names) await apiKeys.keys.create({ name, permissions: ['conversations'] }, { workspaceId });
  const [stream = ''] = await client.keys(`${redis.namespace}:audit:*:${workspaceId}`);
  const items = (await client.xrange(stream, '-', '+')) as StreamItem[];
  return { workspaceId, stream, items, ids: items.map(([id]) => id) };
}

type Log = Awaited<ReturnType<typeof logOf>>;

/** Replaces the stream. Ids must grow. */
async function rebuild({ stream }: Log, items: readonly StreamItem[]): Promise<void> {
  await client.del(stream);
  for (const [id, fields] of items) await client.xadd(stream, id, ...fields);
}

const verify = ({ workspaceId }: Log, input = {}): Promise<AuditVerification> =>
  apiKeys.audit.verify({ workspaceId, ...input });

/** A copy of the fields with one value replaced. */
function withField(fields: readonly string[], name: string, value: string): string[] {
  const copy = [...fields];
  copy[copy.indexOf(name) + 1] = value;
  return copy;
}

const fieldOf = (fields: readonly string[], name: string) => fields[fields.indexOf(name) + 1] as string;

test('audit.verify counts the entries and returns the head of an untouched log', async () => {
  const log = await logOf('ABC');
  const [, fields] = log.items[2]!;
  expect(await verify(log)).toEqual({
    ok: true,
    entries: 3,
    unchained: 0,
    firstId: log.ids[0],
    head: `${log.ids[2]}:${fieldOf(fields, 'hash')}`,
    fault: null,
  });
  expect(await apiKeys.audit.verify({ workspaceId: 'empty' })).toEqual({
    ok: true,
    entries: 0,
    unchained: 0,
    firstId: null,
    head: null,
    fault: null,
  });
});

describe('audit.verify reports the first fault of a log that was tampered with in Redis', () => {
  const tamperings: [string, (log: Log) => Promise<unknown>, kind: string, at: number][] = [
    ['an entry is removed', ({ stream, ids }) => client.xdel(stream, ids[1]!), 'removed', 2],
    ['two entries are removed', ({ stream, ids }) => client.xdel(stream, ids[1]!, ids[2]!), 'removed', 3],
    ['the newest entry is removed', ({ stream, ids }) => client.xdel(stream, ids[4]!), 'removed', 3],
    [
      'a field is changed',
      (log) => rebuild(log, log.items.with(2, [log.ids[2]!, withField(log.items[2]![1], 'actor', '"eve"')])),
      'changed',
      2,
    ],
    [
      'a field is added',
      (log) => rebuild(log, log.items.with(2, [log.ids[2]!, ['extra', '1', ...log.items[2]![1]]])),
      'changed',
      2,
    ],
    [
      'the hash is that of another entry',
      (log) =>
        rebuild(
          log,
          log.items.with(2, [log.ids[2]!, withField(log.items[2]![1], 'hash', fieldOf(log.items[1]![1], 'hash'))]),
        ),
      'changed',
      2,
    ],
    [
      'an entry is replaced by a copy of another',
      (log) => rebuild(log, log.items.with(2, [log.ids[2]!, log.items[1]![1]])),
      'inserted',
      1,
    ],
    [
      'an entry is forged at the end',
      ({ stream, items }) => client.xadd(stream, '*', ...items[4]![1].slice(2, -2)),
      'inserted',
      5,
    ],
    ['a copy is added at the end', ({ stream, items }) => client.xadd(stream, '*', ...items[4]![1]), 'inserted', 4],
    [
      'an entry is moved to the end',
      async ({ stream, ids, items }) => {
        await client.xdel(stream, ids[1]!);
        await client.xadd(stream, '*', ...items[1]![1]);
      },
      'reordered',
      2,
    ],
    [
      'two entries are exchanged',
      (log) =>
        rebuild(log, log.items.with(1, [log.ids[1]!, log.items[2]![1]]).with(2, [log.ids[2]!, log.items[1]![1]])),
      'reordered',
      1,
    ],
  ];

  test.each(tamperings)('%s', async (_name, tamper, kind, at) => {
    const log = await logOf('ABCDE');
    expect(await verify(log)).toMatchObject({ ok: true });
    await tamper(log);
    const ids = ((await client.xrange(log.stream, '-', '+')) as StreamItem[]).map(([id]) => id);
    const entryId = log.ids[at] ?? ids.at(-1);
    expect(await verify(log)).toMatchObject({ ok: false, fault: { kind, entryId } });
    // Entries that keyscope adds later do not hide it.
    await apiKeys.projects.set('p', { transcript: true, metrics: [] }, { workspaceId: log.workspaceId });
    expect(await verify(log)).toMatchObject({ ok: false, fault: { kind } });
  });
});

test('audit.verify reports an entry that was changed together with its hash, by the entry after it', async () => {
  const log = await logOf('ABC');
  const forged = await logOf('ABX');
  // An entry with a right hash of its own: written by keyscope, after the same entry.
  const fields = withField(forged.items[1]![1], 'previous', fieldOf(log.items[1]![1], 'previous'));
  const whole = withField(fields, 'hash', hashEntry(fields.slice(0, -2)));
  await rebuild(log, log.items.with(1, [log.ids[1]!, whole]));
  expect(await verify(log)).toMatchObject({ fault: { kind: 'changed', entryId: log.ids[1] } });
});

describe('a head that was kept', () => {
  test('audit.verify accepts an earlier head while its entry is in the log', async () => {
    const log = await logOf('AB');
    const { head } = await verify(log);
    await apiKeys.keys.create({ name: 'C', permissions: ['conversations'] }, { workspaceId: log.workspaceId });
    expect(await verify(log, { head })).toMatchObject({ ok: true, entries: 3 });
    expect(await verify(log, { head, since: log.ids[1] })).toMatchObject({ ok: true, entries: 1 });
  });

  test('audit.verify accepts the head of an entry that the limit has just removed, as the next one names it', async () => {
    const log = await logOf('ABC');
    const [id, fields] = log.items[0]!;
    await client.xtrim(log.stream, 'MAXLEN', 2);
    expect(await verify(log, { head: `${id}:${fieldOf(fields, 'hash')}` })).toMatchObject({ ok: true, entries: 2 });
  });

  test('audit.verify reports a log that was replaced by another valid chain', async () => {
    const log = await logOf('ABC');
    const { head } = await verify(log);
    const other = await logOf('ABC');
    await rebuild(
      log,
      other.items.map(([, fields], i) => [log.ids[i]!, fields]),
    );
    expect(await verify(log, { head })).toMatchObject({ ok: false });
    await client.del(log.stream);
    await apiKeys.projects.set('p', { transcript: true, metrics: [] }, { workspaceId: log.workspaceId });
    expect(await verify(log)).toMatchObject({ ok: true, entries: 1 });
    expect(await verify(log, { head })).toMatchObject({ ok: false, fault: { kind: 'removed', entryId: log.ids[2] } });
  });

  test('audit.verify rejects values that are no head or no id', async () => {
    for (const input of [{ head: 'x' }, { head: '1-0:' }, { since: '0-0' }, { since: 'x' }, { until: '1-0' }]) {
      const [path] = Object.keys(input);
      await expect(apiKeys.audit.verify(input as object)).rejects.toMatchObject({
        code: 'invalid_request',
        issues: [{ path }],
      });
    }
  });
});

test('audit.verify reports that the entry `since` is missing', async () => {
  const log = await logOf('ABC');
  await client.xdel(log.stream, log.ids[1]!);
  expect(await verify(log, { since: log.ids[1] })).toMatchObject({ fault: { kind: 'removed', entryId: log.ids[1] } });
  expect(await verify(log, { since: log.ids[2] })).toMatchObject({ ok: true, entries: 0 });
});

test('audit.verify begins with the oldest entry that the limit has kept', async () => {
  const workspaceId = `ws-${process.pid}-${++count}`;
  for (let i = 0; i < 700; i++) {
    await apiKeys.projects.set('p', { transcript: i % 2 === 0, metrics: [] }, { workspaceId });
  }
  const result = await apiKeys.audit.verify({ workspaceId });
  expect(result).toMatchObject({ ok: true, unchained: 0 });
  expect(result.entries).toBeLessThan(700);
  expect(result.entries).toBeGreaterThanOrEqual(500);
});

test('entries of an older version are readable, are not chained, and the chain begins after them', async () => {
  const log = await logOf('AB');
  await rebuild(
    log,
    log.items.map(([id, fields]) => [id, fields.slice(2, -2)]),
  );
  await apiKeys.keys.create({ name: 'C', permissions: ['conversations'] }, { workspaceId: log.workspaceId });
  expect(await verify(log)).toMatchObject({ ok: true, entries: 3, unchained: 2 });
  const { entries } = await apiKeys.audit.list({ workspaceId: log.workspaceId });
  expect(entries.map(({ name }) => name)).toEqual(['C', 'B', 'A']);
  // Their fields are not covered. The id of the last one is.
  await client.xdel(log.stream, log.ids[1]!);
  expect(await verify(log)).toMatchObject({ fault: { kind: 'removed' } });
});

test('audit.export yields all entries with their hashes, oldest first, while more are added', async () => {
  const workspaceId = `ws-${process.pid}-${++count}`;
  const set = (i: number) => apiKeys.projects.set('p', { transcript: true, metrics: [`m${i}`] }, { workspaceId });
  for (let i = 0; i < 450; i++) await set(i);
  const seen: { id: string; previous: string | null; hash: string | null; metrics: unknown }[] = [];
  for await (const { id, previous, hash, after, at } of apiKeys.audit.export({ workspaceId })) {
    expect(at).toBeInstanceOf(Date);
    seen.push({ id, previous, hash, metrics: after?.metrics });
    if (seen.length === 10) await set(450);
  }
  expect(seen.map(({ metrics }) => metrics)).toEqual(Array.from({ length: 451 }, (_, i) => [`m${i}`]));
  for (const [i, { previous }] of seen.entries()) {
    const before = seen[i - 1];
    expect(previous).toBe(before === undefined ? '0-0:' : `${before.id}:${before.hash}`);
  }
  const rest: string[] = [];
  for await (const { id } of apiKeys.audit.export({ workspaceId, since: seen[440]!.id })) rest.push(id);
  expect(rest).toEqual(seen.slice(441).map(({ id }) => id));
  expect(() => apiKeys.audit.export({ since: 'x' })).toThrow('since');
});

test('audit.export rejects at an entry that cannot be read, and continues after it', async () => {
  const log = await logOf('AB');
  const id = (await client.xadd(log.stream, '*', 'action', 'key.stolen')) as string;
  await apiKeys.projects.set('p', { transcript: true, metrics: [] }, { workspaceId: log.workspaceId });
  const read = async (input: object) => {
    const names: string[] = [];
    for await (const { action } of apiKeys.audit.export({ workspaceId: log.workspaceId, ...input })) names.push(action);
    return names;
  };
  await expect(read({})).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringContaining(id) });
  expect(await read({ since: id })).toEqual(['project.configured']);
});

test('audit.verify and audit.export read the log of an app in memory, within its limit', async () => {
  const memory = createApiKeys({ permissions, auditLimit: 300, clock: fakeClock(Date.UTC(2030, 0, 1)) });
  for (let i = 0; i < 1000; i++) await memory.projects.set('p', { transcript: i % 2 === 0, metrics: [] });
  const { head, ...result } = await memory.audit.verify();
  expect(result).toMatchObject({ ok: true, entries: 300, unchained: 0, fault: null });
  await memory.projects.set('p', { transcript: true, metrics: 'all' });
  expect(await memory.audit.verify({ head: head! })).toMatchObject({ ok: true, entries: 300 });
  expect(
    await memory.audit.verify({ head: head!.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')) }),
  ).toMatchObject({
    fault: { kind: 'changed' },
  });
  const actions: string[] = [];
  for await (const { action } of memory.audit.export()) actions.push(action);
  expect(actions).toHaveLength(300);
});
