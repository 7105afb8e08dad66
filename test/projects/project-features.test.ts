import express from 'express';
import Redis from 'ioredis';
import { type ApiKeysOptions, createApiKeys } from 'keyscope';
import request from 'supertest';
import type { Configurations } from '../../src/cache/caches';
import { ReadThroughCache } from '../../src/cache/read-through-cache';
import { createProjectFeatures, type FeaturesRead } from '../../src/projects/project-features';
import { fakeClock } from '../support/clock';
import { deferred } from '../support/deferred';
import { type RedisServer, startRedis } from '../support/redis/server';
import { waitUntil } from '../support/wait-until';

const permissions = { conversations: { label: 'Conversations' } };
const EVERYTHING = { transcript: true, metrics: 'all' } as const;
const NOTHING = { transcript: false, metrics: [] } as const;

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

/** An app whose handlers respond when the test calls them. */
async function setUp(options: Partial<ApiKeysOptions> = {}) {
  const apiKeys = createApiKeys({ permissions, ...options });
  endings.push(() => apiKeys.close());
  apiKeys.on('error', () => {}); // this suite causes failures and reads them in the responses
  await apiKeys.ready();
  const app = express();
  const guard = apiKeys.requireApiKey('conversations', { agent: 'project_id' });
  app.get('/now/:project_id', guard, apiKeys.redactResponse(), (_req, res) => {
    res.json({ turns: ['said'] });
  });
  let arrived = deferred<void>();
  let go = deferred<void>();
  app.get('/later/:project_id', guard, apiKeys.redactResponse(), async (_req, res) => {
    arrived.resolve();
    await go.promise;
    res.json({ turns: ['said'] });
  });
  const get = async (path: string, token: string) => {
    const { body } = await request(app).get(path).set('x-api-key', token).expect(200);
    return body.turns as string[];
  };

  /** An allowed request. It receives its response when `finish` is called. */
  async function begin(token: string): Promise<() => Promise<string[]>> {
    arrived = deferred();
    go = deferred();
    const turns = get('/later/P', token);
    await arrived.promise;
    return () => {
      go.resolve();
      return turns;
    };
  }

  const create = async (workspaceId?: string) =>
    (await apiKeys.keys.create({ workspaceId, name: 'k', agents: 'all', permissions: ['conversations'] })).token;
  return { apiKeys, begin, create, get };
}

