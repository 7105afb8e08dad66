import type { DeniedEvent, ReportedEvent } from 'keyscope';
import { createTestKeys } from 'keyscope/testing';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { OPTIONS } from './api-keys';
import { seedDevelopmentKey } from './jobs';
import { start } from './test-app';

const CALLS = '/v1/projects/sales/calls';

let world: Awaited<ReturnType<typeof start>>;
beforeEach(async () => {
  world = await start();
});
afterEach(() => world.close());

const get = (path: string, token: string) => request(world.app).get(path).set('authorization', `Bearer ${token}`);

describe('calls', () => {
  test('a key reads the calls of its projects, from either header', async () => {
    const { app, tokenFor } = world;
    const token = await tokenFor({ permissions: ['calls'], agents: ['sales'] });
    const { body } = await get(CALLS, token).expect(200);
    expect(body.calls).toHaveLength(2);
    await request(app).get(CALLS).set('x-api-key', token).expect(200);
    const { body: denied } = await get('/v1/projects/support/calls', token).expect(403);
    expect(denied.code).toBe('agent_not_in_scope');
  });

  test('a request with two different tokens is denied', async () => {
    const { tokenFor } = world;
    const [first, second] = [await tokenFor(), await tokenFor()];
    const { body, headers } = await get(CALLS, first).set('x-api-key', second).expect(401);
    expect(body.code).toBe('duplicate_key');
    expect(headers['www-authenticate']).toMatch(/^Bearer /);
  });

  test('a project without a configuration hides transcripts and metrics, also from a compressed response', async () => {
    const { apiKeys, tokenFor } = world;
    const token = await tokenFor();
    const hidden = await get(CALLS, token).set('accept-encoding', 'gzip').expect(200);
    expect(hidden.headers['content-encoding']).toBe('gzip');
    expect(hidden.text).not.toContain('I would like to order');
    expect(hidden.headers.redacted).toBeDefined();
    await apiKeys.projects.set('sales', { transcript: true, metrics: ['sentiment'] });
    const { body, headers } = await get(CALLS, token).expect(200);
    expect(body.calls[0]).toMatchObject({ transcript: 'Hello. I would like to order.', metrics: { sentiment: 0.7 } });
    expect(headers['cache-control']).toBe('private');
    // helmet's.
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  test('an invalid query keeps its status', async () => {
    const { body } = await get(`${CALLS}?minSeconds=-1`, await world.tokenFor()).expect(400);
    expect(body.title).toMatch(/minSeconds/);
  });

  test('a recording needs the transcript to be enabled', async () => {
    const { apiKeys, tokenFor } = world;
    const token = await tokenFor();
    await get(`${CALLS}/c1/audio`, token).expect(403);
    await apiKeys.projects.set('sales', { transcript: true, metrics: [] });
    await get(`${CALLS}/c1/audio`, token).expect(200);
  });

  test('a stream of events is redacted, and ends when its key is revoked', async () => {
    const { apiKeys, url } = world;
    const { key, token } = await apiKeys.keys.create({ name: 'CRM', permissions: ['calls'], agents: 'all' });
    const response = await fetch(`${url}${CALLS}/events`, { headers: { 'x-api-key': token } });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('c2')) {
      const { done, value } = await reader.read();
      if (done) throw new Error(`The stream has ended: ${text}`);
      text += value;
    }
    expect(text).not.toContain('I would like to order');
    await apiKeys.keys.delete(key.id);
    await expect(reader.read()).rejects.toThrow('terminated');
  });

  test('a preflight is answered without a key', async () => {
    await request(world.app)
      .options(CALLS)
      .set({ origin: 'https://app.example.com', 'access-control-request-method': 'GET' })
      .expect(204);
  });
});

describe('exports', () => {
  test('the limit of the permission is stated and enforced, and the next window is free', async () => {
    const { app, clock, tokenFor } = world;
    const post = (token: string) => request(app).post('/v1/exports').set('x-api-key', token);
    const token = await tokenFor();
    const { headers } = await post(token).expect(202);
    expect(headers['ratelimit-policy']).toContain('q=2;w=3600');
    await post(token).expect(202);
    const { body, headers: denied } = await post(token).expect(429);
    expect(body.code).toBe('rate_limited');
    expect(Number(denied['retry-after'])).toBeGreaterThan(0);
    clock.advance('1h');
    await post(token).expect(202);
  });

  test('an export stops when its key is revoked', async () => {
    const { apiKeys, app, tokenFor } = world;
    const other = await tokenFor();
    const { key, token } = await apiKeys.keys.create({ name: 'nightly', permissions: ['exports'], agents: 'all' });
    const { body } = await request(app).post('/v1/exports').set('x-api-key', token).expect(202);
    const state = async () => (await get(`/v1/exports/${body.id}`, other).expect(200)).body.state as string;
    expect(await state()).toBe('running');
    await apiKeys.keys.delete(key.id);
    await expect.poll(state).toBe('stopped');
  });
});

describe('messages', () => {
  test('the service is told which key was used, by headers that a client cannot forge, and never sees the token', async () => {
    const { apiKeys, app, received } = world;
    const { key, token } = await apiKeys.keys.create({ name: 'CRM', permissions: ['messages'], agents: ['sales'] });
    await request(app)
      .get('/v1/messages')
      .set({ authorization: `Bearer ${token}`, 'x-key-id': 'forged', x_workspace_id: 'forged' })
      .expect(200, { sent: true });
    const [headers] = received;
    expect(headers).toMatchObject({ 'x-key-id': key.id, 'x-workspace-id': 'default', 'x-key-agents': 'sales' });
    expect(JSON.stringify(headers)).not.toContain(token);
    expect(JSON.stringify(headers)).not.toContain('forged');
  });
});

describe('keys', () => {
  test('a token of another environment is denied with a reason of its own', async () => {
    const { apiKeys } = world;
    const denials: DeniedEvent[] = [];
    apiKeys.on('denied', (event) => denials.push(event));
    const test = createTestKeys({ ...OPTIONS, environment: 'test' });
    await get(CALLS, await test.tokenFor()).expect(401);
    expect(denials).toMatchObject([{ reason: 'other_environment' }]);
  });

  test('a key that is limited to addresses works from these alone, behind the proxy', async () => {
    const token = await world.tokenFor({ allowedIps: ['203.0.113.0/24'] });
    await get(CALLS, token).set('x-forwarded-for', '203.0.113.7').expect(200);
    const { body } = await get(CALLS, token).set('x-forwarded-for', '198.51.100.7').expect(403);
    expect(body.code).toBe('ip_not_allowed');
  });

  test('operators manage keys of their workspace with the fields of the record', async () => {
    const { app } = world;
    const input = {
      name: 'CRM',
      permissions: ['calls'],
      agents: ['sales'],
      owner: { kind: 'service', id: 'crm' },
      contact: 'crm@example.com',
      metadata: { tier: 'gold' },
      rateLimit: [{ limit: 1, window: '1m' }],
    };
    await request(app).post('/admin/keys').send(input).expect(401);
    const { body } = await request(app).post('/admin/keys').set('x-operator', 'Ada').send(input).expect(201);
    expect(body.key).toMatchObject({ createdBy: 'Ada', owner: input.owner, environment: 'live' });
    await get(CALLS, body.token).expect(200);
    await get(CALLS, body.token).expect(429);
  });

  test('a token of the old system keeps working, and seeds can be run again', async () => {
    const { apiKeys } = world;
    const token = 'token-of-the-old-system-0001';
    await seedDevelopmentKey(apiKeys, token);
    await seedDevelopmentKey(apiKeys, token);
    await get(CALLS, token).expect(200);
    expect(await apiKeys.keys.list()).toMatchObject({ total: 1 });
  });

  test('an expired key is denied', async () => {
    const { clock, tokenFor } = world;
    const token = await tokenFor({ expiresIn: '1d' });
    await get(CALLS, token).expect(200);
    clock.advance('25h');
    const { body } = await get(CALLS, token).expect(401);
    expect(body.code).toBe('expired_key');
  });

  test('the log names the key of each request, and never contains a token', async () => {
    const { apiKeys, log, lines } = world;
    const { key, token } = await apiKeys.keys.create({ name: 'CRM', permissions: ['calls'], agents: 'all' });
    await get(CALLS, token).expect(200);
    expect(log()).toContainEqual(expect.objectContaining({ keyId: key.id, msg: 'request completed' }));
    expect(lines.join('')).not.toContain(token);
  });
});

describe('a trial beside an old check', () => {
  test('changes no response, and reports what keyscope would do otherwise', async () => {
    const { apiKeys, app, tokenFor } = world;
    const reports: ReportedEvent[] = [];
    apiKeys.on('reported', (event) => reports.push(event));
    const path = '/v0/projects/sales/calls';
    const { body } = await request(app).get(path).set('x-old-key', 'old').expect(200);
    expect(body.calls[0].transcript).toBe('Hello. I would like to order.');
    await get(path, await tokenFor()).expect(403);
    await get(path, await tokenFor())
      .set('x-old-key', 'old')
      .expect(200);
    await expect
      .poll(() => reports.map(({ kind }) => kind))
      .toEqual(['denied', 'difference', 'difference', 'redacted']);
    expect(reports[1]).toMatchObject({ allowed: false, comparedAllowed: true, code: 'missing_key' });
    expect(reports[2]).toMatchObject({ allowed: true, comparedAllowed: false });
    // Over all processes, for the console and `keyscope reports`.
    const counted = await apiKeys.reports();
    expect(counted.reports.map(({ kind, route }) => [kind, route])).toContainEqual([
      'denied',
      '/projects/:project/calls',
    ]);
    expect(counted.total).toBe(4);
    const { body: shown } = await request(app).get('/admin/reports').set('x-operator', 'Ada').expect(200);
    expect(shown.total).toBe(4);
  });
});
