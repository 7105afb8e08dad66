import { trace } from '@opentelemetry/api';
import type { Express } from 'express';
import Redis from 'ioredis';
import { type ApiKeysOptions, createApiKeys } from 'keyscope';
import request from 'supertest';
import { expresses } from '../support/express-versions';
import { type RedisServer, startRedis } from '../support/redis/server';
import { waitUntil } from '../support/wait-until';
import { registerSdk } from './open-telemetry';

const permissions = { conversations: { label: 'Conversations' }, handoff: { label: 'Handoff' } };
const KEY = { name: 'x', agents: 'all', permissions: ['conversations'] } as const;

let sdk: ReturnType<typeof registerSdk>;
const endings: (() => unknown)[] = [];
beforeEach(() => {
  sdk = registerSdk();
});
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
  await sdk.shutdown();
});

function create(options: Partial<ApiKeysOptions> = {}) {
  const apiKeys = createApiKeys({ permissions, ...options });
  endings.push(() => apiKeys.close());
  return apiKeys;
}

/** An app with a span for each request, as HTTP instrumentation creates it. */
function createApp(express: (typeof expresses)[0][1], apiKeys: ReturnType<typeof create>): Express {
  const app = express();
  app.use((req, res, next) => {
    trace.getTracer('http').startActiveSpan(`GET ${req.path}`, (span) => {
      res.on('finish', () => span.end());
      next();
    });
  });
  const route = apiKeys.requireApiKey('conversations', { workspace: 'ws', agent: 'agent' });
  app.get('/:ws/:agent', route, apiKeys.redactResponse(), (_req, res) => {
    res.json({ turns: [1], metrics: { a: 1 } });
  });
  return app;
}

describe.each(expresses)('with an SDK, on %s', (_name, express) => {
  test('requests, look-ups and redacted responses are counted by what came of them', async () => {
    const apiKeys = create();
    const app = createApp(express, apiKeys);
    const { token } = await apiKeys.keys.create(KEY);
    const poor = await apiKeys.keys.create({ ...KEY, permissions: ['handoff'] });
    const get = (key: string) => request(app).get('/default/A').set('x-api-key', key);
    for (let i = 0; i < 3; i++) await get(token).expect(200);
    await apiKeys.projects.set('A', { transcript: true, metrics: [] });
    await get(token).expect(200);
    await get(poor.token).expect(403);
    await get('garbage').expect(401);
    await apiKeys.verify(token);

    expect(await sdk.valuesOf('keyscope.requests')).toEqual({
      'keyscope.outcome=allowed': 5,
      'keyscope.outcome=permission_denied': 1,
      'keyscope.outcome=invalid_key': 1,
    });
    expect(await sdk.valuesOf('keyscope.cache.lookups')).toEqual({
      'keyscope.cache.subject=key keyscope.cache.outcome=miss': 2,
      'keyscope.cache.subject=key keyscope.cache.outcome=hit': 4,
      'keyscope.cache.subject=projects keyscope.cache.outcome=miss': 2,
      'keyscope.cache.subject=projects keyscope.cache.outcome=hit': 2,
    });
    expect(await sdk.valuesOf('keyscope.responses.redacted')).toEqual({
      'keyscope.withheld=transcript,metrics': 3,
      'keyscope.withheld=metrics': 1,
    });
  });

  test('the span of a request says who is calling and what was decided, whether or not the key was known', async () => {
    const apiKeys = create();
    const app = createApp(express, apiKeys);
    const { key, token } = await apiKeys.keys.create({ ...KEY, workspaceId: 'ws-1' });
    for (const path of ['/ws-1/A', '/ws-1/B', '/ws-2/C']) await request(app).get(path).set('x-api-key', token);
    await request(app).get('/ws-1/D').set('x-api-key', 'garbage');
    const who = { 'keyscope.key.id': key.id, 'keyscope.workspace.id': 'ws-1' };
    expect(Object.fromEntries(sdk.spanExporter.getFinishedSpans().map((span) => [span.name, span.attributes]))).toEqual(
      {
        'GET /ws-1/A': { ...who, 'keyscope.outcome': 'allowed' },
        'GET /ws-1/B': { ...who, 'keyscope.outcome': 'allowed' },
        'GET /ws-2/C': { ...who, 'keyscope.outcome': 'workspace_not_in_scope' },
        'GET /ws-1/D': { 'keyscope.outcome': 'invalid_key' },
      },
    );
  });

  test('telemetry records no token and no digest', async () => {
    const apiKeys = create();
    const app = createApp(express, apiKeys);
    const { key, token } = await apiKeys.keys.create({ ...KEY, workspaceId: 'ws-1' });
    await request(app).get('/ws-1/A').set('x-api-key', token).expect(200);
    await request(app).get('/ws-1/A').set('x-api-key', `${token}x`).expect(401);
    await apiKeys.keys.rotate(key.id, { overlap: 0 });
    const recorded = await sdk.dump();
    expect(recorded).toContain(key.id);
    expect(recorded).not.toContain(token.slice(-38));
    expect(recorded).not.toMatch(/[0-9a-f]{64}/);
  });
});

