import express from 'express';
import type { KeyEvent } from 'keyscope';
import request from 'supertest';
import { DAY, LAST_TIME } from '../../src/clock';
import { type FakeClock, fakeClock } from '../support/clock';
import { waitUntil } from '../support/wait-until';
import { redisApps } from './redis-apps';
import { refusal } from './setup';

const input = { name: 'CRM', permissions: ['conversations' as const] };

const apps = redisApps();

function start(clock: FakeClock, isRedis: boolean, keysWithoutExpiry = true) {
  const timing = { maxRevocationLag: 1000, storeTimeout: 1000 };
  return apps.start({ clock, keysWithoutExpiry, importedTokens: true, ...timing }, isRedis);
}

describe.each([
  ['memory', false],
  ['Redis', true],
])('in %s', (_, isRedis) => {
  test('createApiKeys rejects a key that never expires, and names the option that allows it', async () => {
    const { keys } = start(fakeClock(), isRedis, false);
    for (const expiry of [{ expiresAt: null }, { expiresIn: 'never' }]) {
      for (const call of [
        keys.create({ ...input, ...expiry }),
        keys.ensure({ ...input, ...expiry, token: 'a-token-of-another-system' }),
        keys.import({ ...input, ...expiry, agents: 'all', token: 'another-token-of-it' }),
      ]) {
        const error = await refusal(call);
        expect(error.code).toBe('invalid_request');
        expect(error.issues).toEqual([
          { path: Object.keys(expiry)[0], message: expect.stringContaining('`keysWithoutExpiry: true`') },
        ]);
      }
    }
    const { key } = await keys.create({ ...input, expiresAt: '9999-12-31T23:59:59.999Z' });
    expect(key.expiresAt).not.toBeNull();
  });

  test('a key that never expires has no expiry in functions, requests and the audit log', async () => {
    const clock = fakeClock();
    const apiKeys = start(clock, isRedis);
    const { keys } = apiKeys;
    const { key, token } = await keys.create({ ...input, expiresAt: null });
    const ensured = await keys.ensure({ ...input, expiresIn: 'never', token: 'a-token-of-another-system' });
    const { key: ends } = await keys.create({ ...input, expiresIn: '10d' });
    expect([key.expiresAt, ensured.expiresAt, (await keys.get(key.id)).expiresAt]).toEqual([null, null, null]);
    expect((await keys.list({ sort: 'expires' })).keys.map(({ id }) => id)[0]).toBe(ends.id);

    const app = express();
    app.get('/', apiKeys.requireApiKey('conversations'), (req, res) => {
      res.json([req.apiKey?.expiresAt, req.apiKey]);
    });
    clock.step(200_000 * DAY);
    const { status, body } = await request(app).get('/').set('x-api-key', token);
    expect({ status, body }).toEqual({ status: 200, body: [null, expect.objectContaining({ expiresAt: null })] });
    expect(await apiKeys.verify(token)).toMatchObject({ ok: true, key: { expiresAt: null } });
    const { entries } = await apiKeys.audit.list({ target: key.id });
    expect(entries[0]?.after).toMatchObject({ expiresAt: null });
  });

  test('keys.list does not list a key that never expires by expiringWithin or as expired', async () => {
    const clock = fakeClock();
    const { keys } = start(clock, isRedis);
    const { key } = await keys.create({ ...input, expiresAt: null });
    expect((await keys.list({ expiringWithin: LAST_TIME })).keys).toEqual([]);
    clock.step(100_000 * DAY);
    expect((await keys.list({ status: 'expired' })).keys).toEqual([]);
    expect((await keys.list({ status: 'active' })).keys.map(({ id }) => id)).toEqual([key.id]);
  });

  test('keys.rotate keeps a key without expiry, also without the option, unless another expiry is given', async () => {
    const clock = fakeClock();
    const app = start(clock, isRedis);
    const { key } = await app.keys.create({ ...input, expiresAt: null });
    const { keys } = isRedis ? start(clock, isRedis, false) : app;
    clock.step(DAY);
    const { key: second } = await keys.rotate(key.id, { overlap: '1d' });
    expect(second.expiresAt).toBeNull();
    expect((await keys.get(key.id)).expiresAt?.getTime()).toBe(clock.wall() + DAY);
    const { key: third } = await keys.rotate(second.id, { overlap: 0, expiresIn: '30d' });
    expect(third.expiresAt?.getTime()).toBe(clock.wall() + 30 * DAY);
    const { key: fourth } = await app.keys.rotate(third.id, { overlap: 0, expiresIn: 'never' });
    expect(fourth.expiresAt).toBeNull();
  });

  test('createApiKeys emits no expiry events for a key that never expires', async () => {
    const clock = fakeClock();
    const apiKeys = start(clock, isRedis);
    const events: KeyEvent[] = [];
    apiKeys.on('key', (event) => void events.push(event));
    const { key } = await apiKeys.keys.create({ ...input, expiresAt: null });
    await apiKeys.keys.create({ ...input, expiresIn: '90000d' });
    await waitUntil('both keys are announced', () => events.length === 2);
    expect(events[0]).toMatchObject({ target: key.id, after: { expiresAt: null } });
    clock.step(90_000 * DAY);
    await waitUntil('the other key has expired', () => events.some(({ type }) => type === 'expired'));
    expect(events.filter(({ target }) => target === key.id).map(({ type }) => type)).toEqual(['created']);
  });
});
