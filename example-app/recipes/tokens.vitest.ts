import express from 'express';
import type { ApiKeys, DeniedEvent } from 'keyscope';
import { createTestKeys } from 'keyscope/testing';
import { pino } from 'pino';
import request from 'supertest';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { OPTIONS, type Permission } from './api-keys';
import { createDownloadLog, createDownloadRoutes, DOWNLOAD_OPTIONS } from './downloads';
import { limitFailures } from './floods';
import { createMachineKey, MACHINE_OPTIONS } from './machines';
import { createWidgetRoutes, OLD_CLIENT_OPTIONS } from './old-clients';
import { changePlan, createPartnerKey } from './quotas';
import { start } from './test-app';

const CALLS = '/v1/projects/sales/calls';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function startApp(options?: Parameters<typeof start>[0]) {
  const world = await start(options);
  closers.push(world.close);
  return {
    ...world,
    get: (token: string, path = CALLS) => request(world.app).get(path).set('x-api-key', token),
  };
}

function denialsOf(apiKeys: ApiKeys<Permission>): DeniedEvent['reason'][] {
  const reasons: DeniedEvent['reason'][] = [];
  apiKeys.on('denied', ({ reason }) => reasons.push(reason));
  return reasons;
}

describe('quotas', () => {
  test('the quota of a plan ends at midnight in UTC, and the response says when', async () => {
    const { apiKeys, clock, get } = await startApp({ now: new Date('2031-05-01T22:00:00Z') });
    const denials = denialsOf(apiKeys);
    const { token } = await createPartnerKey(apiKeys, 'acme', 'trial');
    const { headers } = await get(token).expect(200);
    expect(headers['ratelimit-policy']).toContain('q=3;w=86400');
    expect(headers.ratelimit).toContain('r=2;t=7200');
    await get(token).expect(200);
    await get(token).expect(200);
    const { body, headers: denied } = await get(token).expect(429);
    expect(body.code).toBe('quota_exceeded');
    expect(denied['retry-after']).toBe('7200');
    expect(denials).toEqual(['quota']);
    clock.advance('2h');
    await get(token).expect(200);
  });

  test('a request that is denied for another reason uses none of the quota', async () => {
    const { apiKeys, get } = await startApp();
    const { token } = await createPartnerKey(apiKeys, 'acme', 'trial');
    for (let i = 0; i < 5; i++) await get(token, '/v1/messages').expect(403);
    const { headers } = await get(token).expect(200);
    expect(headers.ratelimit).toContain('r=2');
  });

  test('a partner who buys another plan goes on at once, with the limits of that plan', async () => {
    const { apiKeys, clock, get } = await startApp({ now: new Date('2031-05-01T10:00:00Z') });
    const denials = denialsOf(apiKeys);
    const { key, token } = await createPartnerKey(apiKeys, 'acme', 'trial');
    for (let i = 0; i < 3; i++) await get(token).expect(200);
    await get(token).expect(429);
    await changePlan(apiKeys, key.id, 'standard');
    for (let i = 0; i < 10; i++) await get(token).expect(200);
    const { body } = await get(token).expect(429);
    expect(body.code).toBe('rate_limited');
    expect(denials).toEqual(['quota', 'rate_limit']);
    clock.advance('1s');
    const { headers } = await get(token).expect(200);
    expect(headers['ratelimit-policy']).toContain('q=100000;w=2592000');
    expect(await apiKeys.keys.list({ metadata: { plan: 'standard' } })).toMatchObject({ matching: 1 });
  });

  test('all keys together are limited for each project', async () => {
    const { get, tokenFor } = await startApp({ rateLimit: { project: [{ limit: 2, window: '1m' }] } });
    for (let i = 0; i < 2; i++) await get(await tokenFor()).expect(200);
    const { body } = await get(await tokenFor()).expect(429);
    expect(body['violated-policies']).toEqual(['project-1m']);
    await get(await tokenFor(), '/v1/projects/support/calls').expect(200);
  });
});

