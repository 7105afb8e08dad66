import { Redis } from 'ioredis';
import { type ChangedEvent, createApiKeys, type KeyEvent } from 'keyscope';
import { fakeClock } from '../support/clock';
import { type TestRedis, testRedis } from '../support/redis/test-redis';
import { waitUntil } from '../support/wait-until';

const permissions = { orders: { label: 'Orders' } };
const valid = { name: 'CRM', permissions: ['orders'] } as const;
const URL_OF_LEAK = 'https://github.com/octocat/Hello-World/blob/1234/.env';

let redis: TestRedis;
beforeAll(async () => {
  redis = await testRedis();
});
afterAll(() => redis.stop());

describe.each(['in memory', 'in Redis'])('%s', (where) => {
  let close: () => Promise<unknown> = async () => undefined;
  let namespaces = 0;
  afterEach(() => close());

  function setUp(options: Partial<Parameters<typeof createApiKeys>[0]> = {}) {
    const clock = fakeClock();
    const client = where === 'in Redis' ? new Redis(redis.url) : undefined;
    const apiKeys = createApiKeys({
      permissions,
      clock,
      namespace: `${redis.namespace}-${namespaces++}`,
      importedTokens: true,
      ...(client && { redis: client }),
      ...options,
    });
    close = () => apiKeys.close().then(() => client?.quit());
    const changes: ChangedEvent[] = [];
    apiKeys.on('changed', (change) => changes.push(change));
    const exposures = async () => (await apiKeys.audit.list({ action: 'key.exposed' })).entries;
    return { apiKeys, clock, changes, exposures };
  }

  test('leaks.report revokes the key of a token at once, with an audit entry and a changed event', async () => {
    const { apiKeys, changes, exposures, clock } = setUp();
    const { key, token } = await apiKeys.keys.create(valid);
    const report = { source: 'github', url: URL_OF_LEAK };
    expect(await apiKeys.leaks.report(token, report, { actor: 'bo', source: '192.0.2.1' })).toEqual({
      outcome: 'revoked',
      keyId: key.id,
      workspaceId: 'default',
    });
    expect(await apiKeys.verify(token)).toMatchObject({ ok: false, error: { code: 'expired_key' } });
    const now = clock.wall();
    expect(await exposures()).toMatchObject([
      {
        ...{ target: key.id, name: 'CRM', actor: 'bo', source: '192.0.2.1' },
        before: { expiresAt: key.expiresAt?.getTime() },
        after: { expiresAt: now, exposure: { policy: 'revoke', source: 'github', url: URL_OF_LEAK } },
      },
    ]);
    expect(changes.at(-1)).toMatchObject({ action: 'key.exposed', target: key.id, actor: 'bo', name: 'CRM' });
    expect(await apiKeys.audit.verify()).toMatchObject({ ok: true, entries: 2 });
    expect(await apiKeys.keys.get(key.id)).toMatchObject({ revision: 2, expiresAt: new Date(now) });
    // Nothing brings it back.
    await apiKeys.keys.update(key.id, { disabled: false });
    expect(await apiKeys.verify(token)).toMatchObject({ ok: false });
    await expect(apiKeys.keys.rotate(key.id, { overlap: 0 })).rejects.toMatchObject({ code: 'conflict' });
  });

  test('leaks.report emits a durable event of type exposed, as its only event', async () => {
    const { apiKeys } = setUp();
    const events: KeyEvent[] = [];
    apiKeys.on('key', (event) => void events.push(event));
    await apiKeys.ready();
    const { key, token } = await apiKeys.keys.create(valid);
    await apiKeys.leaks.report(token, { source: 'github', policy: 'disable' }, { actor: 'bo' });
    await apiKeys.keys.delete(key.id);
    await waitUntil('all events are delivered', () => events.length === 3);
    expect(events.map(({ type }) => type)).toEqual(['created', 'exposed', 'deleted']);
    expect(events[1]).toMatchObject({ target: key.id, actor: 'bo', after: { exposure: { source: 'github' } } });
  });

  test('leaks.report records a revoked key once', async () => {
    const { apiKeys, changes, exposures } = setUp();
    const { key, token } = await apiKeys.keys.create(valid);
    await apiKeys.leaks.report(token, { source: 'github' });
    const again = { outcome: 'already_revoked', keyId: key.id, workspaceId: 'default' };
    expect(await apiKeys.leaks.report(token, { source: 'github' })).toEqual(again);
    expect(await apiKeys.leaks.report(key.id, { source: 'github', policy: 'notify' })).toEqual(again);
    expect(await exposures()).toHaveLength(1);
    expect(changes.map(({ action }) => action)).toEqual(['key.created', 'key.exposed']);
  });

  test('leaks.report disables or notifies when the policy says so', async () => {
    const { apiKeys, exposures } = setUp({ leakPolicy: 'notify' });
    const { key, token } = await apiKeys.keys.create(valid);
    expect(await apiKeys.leaks.report(token, { source: 'ticket 7' })).toMatchObject({ outcome: 'notified' });
    expect(await apiKeys.verify(token)).toMatchObject({ ok: true });
    const notified = { policy: 'notify', source: 'ticket 7', url: null, at: expect.any(Date) };
    expect(await apiKeys.keys.get(key.id)).toMatchObject({ disabled: false, exposure: notified });
    const disable = { source: 'ticket 8', policy: 'disable' } as const;
    expect(await apiKeys.leaks.report(key.id, disable)).toMatchObject({ outcome: 'disabled', keyId: key.id });
    expect(await apiKeys.verify(token)).toMatchObject({ ok: false, error: { code: 'disabled_key' } });
    expect(await apiKeys.leaks.report(key.id, disable)).toMatchObject({ outcome: 'disabled' });
    expect(await exposures()).toMatchObject([
      { before: {}, after: { exposure: { source: 'ticket 8' } } },
      { before: { disabled: false }, after: { disabled: true, exposure: { policy: 'disable' } } },
      { before: {}, after: { exposure: { policy: 'notify', source: 'ticket 7', url: null } } },
    ]);
    await apiKeys.keys.update(key.id, { disabled: false });
    expect(await apiKeys.verify(token)).toMatchObject({ ok: true });
  });

  test('leaks.report finds imported tokens, and keys.ensure does not bring back a reported one', async () => {
    const { apiKeys } = setUp();
    const token = 'legacyToken00001';
    const wanted = { ...valid, token };
    const { id } = await apiKeys.keys.ensure(wanted);
    expect(await apiKeys.leaks.report(token, { source: 'github' })).toMatchObject({ outcome: 'revoked', keyId: id });
    await expect(apiKeys.keys.ensure(wanted)).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('reported as leaked'),
    });
    expect(await apiKeys.verify(token)).toMatchObject({ ok: false });
  });

  test('leaks.report finds a key that keys.ensure gives other agents during the report', async () => {
    const { apiKeys } = setUp();
    for (let i = 0; i < 20; i++) {
      const token = `token-of-another-system-${i}`;
      await apiKeys.keys.ensure({ ...valid, token, agents: ['one', 'two'] });
      const ensuring = apiKeys.keys.ensure({ ...valid, token, agents: ['one'] }).catch(() => undefined);
      const { outcome } = await apiKeys.leaks.report(token, { source: 'github' });
      expect(['revoked', 'already_revoked']).toContain(outcome);
      await ensuring;
      expect((await apiKeys.verify(token, { agentId: 'one' })).ok).toBe(false);
    }
  });

  test('leaks.report changes nothing when the secret is wrong, the token unknown or of another workspace', async () => {
    const { apiKeys, exposures } = setUp();
    const { key, token } = await apiKeys.keys.create(valid);
    const other = await createApiKeys({ permissions }).keys.create(valid);
    const wrongSecret = key.id + token.slice(0, 3);
    for (const text of [other.token, wrongSecret, 'no token', `${token} `]) {
      expect(await apiKeys.leaks.report(text, { source: 'github' })).toEqual({
        ...{ outcome: 'unknown', keyId: null, workspaceId: null },
      });
    }
    const context = { workspaceId: 'acme' };
    expect(await apiKeys.leaks.report(token, { source: 'x' }, context)).toMatchObject({ outcome: 'unknown' });
    await expect(apiKeys.leaks.report(key.id, { source: 'x' }, context)).rejects.toMatchObject({
      code: 'key_not_found',
    });
    await expect(apiKeys.leaks.report('0000000000000000', { source: 'x' })).rejects.toMatchObject({
      code: 'key_not_found',
    });
    expect(await apiKeys.verify(token)).toMatchObject({ ok: true });
    expect(await exposures()).toEqual([]);
  });

  test('leaks.report rejects invalid inputs, and does not repeat the token', async () => {
    const { apiKeys } = setUp();
    const { token } = await apiKeys.keys.create(valid);
    const wrong: [string, object, string][] = [
      ['', { source: 'x' }, 'tokenOrId'],
      [token, {}, 'source'],
      [token, { source: '' }, 'source'],
      [token, { source: token }, 'source'],
      [token, { source: 'x', url: `https://example.com/?${token}` }, 'url'],
      [token, { source: 'x', policy: 'delete' }, 'policy'],
      [token, { source: 'x', why: 'y' }, 'why'],
    ];
    for (const [text, input, path] of wrong) {
      const error = await apiKeys.leaks.report(text, input as never).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'invalid_request', issues: [{ path }] });
      expect((error as Error).message).not.toContain(token);
    }
    expect(await apiKeys.verify(token)).toMatchObject({ ok: true });
  });
});
