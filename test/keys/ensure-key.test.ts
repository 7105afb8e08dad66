import { Redis } from 'ioredis';
import { createApiKeys } from 'keyscope';
import { DAY } from '../../src/clock';
import { generateToken } from '../../src/token/generate';
import { fakeClock } from '../support/clock';
import { type TestRedis, testRedis } from '../support/redis/test-redis';

const permissions = { orders: { label: 'Orders' }, invoices: { label: 'Invoices' } };
const IMPORTED = 'dev-token-of-this-repository-only';

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
    const namespace = `${redis.namespace}-${namespaces++}`;
    const open = () => {
      const client = where === 'in Redis' ? new Redis(redis.url) : undefined;
      const apiKeys = createApiKeys({
        permissions,
        clock,
        namespace,
        importedTokens: true,
        ...(client && { redis: client }),
        ...options,
      });
      const before = close;
      close = () => Promise.all([before(), apiKeys.close().then(() => client?.quit())]);
      return apiKeys;
    };
    close = async () => undefined;
    return { apiKeys: open(), clock, open };
  }

  describe.each([
    ['an imported token', () => IMPORTED],
    ['a token of the app', () => generateToken('ks', 'default').token],
  ])('%s', (_what, newToken) => {
    test('keys.ensure creates the key once, and changes nothing the second time', async () => {
      const { apiKeys } = setUp();
      const token = newToken();
      const first = await apiKeys.keys.ensure({ token, name: 'development', permissions: ['orders'] });
      expect(first).toMatchObject({ name: 'development', agents: 'all', disabled: false });
      expect(await apiKeys.keys.ensure({ token, name: 'development', permissions: ['orders'] })).toEqual(first);
      expect(await apiKeys.verify(token, { permission: 'orders' })).toMatchObject({ ok: true, key: { id: first.id } });
      expect((await apiKeys.keys.list()).total).toBe(1);
      expect(JSON.stringify(await apiKeys.audit.list())).not.toContain(token.slice(-12));
    });

    test('keys.ensure changes name, permissions and a given disabled', async () => {
      const { apiKeys } = setUp();
      const token = newToken();
      const { id } = await apiKeys.keys.ensure({ token, name: 'development', permissions: ['orders'] });
      const changed = await apiKeys.keys.ensure({
        ...{ token, name: 'Development', permissions: ['invoices', 'orders'] },
        disabled: true,
      });
      expect(changed).toMatchObject({ id, name: 'Development', permissions: ['invoices', 'orders'], disabled: true });
      expect(await apiKeys.verify(token)).toMatchObject({ ok: false, error: { code: 'disabled_key' } });
    });

    test('keys.ensure sets every editable column, and does not compare the order of its members', async () => {
      const { apiKeys } = setUp();
      const token = newToken();
      const key = { token, name: 'development', permissions: ['orders'] as const };
      const { revision } = await apiKeys.keys.ensure(key);
      const given = {
        ...key,
        allowedIps: ['192.0.2.1', '2001:db8::/32'],
        owner: { kind: 'user', id: 'u1' } as const,
        contact: 'team@example.com',
        metadata: { region: 'eu', tier: 'gold' },
        rateLimit: [{ limit: 5, window: '1m' }],
      };
      const { token: _token, permissions: _permissions, rateLimit: _limit, ...columns } = given;
      const set = await apiKeys.keys.ensure(given);
      expect(set).toMatchObject({ ...columns, revision: revision + 1 });
      const other = {
        ...given,
        allowedIps: [...given.allowedIps].reverse(),
        metadata: { tier: 'gold', region: 'eu' },
        owner: { id: 'u1', kind: 'user' } as const,
      };
      expect(await apiKeys.keys.ensure(other)).toEqual(set);
      expect((await apiKeys.keys.ensure({ ...key, metadata: { tier: 'gold' } })).metadata).toEqual({ tier: 'gold' });
    });

    test('keys.ensure treats every undefined field as absent', async () => {
      const { apiKeys } = setUp();
      const token = newToken();
      const required = { token, name: 'development', permissions: ['orders'] as const };
      const optional = {
        allowedIps: ['192.0.2.1'],
        rateLimit: [{ limit: 5, window: '1m' }],
        owner: { kind: 'user', id: 'u1' } as const,
        contact: 'team@example.com',
        metadata: { region: 'eu' },
        disabled: true,
        createdBy: 'ops@example.com',
        expiresIn: '5d',
        expiresAt: undefined,
        workspaceId: 'default',
        agents: undefined,
      };
      const undefinedOnes = Object.fromEntries(Object.keys(optional).map((name) => [name, undefined]));
      const created = await apiKeys.keys.ensure({ ...required, ...optional } as never);
      expect(created).toMatchObject({ agents: 'all', disabled: true, owner: { id: 'u1' } });
      expect(await apiKeys.keys.ensure({ ...required, ...undefinedOnes })).toEqual(created);

      await apiKeys.keys.delete(created.id);
      const fresh = await apiKeys.keys.ensure({ ...required, ...undefinedOnes });
      expect(fresh).toMatchObject({ agents: 'all', allowedIps: [], disabled: false, owner: null, rateLimit: null });
      for (const name of Object.keys(required)) {
        await expect(apiKeys.keys.ensure({ ...required, [name]: undefined })).rejects.toMatchObject({
          code: 'invalid_request',
          issues: [{ path: name }],
        });
      }
    });

    test('keys.ensure does not enable a key that an operator disabled', async () => {
      const { apiKeys } = setUp();
      const token = newToken();
      const { id } = await apiKeys.keys.ensure({ token, name: 'development', permissions: ['orders'] });
      await apiKeys.keys.update(id, { disabled: true });
      await apiKeys.keys.ensure({ token, name: 'development', permissions: ['orders'] });
      expect(await apiKeys.verify(token)).toMatchObject({ ok: false, error: { code: 'disabled_key' } });
    });

    test('keys.ensure renews a key that has expired or has other agents', async () => {
      const { apiKeys, clock } = setUp();
      const token = newToken();
      const wanted = { token, name: 'development', permissions: ['orders' as const], expiresIn: '1d' };
      await apiKeys.keys.ensure(wanted);
      clock.advance(25 * 3_600_000);
      expect(await apiKeys.verify(token)).toMatchObject({ ok: false });
      await apiKeys.keys.ensure(wanted);
      expect(await apiKeys.verify(token)).toMatchObject({ ok: true });
      expect(await apiKeys.keys.ensure({ ...wanted, agents: ['B', 'A'] })).toMatchObject({ agents: ['B', 'A'] });
      const other = await apiKeys.keys.create({ name: 'other', permissions: ['orders'], expiresIn: '2d' });
      const { id } = await apiKeys.keys.ensure({ ...wanted, agents: ['A', 'B'], expiresIn: '3d' });
      await apiKeys.keys.ensure({ ...wanted, agents: ['A'], expiresIn: '3d' });
      // Renewed in the index as well.
      const { keys, total } = await apiKeys.keys.list({ sort: 'expires' });
      expect([total, keys.map((key) => key.id)]).toEqual([2, [other.key.id, id]]);
    });

    test.each([
      ['was rotated without overlap', 0, false, {}],
      ['was rotated and has expired', 3_600_000, false, {}],
      ['was rotated and would get other agents', 2 * DAY, false, { agents: ['A'] }],
      ['was rotated and then reported as leaked', 2 * DAY, true, {}],
    ])('keys.ensure rejects the token of a key that %s', async (_why, overlap, isLeaked, changes) => {
      const { apiKeys, clock } = setUp();
      const token = newToken();
      const wanted = { token, name: 'development', permissions: ['orders' as const], expiresIn: '9d' };
      const { id } = await apiKeys.keys.ensure(wanted);
      await apiKeys.keys.rotate(id, { overlap });
      if (isLeaked) await apiKeys.leaks.report(token, { source: 'github' });
      clock.advance(DAY);
      await expect(apiKeys.keys.ensure({ ...wanted, ...changes })).rejects.toMatchObject({
        code: 'invalid_request',
        message: expect.stringContaining('was rotated'),
      });
      if (overlap < DAY || isLeaked) expect(await apiKeys.verify(token)).toMatchObject({ ok: false });
      else expect((await apiKeys.keys.get(id)).agents).toBe('all');
    });

    test('keys.ensure changes nothing when a key was rotated and is still valid', async () => {
      const { apiKeys } = setUp();
      const wanted = { token: newToken(), name: 'development', permissions: ['orders' as const] };
      const { id } = await apiKeys.keys.ensure(wanted);
      const { key } = await apiKeys.keys.rotate(id, { overlap: DAY });
      expect(await apiKeys.keys.ensure(wanted)).toMatchObject({ id, rotatedTo: key.id });
    });

    test('keys.ensure leaves a key disabled that several processes renew at the same time', async () => {
      const { apiKeys, open } = setUp();
      const processes = where === 'in Redis' ? [apiKeys, open(), open()] : [apiKeys, apiKeys, apiKeys];
      const set = { disabled: true, allowedIps: ['203.0.113.7'] };
      for (let round = 0; round < 10; round++) {
        const token = newToken();
        const wanted = { token, name: 'development', permissions: ['orders' as const] };
        const { id } = await apiKeys.keys.ensure(wanted);
        await apiKeys.keys.update(id, set);
        await Promise.all(processes.map(({ keys }) => keys.ensure({ ...wanted, agents: ['A'] })));
        expect(await apiKeys.keys.get(id)).toMatchObject({ ...set, agents: ['A'] });
      }
    });

    test('keys.ensure leaves absent fields of a replaced key as an operator has set them', async () => {
      const { apiKeys, clock } = setUp();
      const token = newToken();
      const wanted = { token, name: 'development', permissions: ['orders' as const], expiresIn: '1d' };
      const { id } = await apiKeys.keys.ensure(wanted);
      const set = {
        disabled: true,
        allowedIps: ['203.0.113.7'],
        contact: 'ops@example.com',
        metadata: { tier: 'gold' },
      };
      await apiKeys.keys.update(id, set);
      expect(await apiKeys.keys.ensure({ ...wanted, agents: ['A'] })).toMatchObject({ ...set, agents: ['A'] });
      expect(await apiKeys.keys.ensure({ ...wanted, disabled: undefined, agents: ['B'] })).toMatchObject({
        ...set,
        agents: ['B'],
      });
      clock.advance(25 * 3_600_000);
      expect(await apiKeys.keys.ensure({ ...wanted, agents: ['A'] })).toMatchObject(set);
      expect(await apiKeys.verify(token)).toMatchObject({ ok: false, error: { code: 'disabled_key' } });
    });

    test('a change by the revision of a deleted key does not meet the key that replaced it', async () => {
      const { apiKeys, clock } = setUp();
      const token = newToken();
      const wanted = { token, name: 'development', expiresIn: '1d' };
      const { id, revision } = await apiKeys.keys.ensure({ ...wanted, permissions: ['orders', 'invoices'] });
      clock.advance(1);
      await apiKeys.keys.ensure({ ...wanted, permissions: ['orders'], agents: ['A'] });
      const widened = apiKeys.keys.update(id, { permissions: ['orders', 'invoices'] }, { revision });
      await expect(widened).rejects.toMatchObject({ code: 'conflict' });
      await expect(apiKeys.keys.rotate(id, { overlap: 0 }, { revision })).rejects.toMatchObject({ code: 'conflict' });
      expect((await apiKeys.keys.get(id)).permissions).toEqual(['orders']);
    });

    test('keys.ensure succeeds in every process that starts at the same time', async () => {
      const { apiKeys, open } = setUp();
      const processes = where === 'in Redis' ? [apiKeys, open(), open()] : [apiKeys, apiKeys, apiKeys];
      const token = newToken();
      const keys = await Promise.all(
        processes.map((one, index) =>
          one.keys.ensure({
            token,
            name: 'development',
            permissions: index === 0 ? ['orders'] : ['orders', 'invoices'],
          }),
        ),
      );
      expect(new Set(keys.map(({ id }) => id)).size).toBe(1);
      expect((await apiKeys.keys.list()).total).toBe(1);
      expect(await apiKeys.verify(token, { permission: 'orders' })).toMatchObject({ ok: true });
    });

    test.each([
      ['another field', { sha256: 'x' }, '(a name of 6 characters)'],
      ['both expiries', { expiresIn: '1d', expiresAt: '2031-01-01' }, 'expiresIn'],
      ['an unknown permission', { permissions: ['order'] }, 'permissions.0'],
      ['no token', { token: undefined }, 'token'],
    ])('keys.ensure rejects %s', async (_field, given, path) => {
      const { apiKeys } = setUp();
      const input = { token: newToken(), name: 'development', permissions: ['orders'], ...given };
      await expect(apiKeys.keys.ensure(input as never)).rejects.toMatchObject({
        code: 'invalid_request',
        issues: [expect.objectContaining({ path })],
        message: expect.stringMatching(/^keys\.ensure/),
      });
    });
  });

  test('keys.ensure rejects a token of another workspace, and accepts it there', async () => {
    const { apiKeys } = setUp();
    const { token } = generateToken('ks', 'acme');
    const input = { token, name: 'development', permissions: ['orders' as const] };
    await expect(apiKeys.keys.ensure(input)).rejects.toMatchObject({ issues: [{ path: 'token' }] });
    expect(await apiKeys.keys.ensure({ ...input, workspaceId: 'acme' })).toMatchObject({ workspaceId: 'acme' });
    expect(await apiKeys.keys.ensure(input, { workspaceId: 'acme' })).toMatchObject({ name: 'development' });
  });

  test('keys.ensure rejects a token whose id belongs to a key with another secret', async () => {
    const { apiKeys } = setUp();
    const { key } = await apiKeys.keys.create({ name: 'CRM', permissions: ['orders'] });
    const { token } = generateToken('ks', 'default', undefined, key.id);
    await expect(apiKeys.keys.ensure({ token, name: 'development', permissions: ['orders'] })).rejects.toMatchObject({
      code: 'invalid_request',
    });
    expect(await apiKeys.keys.get(key.id)).toEqual(key);
  });

  test('keys.ensure needs importedTokens for a token that the app did not create', async () => {
    const { apiKeys } = setUp({ importedTokens: false });
    const input = { name: 'development', permissions: ['orders' as const] };
    await expect(apiKeys.keys.ensure({ ...input, token: IMPORTED })).rejects.toMatchObject({ code: 'invalid_options' });
    const { token } = generateToken('ks', 'default');
    await apiKeys.keys.ensure({ ...input, token });
    expect(await apiKeys.verify(token)).toMatchObject({ ok: true });
  });
});
