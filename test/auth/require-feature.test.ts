import type { Request, Response } from 'express';
import { createApiKeys } from 'keyscope';
import request from 'supertest';
import { createConfirmRequest } from '../../src/auth/confirm-request';
import { FeatureWatch } from '../../src/auth/feature-watch';
import type { PassedRequirement } from '../../src/auth/open-request';
import { createRequestContexts } from '../../src/auth/request-context';
import { createRequireFeature } from '../../src/auth/require-feature';
import type { Configurations } from '../../src/cache/caches';
import { ReadThroughCache } from '../../src/cache/read-through-cache';
import type { KeyscopeError } from '../../src/errors';
import { createProjectFeatures } from '../../src/projects/project-features';
import { createMemoryStore } from '../../src/store/memory';
import { expresses } from '../support/express-versions';

const permissions = { conversations: { label: 'Conversations' } };

describe.each(expresses)('%s', (_name, express) => {
  async function setUp() {
    const apiKeys = createApiKeys({ permissions });
    const app = express();
    app.get(
      '/p/:project_id/audio',
      apiKeys.requireApiKey('conversations', { agent: 'project_id' }),
      apiKeys.requireFeature('transcript'),
      (_req, res) => {
        res.send('sound');
      },
    );
    app.get(
      '/p/:project_id/csat',
      apiKeys.requireApiKey('conversations', { agent: 'project_id' }),
      apiKeys.requireFeature('metric:CSAT'),
      (_req, res) => {
        res.send('5');
      },
    );
    const { token } = await apiKeys.keys.create({ name: 'x', agents: 'all', permissions: ['conversations'] });
    return { apiKeys, app, get: (path: string) => request(app).get(path).set('x-api-key', token) };
  }

  test('403 feature_not_enabled unless the project enables it, and at once when it changes', async () => {
    const { apiKeys, get } = await setUp();
    expect((await get('/p/A/audio').expect(403)).body.code).toBe('feature_not_enabled');
    await apiKeys.projects.set('A', { transcript: true, metrics: [] });
    await get('/p/A/audio').expect(200);
    await get('/p/B/audio').expect(403);
    await get('/p/A/csat').expect(403);
    await apiKeys.projects.set('A', { transcript: false, metrics: ['CSAT'] });
    await get('/p/A/audio').expect(403);
    await get('/p/A/csat').expect(200);
    await apiKeys.projects.set('A', { transcript: false, metrics: 'all' });
    await get('/p/A/csat').expect(200);
    await apiKeys.projects.clear('A');
    await get('/p/A/csat').expect(403);
  });

  test("another workspace's configuration enables nothing here", async () => {
    const { apiKeys, get } = await setUp();
    await apiKeys.projects.set('A', { transcript: true, metrics: 'all' }, { workspaceId: 'other' });
    await get('/p/A/audio').expect(403);
  });

  test('requireFeature rejects the request with a hint when requireApiKey is missing before it', async () => {
    const { apiKeys, app } = await setUp();
    app.get('/bare', apiKeys.requireFeature('transcript'), (_req, res) => {
      res.send('sound');
    });
    const res = await request(app).get('/bare').expect(500);
    expect(res.body).toMatchObject({
      code: 'invalid_options',
      detail: expect.stringMatching(/requireApiKey\(\) before it/),
    });
  });

  test('names that every object has are not enabled for any project', async () => {
    const { apiKeys, get } = await setUp();
    await apiKeys.projects.set('A', { transcript: true, metrics: 'all' });
    for (const project of ['__proto__', 'constructor', 'toString']) await get(`/p/${project}/audio`).expect(403);
  });
});

test('a feature that does not exist throws when the route is made', () => {
  const apiKeys = createApiKeys({ permissions });
  expect(() => apiKeys.requireFeature('transcripts' as never)).toThrow(/'transcript'/);
});

describe('a configuration whose lease lapses right after it was checked', () => {
  const LAG = 1000;

  /** `lapse()`: the clock is looked at once more in time (or `times` times), and is past the lease from then on. */
  function setUp(read: () => Promise<Configurations>, passed: readonly PassedRequirement[] = []) {
    let looksInTime = Number.POSITIVE_INFINITY;
    let now = 0;
    const wall = () => {
      looksInTime -= 1;
      if (looksInTime < 0) {
        looksInTime = Number.POSITIVE_INFINITY;
        now += LAG;
      }
      return now;
    };
    const clock = { wall, monotonic: () => 0 };
    const projects = new ReadThroughCache<Configurations>({
      ...{ clock, maxEntries: 1, maxMisses: 1, maxRevocationLag: LAG, read },
      lease: () => null,
    });
    const contexts = createRequestContexts();
    const req = {} as Request;
    contexts.set(req, { workspaceId: 'W', agentId: 'P', key: undefined, passed: () => passed });
    const projectFeatures = createProjectFeatures({
      caches: { projects },
      clock,
      storeTimeout: LAG,
    });
    const watch = new FeatureWatch(projects, createMemoryStore({ clock }), {
      clock,
      maxRevocationLag: LAG,
      serveStaleFor: 0,
    });
    const caches = { projects, keys: projects as never };
    const confirmRequest = createConfirmRequest({ caches, clock, storeTimeout: LAG });
    const decide = () =>
      new Promise<KeyscopeError | undefined>((resolve) => {
        const fail = (error: KeyscopeError) => resolve(error);
        const middleware = createRequireFeature({ projectFeatures, contexts, watch, confirmRequest, fail })(
          'transcript',
        );
        middleware(req, {} as Response, resolve as () => void);
      });
    const lapse = (times = 1) => {
      looksInTime = times;
    };
    return { decide, lapse };
  }

  const enabled = new Map([['P', { transcript: true, metrics: [] }]]) as unknown as Configurations;

  test('requireFeature allows the request when the configuration was read for it', async () => {
    const { decide, lapse } = setUp(async () => {
      lapse();
      return enabled;
    });
    expect(await decide()).toBeUndefined();
  });

  test('requireFeature allows the request when the configuration was cached', async () => {
    const { decide, lapse } = setUp(async () => enabled);
    expect(await decide()).toBeUndefined();
    lapse();
    expect(await decide()).toBeUndefined();
  });

  test('requireFeature waits no longer than storeTimeout for the configuration and for all that was accepted before', async () => {
    jest.useFakeTimers();
    try {
      const silent = { readAgain: () => new Promise<never>(() => {}), emitEnded: () => {} };
      const read = () => new Promise<Configurations>((resolve) => setTimeout(resolve, 0.8 * LAG, enabled));
      const { decide } = setUp(read, [silent as never]);
      const decided = jest.fn();
      void decide().then(decided);
      await jest.advanceTimersByTimeAsync(LAG - 1);
      expect(decided).not.toHaveBeenCalled();
      await jest.advanceTimersByTimeAsync(2);
      expect(decided).toHaveBeenCalledWith(expect.objectContaining({ code: 'store_unavailable' }));
    } finally {
      jest.useRealTimers();
    }
  });

  test('requireFeature responds store_unavailable when every reply comes too late', async () => {
    const { decide, lapse } = setUp(async () => {
      lapse(0);
      return enabled;
    });
    expect(await decide()).toMatchObject({ code: 'store_unavailable' });
  });
});