describe('keys without an expiry', () => {
  const device = { id: 'lift-7', address: '203.0.113.7', contact: 'lifts@example.com' };

  test('a key of a device works for decades, from its address alone', async () => {
    const { apiKeys, clock, get } = await startApp(MACHINE_OPTIONS);
    const { key, token } = await createMachineKey(apiKeys, device);
    expect(key.expiresAt).toBeNull();
    clock.advance(30 * 365 * 24 * 60 * 60 * 1000);
    await get(token).set('x-forwarded-for', device.address).expect(200);
    const denials = denialsOf(apiKeys);
    await get(token).set('x-forwarded-for', '198.51.100.7').expect(403);
    expect(denials).toEqual(['ip']);
  });

  test('without the option, no key can be created without an expiry', async () => {
    const { apiKeys } = await startApp();
    await expect(createMachineKey(apiKeys, device)).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe('tokens in URLs', () => {
  function createDownloads() {
    const lines: string[] = [];
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const keys = createTestKeys<Permission>(DOWNLOAD_OPTIONS);
    const warnings = emitWarning.mock.calls.map(([text]) => String(text));
    emitWarning.mockRestore();
    closers.push(() => keys.apiKeys.close());
    const app = express();
    app.use(createDownloadLog({ logger: pino({ base: null }, { write: (line: string) => void lines.push(line) }) }));
    app.use('/downloads', createDownloadRoutes(keys.apiKeys));
    return { ...keys, app, lines, warnings };
  }

  test('a URL with a token downloads a file, and neither the handler nor the log sees the token', async () => {
    const { app, lines, tokenFor } = createDownloads();
    const token = await tokenFor();
    const { text, headers } = await request(app).get(`/downloads/calls.csv?token=${token}&sort=id`).expect(200);
    expect(text).toContain('/downloads/calls.csv?sort=id');
    expect(headers['referrer-policy']).toBe('no-referrer');
    expect(lines).toHaveLength(1);
    expect(lines.join('')).not.toContain(token);
  });

  test('the option warns about tokens in URLs when the app starts', () => {
    expect(createDownloads().warnings).toEqual([expect.stringContaining('tokens in URLs end up in access logs')]);
  });

  test('an app without the option ignores a token in the URL', async () => {
    const { app, tokenFor } = await startApp();
    const { body } = await request(app)
      .get(`${CALLS}?token=${await tokenFor()}`)
      .expect(401);
    expect(body.code).toBe('missing_key');
  });
});

describe('clients of an old system', () => {
  function createWidgets() {
    const keys = createTestKeys<Permission>(OLD_CLIENT_OPTIONS);
    closers.push(() => keys.apiKeys.close());
    const app = express().use('/widgets', createWidgetRoutes(keys.apiKeys));
    return { ...keys, app };
  }

  test('a token is read where old clients send it, and two different ones are denied', async () => {
    const { app, tokenFor } = createWidgets();
    const [token, other] = [await tokenFor(), await tokenFor()];
    await request(app).get('/widgets').auth(token, '').expect(200);
    await request(app).get('/widgets').set('x-api-key', token).expect(200);
    await request(app).get('/widgets').auth(token, '').set('x-api-key', token).expect(200);
    const { body } = await request(app).get('/widgets').auth(token, '').set('x-api-key', other).expect(401);
    expect(body.code).toBe('duplicate_key');
  });

  test('a preflight passes requireApiKey, and the request that follows needs a key', async () => {
    const { app, tokenFor } = createWidgets();
    const origin = 'https://partner.example.com';
    const { headers } = await request(app)
      .options('/widgets')
      .set({ origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'x-api-key' })
      .expect(204);
    expect(headers['access-control-allow-origin']).toBe(origin);
    await request(app).get('/widgets').set({ origin }).expect(401);
    await request(app)
      .get('/widgets')
      .set({ origin, 'x-api-key': await tokenFor() })
      .expect(200);
  });
});

describe('floods', () => {
  test('an address that guesses tokens is limited, and requests with a valid key are not counted', async () => {
    const { apiKeys, tokenFor } = createTestKeys<Permission>(OPTIONS);
    closers.push(() => apiKeys.close());
    const app = express().set('trust proxy', 1);
    app.use(limitFailures(3), apiKeys.requireApiKey('calls', { agent: false }), (_req, res) => void res.json({}));
    const send = (token: string, address: string) =>
      request(app).get('/').set({ 'x-api-key': token, 'x-forwarded-for': address });
    const [token, address] = [await tokenFor(), '203.0.113.7'];
    for (let i = 0; i < 5; i++) await send(token, address).expect(200);
    for (let i = 0; i < 3; i++) await send(`ks_guess_${i}`, address).expect(401);
    await send('ks_guess_4', address).expect(429);
    await send(token, '198.51.100.7').expect(200);
  });
});