describe('a response that begins long after its request', () => {
  test('a response is redacted by the configuration at that moment, also when its cache entry was evicted', async () => {
    const { apiKeys, begin, create, get } = await setUp({ cache: { maxWorkspaces: 1 } });
    const [token, other] = [await create('A'), await create('B')];
    await apiKeys.projects.set('P', EVERYTHING, { workspaceId: 'A' });

    const unchanged = await begin(token);
    await get('/now/P', other);
    expect(await unchanged()).toEqual(['said']);

    const changed = await begin(token);
    await get('/now/P', other);
    await apiKeys.projects.set('P', NOTHING, { workspaceId: 'A' });
    expect(await changed()).toEqual([]);
  });

  describe('with Redis', () => {
    let server: RedisServer;
    let admin: Redis;
    beforeEach(async () => {
      server = await startRedis();
      admin = new Redis(server.url);
    });
    afterEach(async () => {
      admin.disconnect();
      await server.stop();
    });

    function connect(options: object = {}): Redis {
      const redis = new Redis({ port: server.port, ...options });
      redis.on('error', () => {}); // a server that is frozen or gone is the subject here
      endings.push(() => redis.disconnect());
      return redis;
    }

    /** As many a managed Redis has it. */
    async function connectWithoutTracking(): Promise<Redis> {
      await admin.call('ACL', 'SETUSER', 'app', 'on', '>pw', '~*', '&*', '+@all', '-client|tracking');
      return connect({ username: 'app', password: 'pw' });
    }

    async function elsewhere() {
      const apiKeys = createApiKeys({ permissions, redis: connect() });
      endings.push(() => apiKeys.close());
      await apiKeys.ready();
      return apiKeys.projects;
    }

    test('a response is fully redacted when its configuration has expired and invalidations are off', async () => {
      const clock = fakeClock();
      const { apiKeys, begin, create } = await setUp({ redis: await connectWithoutTracking(), clock });
      expect(apiKeys.health().mode).toBe('per-entry');
      const token = await create();
      const projects = await elsewhere();
      await projects.set('P', EVERYTHING);
      const finish = await begin(token);
      await projects.set('P', NOTHING);
      clock.advance(1000);
      expect(await finish()).toEqual([]);
    });

    test('a slow response uses its unchanged configuration, which is refreshed in time', async () => {
      const clock = fakeClock();
      const redis = await connectWithoutTracking();
      const { begin, create, apiKeys } = await setUp({ redis, clock, maxRevocationLag: 400 });
      const token = await create();
      await apiKeys.projects.set('P', EVERYTHING);
      const finish = await begin(token);
      clock.advance(100_000);
      await admin.config('RESETSTAT');
      await waitUntil('it has been read again', async () => /cmdstat_hvals/.test(await admin.info('commandstats')));
      await waitUntil('it has been answered', async () => (await apiKeys.projects.get('P')).transcript);
      expect(await finish()).toEqual(['said']);
      await waitUntil('no read is in flight', async () => {
        await admin.config('RESETSTAT');
        await new Promise((resolve) => setTimeout(resolve, 200));
        return !/cmdstat_hvals/.test(await admin.info('commandstats'));
      });
    });

    test('a response is fully redacted when the invalidation feed has been lost since the read', async () => {
      const clock = fakeClock();
      const { apiKeys, begin, create } = await setUp({ redis: connect(), clock });
      expect(apiKeys.health().mode).toBe('tracking');
      const token = await create();
      const projects = await elsewhere();
      await projects.set('P', EVERYTHING);
      const finish = await begin(token);
      const listeners = async (): Promise<string[]> =>
        String(await admin.call('CLIENT', 'LIST', 'TYPE', 'PUBSUB')).match(/^id=\d+/gm) ?? [];
      const before = await listeners();
      await admin.call('CLIENT', 'KILL', 'TYPE', 'PUBSUB');
      await projects.set('P', NOTHING);
      await waitUntil('all listen again', async () => {
        const now = await listeners();
        return now.length === before.length && now.every((id: string) => !before.some((old: string) => old === id));
      });
      clock.advance(1000);
      expect(await finish()).toEqual([]);
    });

    test('a response contains no transcript when Redis has been silent for longer than the lease', async () => {
      const clock = fakeClock();
      const { begin, create, apiKeys } = await setUp({ redis: connect(), clock });
      const token = await create();
      await apiKeys.projects.set('P', EVERYTHING);
      const finish = await begin(token);
      await server.kill('SIGSTOP');
      clock.advance(1000);
      expect(await finish()).toEqual([]);
      await server.kill('SIGCONT');
    });
  });
});

describe('ProjectFeatures', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  test('ProjectFeatures rejects within the store timeout when the configurations change while they are read', async () => {
    const clock = fakeClock();
    const first = deferred<Configurations | null>();
    const reads = [first.promise, new Promise<never>(() => {})];
    const projects = new ReadThroughCache<Configurations>({
      ...{ clock, maxEntries: 1, maxMisses: 1, maxRevocationLag: 1000, lease: () => null },
      read: () => reads.shift()!,
    });
    const features = createProjectFeatures({ caches: { projects }, clock, storeTimeout: 100 });
    const outcome = jest.fn();
    (features.get('A') as FeaturesRead).result.catch(outcome);
    await jest.advanceTimersByTimeAsync(60);
    projects.invalidate('A');
    first.resolve(new Map());
    await jest.advanceTimersByTimeAsync(41);
    expect(outcome).toHaveBeenCalledWith(expect.objectContaining({ code: 'store_unavailable' }));
  });
});
