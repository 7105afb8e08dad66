import { Redis } from 'ioredis';
import { type ApiKey, createApiKeys } from 'keyscope';
import { createKeyNames } from '../../src/store/redis/key-names';
import { generateToken } from '../../src/token/generate';
import { type TestRedis, testRedis } from '../support/redis/test-redis';

const permissions = { orders: { label: 'Orders' } };

let redis: TestRedis;
beforeAll(async () => {
  redis = await testRedis();
});
afterAll(() => redis.stop());

interface ColumnCase {
  readonly field: keyof ApiKey;
  /** The value of keys that were created without one, or before the column existed. */
  readonly none: unknown;
  readonly first: unknown;
  readonly second: unknown;
  readonly invalid: readonly unknown[];
}

const COLUMNS: readonly ColumnCase[] = [
  {
    field: 'allowedIps',
    none: [],
    first: ['192.0.2.0/24', '2001:db8::1'],
    second: ['203.0.113.7'],
    invalid: [
      null,
      'any',
      '192.0.2.7',
      [''],
      ['192.0.2.7/24'],
      ['fe80::1%eth0'],
      [7],
      ['192.0.2.7', '192.0.2.7'],
      Array.from({ length: 33 }, (_, i) => `192.0.2.${i}`),
    ],
  },
  {
    field: 'owner',
    none: null,
    first: { kind: 'user', id: 'u-17' },
    second: { kind: 'service', id: 'crm' },
    invalid: [
      'u-17',
      {},
      { kind: 'user' },
      { kind: 'team', id: 'x' },
      { kind: 'user', id: '' },
      { kind: 'user', id: 'x', x: 1 },
    ],
  },
  {
    field: 'contact',
    none: null,
    first: 'ops@example.com',
    second: 'Security+keys@example.co.uk',
    invalid: [
      '',
      'ops',
      'ops@',
      '@example.com',
      'a@b c',
      'a@example.com\nBcc: b@example.com',
      'a@b, c@d',
      `${'a'.repeat(250)}@example.com`,
      7,
    ],
  },
  {
    field: 'metadata',
    none: {},
    first: { team: 'billing', 'ticket.id': 'OPS-118' },
    second: { team: 'sales' },
    invalid: [
      null,
      [],
      'team=billing',
      { '': 'x' },
      { 'a b': 'x' },
      { constructor: 'x' },
      { toString: 'x' },
      JSON.parse('{"__proto__":"x"}'),
      { ['a'.repeat(41)]: 'x' },
      { team: '' },
      { team: 7 },
      { team: 'x'.repeat(201) },
      { team: 'line\nbreak' },
      { team: generateToken('ks', 'default').token },
      Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`name${i}`, 'x'])),
    ],
  },
];