describe('the store', () => {
  let server: RedisServer;
  beforeEach(async () => {
    server = await startRedis();
  });
  afterEach(() => server.stop());

  function onRedis(options: Partial<ApiKeysOptions> = {}) {
    const redis = new Redis(server.url, { retryStrategy: () => 20, disconnectTimeout: 50 });
    redis.on('error', () => {}); // a lost connection is the subject of one test
    endings.push(() => redis.disconnect());
    return create({ redis, maxRevocationLag: 15_000, storeTimeout: 15_000, ...options });
  }

  const operationsOf = async () =>
    Object.fromEntries(
      Object.entries(await sdk.valuesOf('keyscope.store.duration')).map(([attributes, value]) => {
        const { count, sum } = value as { count: number; sum: number };
        // Seconds: an answered operation took some time, and less than a minute.
        expect(sum).toBeGreaterThan(0);
        expect(sum).toBeLessThan(60);
        return [attributes.replaceAll('keyscope.store.operation=', ''), count];
      }),
    );

  test('each operation of the store is timed', async () => {
    const { keys, projects, audit, usage, verify, ready } = onRedis();
    await ready();
    const { key, token } = await keys.create(KEY);
    await verify(token);
    await verify(token);
    await keys.get(key.id);
    await keys.list();
    await keys.update(key.id, { name: 'y' });
    await keys.rotate(key.id, { overlap: 0 });
    await keys.delete(key.id);
    await projects.set('p', { transcript: true, metrics: [] });
    await projects.list();
    await projects.clear('p');
    await audit.list();
    await usage(key.id).catch(() => {});
    expect(await operationsOf()).toMatchObject({
      'key.authenticate': expect.any(Number),
      'key.create': 1,
      'key.read': 3,
      'key.update': 1,
      'key.rotate': 1,
      'key.delete': 1,
      'keys.list': 1,
      'projects.read': 1,
      'project.configure': 1,
      'project.clear': 1,
      'audit.list': 1,
      'usage.add': 1,
      'usage.read': 1,
    });
  });

  test('an unreachable store is recorded as an error of the operation and in the status', async () => {
    const { keys, verify, usage, ready, health } = onRedis({ storeTimeout: 1500, maxRevocationLag: 1500 });
    await ready();
    const { key, token } = await keys.create(KEY);
    await verify(token);
    const mode = (name: string) => `keyscope.store.mode=${name}`;
    const none = { [mode('memory')]: 0, [mode('tracking')]: 0, [mode('per-entry')]: 0, [mode('down')]: 0 };
    expect(await sdk.valuesOf('keyscope.store.status')).toEqual({ ...none, [mode(health().mode)]: 1 });
    await server.kill('SIGKILL');
    await expect(keys.get(key.id)).rejects.toMatchObject({ code: 'store_unavailable' });
    await expect(usage(key.id)).rejects.toMatchObject({ code: 'store_unavailable' });
    await waitUntil('both have been given up', async () => {
      const operations = await operationsOf();
      return (
        operations['key.read error.type=store_unavailable'] === 2 &&
        operations['usage.add error.type=store_unavailable'] === 1
      );
    });
    await server.restart();
  });
});

test('`telemetry: false` records nothing', async () => {
  const apiKeys = create({ telemetry: false });
  const { token } = await apiKeys.keys.create(KEY);
  await trace.getTracer('test').startActiveSpan('work', async (span) => {
    await apiKeys.verify(token);
    span.end();
  });
  expect(sdk.spanExporter.getFinishedSpans()[0]?.attributes).toEqual({});
  expect(JSON.parse(await sdk.dump())[0]).toEqual([]);
});

test.each([[true], ['on'], [null]])('`telemetry: %j` is refused', (telemetry) => {
  expect(() => createApiKeys({ permissions, telemetry: telemetry as false })).toThrow(
    expect.objectContaining({ code: 'invalid_options', issues: [expect.objectContaining({ path: 'telemetry' })] }),
  );
});
