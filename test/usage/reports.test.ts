import { Redis } from 'ioredis';
import { type ApiKeys, type ApiKeysOptions, createApiKeys } from 'keyscope';
import request from 'supertest';
import { DAY } from '../../src/clock';
import { createMemoryStore } from '../../src/store/memory';
import { createRedisStore } from '../../src/store/redis/redis-store';
import { MAX_REPORT_COUNTS } from '../../src/store/report-store';
import type { Store } from '../../src/store/store';
import { ReportRecorder } from '../../src/usage/report-recorder';
import { createReportService } from '../../src/usage/report-service';
import { fakeClock } from '../support/clock';
import { expresses } from '../support/express-versions';
import { type TestRedis, testRedis } from '../support/redis/test-redis';
import { waitUntil } from '../support/wait-until';

const permissions = { conversations: { label: 'Conversations data' }, handoff: { label: 'Handoff' } };
const NOW = Date.UTC(2030, 0, 1);
const TODAY = '2030-01-01';

let redis: TestRedis;
let client: Redis;
let namespaces = 0;
const closers: (() => Promise<void>)[] = [];
beforeAll(async () => {
  redis = await testRedis();
  client = new Redis(redis.url);
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
afterAll(async () => {
  client.disconnect();
  await redis.stop();
});

function create(options: Partial<ApiKeysOptions<'conversations' | 'handoff'>>): ApiKeys<'conversations' | 'handoff'> {
  const apiKeys = createApiKeys({ permissions, storeTimeout: 1000, ...options });
  closers.push(() => apiKeys.close());
  return apiKeys;
}

type Place = Pick<ApiKeysOptions, 'redis' | 'namespace'>;

describe.each<[string, () => Place]>([
  ['memory', () => ({})],
  ['Redis', () => ({ redis: client, namespace: `${redis.namespace}:${++namespaces}` })],
])('in %s', (_, placeOf) => {
  test.each(expresses)(
    'reports counts what middleware has reported, by kind and workspace, on %s',
    async (__, express) => {
      const place = placeOf();
      const clock = fakeClock(NOW);
      const apiKeys = create({ ...place, clock });
      const app = express();
      app.get(
        '/:project_id',
        apiKeys.requireApiKey('conversations', {
          mode: 'report',
          agent: 'project_id',
          compareWith: (req) => req.get('x-old') === 'yes',
        }),
        apiKeys.redactResponse({ mode: 'report' }),
        (_req, res) => void res.json({ conversations: [{ turns: ['hello'] }] }),
      );
      const input = { name: 'CRM', workspaceId: 'acme' };
      const { key, token } = await apiKeys.keys.create({ ...input, permissions: ['conversations'] });
      const { token: other } = await apiKeys.keys.create({ ...input, permissions: ['handoff'] });
      const get = (given: string, old: string) =>
        request(app).get('/p1').set({ 'x-api-key': given, 'x-old': old }).expect(200);
      await get(token, 'yes');
      await get(token, 'yes');
      await get(other, 'yes');
      await request(app).get('/p1').expect(200);
      await waitUntil('all is counted', async () => (await apiKeys.reports({ workspaceId: 'acme' })).total === 4);
      const common = { method: 'GET', route: '/:project_id', lastDate: TODAY };
      const denial = { code: 'permission_denied', reason: 'permission', withheld: [], rejection: null };
      const { reports, ...summary } = await apiKeys.reports({ workspaceId: 'acme', days: 1 });
      expect(summary).toEqual({ since: TODAY, total: 4, other: 0 });
      expect(reports[0]).toEqual({
        ...{ ...common, kind: 'redacted', keyId: key.id, count: 2, withheld: ['transcript'], rejection: null },
        ...{ code: null, reason: null, comparedAllowed: null },
      });
      expect(reports.slice(1)).toEqual(
        expect.arrayContaining([
          { ...common, ...denial, kind: 'denied', keyId: expect.any(String), count: 1, comparedAllowed: null },
          { ...common, ...denial, kind: 'difference', keyId: expect.any(String), count: 1, comparedAllowed: true },
        ]),
      );
      // A request without a key belongs to no workspace.
      expect(await apiKeys.reports()).toMatchObject({ total: 1, reports: [{ code: 'missing_key', keyId: null }] });
      expect(JSON.stringify([reports, await apiKeys.reports()])).not.toContain(token.slice(-38));
      if (place.redis !== undefined) {
        const another = create({ ...place, clock });
        expect(await another.reports({ workspaceId: 'acme', days: 1 })).toMatchObject(summary);
      }
    },
  );

  test('reports sums days, and days that are over are removed', async () => {
    const clock = fakeClock(NOW);
    const apiKeys = create({ ...placeOf(), clock });
    const app = expresses[0]![1]();
    app.get('/', apiKeys.requireApiKey('conversations', { mode: 'report' }), (_req, res) => void res.json({}));
    const report = async (expected: number) => {
      await request(app).get('/').expect(200);
      await waitUntil('it is counted', async () => (await apiKeys.reports({ days: 14 })).total === expected);
    };
    await report(1);
    clock.advance(DAY);
    await report(2);
    expect(await apiKeys.reports({ days: 14 })).toMatchObject({ reports: [{ count: 2, lastDate: '2030-01-02' }] });
    expect(await apiKeys.reports({ days: 1 })).toMatchObject({ since: '2030-01-02', total: 1 });
    clock.advance(13 * DAY);
    await report(2);
    expect(await apiKeys.reports({ days: 14 })).toMatchObject({ reports: [{ count: 2, lastDate: '2030-01-15' }] });
    await expect(apiKeys.reports({ days: 15 })).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe.each([
  ['memory', () => createMemoryStore({ clock: fakeClock(NOW) })],
  [
    'Redis',
    () => {
      const namespace = `${redis.namespace}:${++namespaces}`;
      const store = createRedisStore({ client, namespace, storeTimeout: 5000, clock: fakeClock(NOW) });
      closers.push(() => store.close());
      return store;
    },
  ],
])('the store in %s', (_, createStore) => {
  test('addReports counts reports of further kinds together', async () => {
    const store = createStore();
    const counts = new Map(Array.from({ length: MAX_REPORT_COUNTS + 5 }, (__, i) => [`${TODAY}:${i}`, 2]));
    await store.addReports({ workspaceId: 'acme', source: 'a', number: 1, counts });
    const stored = await store.readReports('acme', TODAY);
    expect(stored.size).toBe(MAX_REPORT_COUNTS + 1);
    expect(stored.get(`${TODAY}:other`)).toBe(10);
    expect(await store.readReports('other', TODAY)).toEqual(new Map());
  });
});

test('ReportRecorder resends a batch whose reply was lost, and it is counted once', async () => {
  const namespace = `${redis.namespace}:${++namespaces}`;
  const clock = fakeClock(NOW);
  const store = createRedisStore({ client, namespace, storeTimeout: 5000, clock });
  closers.push(() => store.close());
  const failures: unknown[] = [];
  let isLost = true;
  const losing: Pick<Store, 'addReports' | 'readReports'> = {
    readReports: store.readReports,
    async addReports(batch) {
      await store.addReports(batch);
      if (isLost) throw new Error('The reply was lost.');
    },
  };
  const recorder = new ReportRecorder({
    store: losing,
    clock,
    interval: 3_600_000,
    report: (error) => failures.push(error),
  });
  const event = { method: 'GET', route: '/', keyId: null, workspaceId: 'acme', hint: null } as const;
  const denied = { ...event, kind: 'denied', code: 'missing_key', reason: 'missing' } as const;
  recorder.count(denied);
  await recorder.flush();
  await recorder.flush();
  recorder.count(denied);
  expect(failures).toHaveLength(1);
  isLost = false;
  const read = createReportService({ store, clock, recorder });
  expect(await read({ workspaceId: 'acme' })).toMatchObject({ total: 2, reports: [{ count: 2 }] });
  recorder.count(denied);
  await recorder.close();
  expect(await read({ workspaceId: 'acme' })).toMatchObject({ total: 3 });
});

test('ReportRecorder retries after a failure during which the next flush was due', async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
  try {
    const clock = fakeClock(NOW);
    const replies: ((error: Error | null) => void)[] = [];
    const store: Pick<Store, 'addReports' | 'readReports'> = {
      readReports: async () => new Map(),
      addReports: () =>
        new Promise((resolve, reject) => replies.push((error) => (error === null ? resolve() : reject(error)))),
    };
    const recorder = new ReportRecorder({ store, clock, interval: 100, report: () => {} });
    const event = { method: 'GET', route: '/', keyId: null, workspaceId: 'acme', hint: null } as const;
    const count = () => recorder.count({ ...event, kind: 'denied', code: 'missing_key', reason: 'missing' });
    count();
    jest.advanceTimersByTime(100);
    count();
    jest.advanceTimersByTime(100);
    replies[0]!(new Error('The store is unreachable.'));
    await new Promise(setImmediate);
    jest.advanceTimersByTime(100);
    expect(replies).toHaveLength(2);
    replies[1]!(null);
    await new Promise(setImmediate);
    replies[2]!(null);
    await new Promise(setImmediate);
    expect(recorder.isIdle).toBe(true);
  } finally {
    jest.useRealTimers();
  }
});

test('ReportRecorder keeps a bounded number of counts while the store is unreachable', async () => {
  const clock = fakeClock(NOW);
  const store = createMemoryStore({ clock });
  const sizes: number[] = [];
  const recording: Pick<Store, 'addReports' | 'readReports'> = {
    readReports: store.readReports,
    async addReports(batch) {
      sizes.push(batch.counts.size);
    },
  };
  const recorder = new ReportRecorder({ store: recording, clock, interval: 3_600_000, report: () => {} });
  for (let i = 0; i < 20_000; i++) {
    const event = { method: 'GET', route: `/${i}`, keyId: null, workspaceId: 'acme', hint: null } as const;
    recorder.count({ ...event, kind: 'denied', code: 'missing_key', reason: 'missing' });
  }
  await recorder.close();
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(5001);
});