describe.each(['in memory', 'in Redis'])('%s', (where) => {
  let close: () => Promise<unknown> = async () => undefined;
  let namespaces = 0;
  afterEach(() => close());

  function setUp() {
    const namespace = `${redis.namespace}-${namespaces++}`;
    const client = where === 'in Redis' ? new Redis(redis.url) : undefined;
    const apiKeys = createApiKeys({
      permissions,
      namespace,
      importedTokens: true,
      // A busy machine can take longer than half a second for the first command.
      ...(client && { redis: client, maxRevocationLag: 5000, storeTimeout: 5000 }),
    });
    close = () => apiKeys.close().then(() => client?.quit());
    return { apiKeys, keys: apiKeys.keys, audit: apiKeys.audit, client, namespace };
  }
  const valid = { name: 'CRM', permissions: ['orders' as const] };

  describe.each(COLUMNS)('$field', ({ field, none, first, second, invalid }) => {
    test(`keys.create, get, list and update handle ${field}`, async () => {
      const { keys } = setUp();
      expect((await keys.create(valid)).key[field]).toEqual(none);
      const { key } = await keys.create({ ...valid, [field]: first });
      expect(key[field]).toEqual(first);
      expect(await keys.get(key.id)).toEqual(key);
      expect((await keys.list()).keys.find(({ id }) => id === key.id)).toEqual(key);
      const updated = await keys.update(key.id, { [field]: second });
      expect(updated).toEqual({ ...key, [field]: second, revision: 2, updatedAt: updated.updatedAt });
      expect((await keys.update(key.id, { name: 'Other' }))[field]).toEqual(second);
      expect((await keys.update(key.id, { [field]: none }))[field]).toEqual(none);
      expect((await keys.get(key.id))[field]).toEqual(none);
    });

    test(`keys.rotate carries ${field}`, async () => {
      const { keys } = setUp();
      const { key } = await keys.create({ ...valid, [field]: first });
      expect((await keys.rotate(key.id, { overlap: 0 })).key[field]).toEqual(first);
    });

    test(`the audit log shows changes of ${field}`, async () => {
      const { keys, audit } = setUp();
      const { key } = await keys.create({ ...valid, [field]: first });
      await keys.update(key.id, { [field]: second });
      await keys.update(key.id, { [field]: none });
      const { entries } = await audit.list({ target: key.id });
      expect(entries.map(({ before, after }) => [before?.[field], after?.[field]])).toEqual([
        [second, none],
        [first, second],
        [undefined, first],
      ]);
    });

    test(`keys.import and ensure store ${field}, and ensure leaves it when it is absent`, async () => {
      const { keys } = setUp();
      const imported = await keys.import({
        ...valid,
        agents: 'all',
        token: 'a-token-of-another-system',
        [field]: first,
      });
      expect(imported[field]).toEqual(first);
      const { token } = generateToken('ks', 'default');
      expect((await keys.ensure({ ...valid, token, [field]: first }))[field]).toEqual(first);
      expect((await keys.ensure({ ...valid, token }))[field]).toEqual(first);
      expect((await keys.ensure({ ...valid, token, [field]: second }))[field]).toEqual(second);
    });

    test(`keys.create and update reject an invalid ${field}`, async () => {
      const { keys } = setUp();
      const { key } = await keys.create(valid);
      for (const value of invalid) {
        const issues = [expect.objectContaining({ path: expect.stringMatching(new RegExp(`^${field}(?:\\.|$)`)) })];
        const error = { code: 'invalid_request', issues: expect.arrayContaining(issues) };
        await expect(keys.create({ ...valid, [field]: value })).rejects.toMatchObject(error);
        await expect(keys.update(key.id, { [field]: value })).rejects.toMatchObject(error);
      }
      expect((await keys.get(key.id)).revision).toBe(1);
    });

    test(`a returned ${field} cannot change the stored one`, async () => {
      const { keys } = setUp();
      const { key } = await keys.create({ ...valid, [field]: first });
      const value = (await keys.get(key.id))[field] as unknown;
      if (Array.isArray(value)) value.push('0.0.0.0/0');
      else if (typeof value === 'object') Object.assign(value as object, { id: 'other', team: 'other' });
      expect((await keys.get(key.id))[field]).toEqual(first);
    });

    test(`a key that an older version wrote has no ${field}`, async () => {
      const { keys, client, namespace } = setUp();
      const { key } = await keys.create({ ...valid, [field]: first });
      if (client === undefined) return;
      const record = createKeyNames(namespace).key(key.id);
      expect(await client.hdel(record, field)).toBe(1);
      expect((await keys.get(key.id))[field]).toEqual(none);
      expect((await keys.update(key.id, { [field]: second }))[field]).toEqual(second);
    });
  });

  test('req.apiKey and verify show owner and metadata, and not contact', async () => {
    const { keys, apiKeys } = setUp();
    const owner = { kind: 'user', id: 'u-17' } as const;
    const { token } = await keys.create({ ...valid, owner, contact: 'ops@example.com', metadata: { team: 'billing' } });
    const result = await apiKeys.verify(token);
    if (!result.ok) throw result.error;
    expect(result.key.owner).toEqual(owner);
    expect(result.key.metadata).toEqual({ team: 'billing' });
    expect(result.key.metadata.constructor).toBeUndefined();
    expect(JSON.stringify(result.key)).not.toContain('ops@example.com');
    expect(() => Object.assign(result.key.metadata, { team: 'x' })).toThrow(TypeError);
    expect(() => Object.assign(result.key.owner as object, { id: 'x' })).toThrow(TypeError);
  });

  test('the metadata of a key without any inherit nothing and cannot be changed', async () => {
    const { keys, apiKeys, client, namespace } = setUp();
    const { key, token } = await keys.create(valid);
    await client?.hdel(createKeyNames(namespace).key(key.id), 'metadata');
    const result = await apiKeys.verify(token);
    if (!result.ok) throw result.error;
    for (const { metadata } of [result.key, await keys.get(key.id)]) {
      expect(metadata).toEqual({});
      expect(metadata.constructor).toBeUndefined();
    }
    expect(() => Object.assign(result.key.metadata, { team: 'x' })).toThrow(TypeError);
  });

  test('keys.import rejects the token in owner, contact and metadata', async () => {
    const { keys } = setUp();
    const token = 'token-of-another@system.example';
    const input = { ...valid, agents: 'all' as const, token };
    for (const [path, fields] of [
      ['owner.id', { owner: { kind: 'service' as const, id: token } }],
      ['contact', { contact: token }],
      ['metadata.note', { metadata: { note: `old: ${token}` } }],
    ] as const) {
      await expect(keys.import({ ...input, ...fields })).rejects.toMatchObject({ issues: [{ path }] });
    }
  });
});
