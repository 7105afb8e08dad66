import { createHash, randomBytes } from 'node:crypto';
import { KeyscopeError } from '../../src/errors';
import type { ImportKeyInput } from '../../src/keys/types';
import { createMemoryStore } from '../../src/store/memory';
import type { Store } from '../../src/store/store';
import { generateToken } from '../../src/token/generate';
import { aliasOf, fingerprintOf } from '../../src/token/imported-token';
import { DAY, NOW, refusal, refusedPaths, setup, valid } from './setup';

const newToken = () => `sk_live_${randomBytes(18).toString('base64url')}`;
const sha256 = (token: string) => createHash('sha256').update(token).digest('base64');
const aliasFor = (token: string) => aliasOf(fingerprintOf(token));
const open = (store?: Store) => setup({ importedTokens: true, ...(store === undefined ? {} : { store }) });

describe('an import', () => {
  test('keys.import stores every given field and shows only the ends of the token', async () => {
    const { keys, store } = open();
    const token = newToken();
    const key = await keys.import(
      {
        ...valid,
        ...{ token, workspaceId: 'acme', agents: ['a1'], expiresAt: NOW + DAY, createdBy: 'ops', disabled: true },
      },
      { actor: 'ben', source: 'desk' },
    );
    expect(key).toEqual({
      ...{ id: key.id, name: 'CRM', workspaceId: 'acme', agents: ['a1'], permissions: ['conversations'] },
      ...{ createdAt: new Date(NOW), createdBy: 'ops', updatedAt: new Date(NOW), expiresAt: new Date(NOW + DAY) },
      ...{
        disabled: true,
        allowedIps: [],
        rateLimit: null,
        environment: null,
        owner: null,
        contact: null,
        metadata: {},
        revision: NOW,
        rotatedFrom: null,
        rotatedTo: null,
        exposure: null,
      },
      masked: `sk_l************${token.slice(-4)}`,
    });
    expect(await keys.get(key.id)).toEqual(key);
    expect((await keys.list({ workspaceId: 'acme' })).keys).toEqual([key]);
    const { entries } = await store.listAudit({ workspaceId: 'acme', limit: 10, before: null });
    expect(entries).toMatchObject([{ action: 'key.created', actor: 'ben', source: 'desk', target: key.id }]);
    expect(JSON.stringify([key, entries])).not.toContain(token.slice(4, -4));
  });

  test('keys.import by hash shows nothing of the token and not the hash', async () => {
    const { keys } = open();
    const token = newToken();
    const key = await keys.import({ ...valid, sha256: sha256(token) });
    expect(key.masked).toBe('************');
    expect(JSON.stringify(key)).not.toContain(fingerprintOf(token));
    expect((await keys.import({ ...valid, token: 'short-token' })).masked).toBe('************');
  });

  test('keys.import uses the default lifetime when no expiry is given', async () => {
    const { keys } = open();
    expect((await keys.import({ ...valid, token: newToken() })).expiresAt).toEqual(new Date(NOW + 365 * DAY));
    const short = await keys.import({ ...valid, token: newToken(), expiresIn: '1d' });
    expect(short.expiresAt).toEqual(new Date(NOW + DAY));
  });

  test('keys.import rejects conflict with the id when the token was imported before', async () => {
    const { keys } = open();
    const token = newToken();
    const { id } = await keys.import({ ...valid, token });
    for (const again of [{ token }, { sha256: sha256(token) }, { sha256: fingerprintOf(token), name: 'Other' }]) {
      const error = await refusal(keys.import({ ...valid, ...again }));
      expect(error).toMatchObject({ code: 'conflict', message: expect.stringContaining(id) });
      expect(error.message).not.toContain(token);
    }
    expect((await keys.list()).keys).toHaveLength(1);
  });

  test('keys.import rejects a token of another workspace without naming its key', async () => {
    const { keys } = open();
    const token = newToken();
    const { id } = await keys.import({ ...valid, token, workspaceId: 'a' });
    const error = await refusal(keys.import({ ...valid, token, workspaceId: 'b' }));
    expect(error).toMatchObject({ code: 'conflict' });
    expect(error.message).not.toContain(id);
    expect((await keys.list({ workspaceId: 'b' })).keys).toEqual([]);
    await keys.delete(id);
    expect((await keys.import({ ...valid, token, workspaceId: 'b' })).workspaceId).toBe('b');
  });

  test('concurrent imports in two workspaces leave one key that the token finds', async () => {
    const { keys, store } = open();
    const token = newToken();
    const attempts = Array.from({ length: 10 }, (_, index) =>
      keys.import({ ...valid, token, workspaceId: index % 2 === 0 ? 'a' : 'b' }).catch((error: unknown) => {
        if (error instanceof KeyscopeError && error.code === 'conflict') return null;
        throw error;
      }),
    );
    await Promise.all(attempts);
    const left = [...(await keys.list({ workspaceId: 'a' })).keys, ...(await keys.list({ workspaceId: 'b' })).keys];
    expect(left.map(({ id }) => id)).toEqual([await store.getAlias(aliasFor(token))]);
  });

  test('keys.import rejects a missing, doubled or invalid token and repeats nothing of it', async () => {
    const { keys } = open();
    const wrong = (fields: object) => refusedPaths(keys.import({ ...valid, ...fields } as ImportKeyInput));
    expect(await wrong({})).toEqual(['token']);
    expect(await wrong({ token: newToken(), sha256: sha256('x') })).toEqual(['token']);
    expect(await wrong({ token: 'two words here' })).toEqual(['token']);
    expect(await wrong({ sha256: 'not a hash' })).toEqual(['sha256']);
    expect(await wrong({ token: newToken(), agents: [], permissions: ['x'], expiresAt: 1 })).toEqual([
      'agents',
      'expiresAt',
      'permissions.0',
    ]);
    const error = await refusal(keys.import({ ...valid, token: 'hunter2 hunter2' }));
    expect(JSON.stringify(error.issues) + error.message).not.toContain('hunter2');
  });

  const uuid = '7c9e6679-7425-40de-944b-e07fc1f90ae7';
  const sk = 'sk.live.9f8e7d6c.5b4a3928';

  test.each<[string, object]>([
    ['a time', { expiresAt: uuid }],
    ['a duration', { expiresIn: uuid }],
    ['a permission', { permissions: [sk] }],
    ['agents given twice', { agents: [uuid, uuid] }],
    ['an agent with a space', { agents: [`${sk} `] }],
    ['who made it', { createdBy: `${uuid}\n` }],
    ['a workspace', { workspaceId: `${uuid} ` }],
    ['a flag', { disabled: sk }],
    ['an object', { name: { [uuid]: uuid } }],
    ['the name of a field', { [sk]: 1 }],
  ])('quotes no value of what it refuses: %s', async (_, fields) => {
    const { keys } = open();
    const error = await refusal(keys.import({ ...valid, token: newToken(), ...fields }));
    expect(error.code).toBe('invalid_request');
    for (const secret of [uuid, sk]) expect(JSON.stringify([error.message, error.issues])).not.toContain(secret);
  });

  test('keys.import names the invalid permission and the invalid field', async () => {
    const { keys } = open();
    const wrong = { ...valid, token: newToken(), permissions: ['handof'], expiersAt: NOW };
    expect((await refusal(keys.import(wrong as unknown as ImportKeyInput))).issues).toEqual([
      { path: 'permissions.0', message: expect.stringContaining('Did you mean "handoff"?') },
      { path: 'expiersAt', message: expect.stringContaining('Did you mean "expiresAt"?') },
    ]);
  });

  test.each<[string, (text: string) => object]>([
    ['name', (text) => ({ name: `CRM ${text}` })],
    ['createdBy', (text) => ({ createdBy: text })],
    ['agents.1', (text) => ({ agents: ['a1', text] })],
    ['workspaceId', (text) => ({ workspaceId: text })],
  ])('keys.import rejects its own token, or the hash of it, as %s', async (path, fields) => {
    const { keys, store } = open();
    const digests = [`sha256:${fingerprintOf(uuid)}`, fingerprintOf(uuid).toUpperCase(), sha256(uuid)];
    for (const given of [{ token: uuid }, { sha256: sha256(uuid) }]) {
      for (const shown of [uuid, ...digests]) {
        const error = await refusal(keys.import({ ...valid, ...given, ...fields(shown) }));
        expect(error).toMatchObject({ code: 'invalid_request', issues: [{ path }] });
        expect(error.message).not.toContain(shown);
      }
    }
    expect((await store.listAudit({ workspaceId: 'default', limit: 10, before: null })).entries).toEqual([]);
  });

  test('keys.import rejects its own token as actor and as source', async () => {
    const { keys } = open();
    for (const context of [{ actor: uuid }, { source: `desk ${uuid}` }, { workspaceId: uuid }]) {
      const error = await refusal(keys.import({ ...valid, token: uuid, workspaceId: undefined }, context));
      expect(error).toMatchObject({ code: 'invalid_request', issues: [{ path: Object.keys(context)[0] }] });
      expect(error.message).not.toContain(uuid);
    }
  });

  test('keys.import accepts usual names and agents', async () => {
    const { keys } = open();
    const name = 'Acme production key 2026-01 for the Berlin office';
    const given = { name, agents: ['PROJECT-58RP822I', uuid], createdBy: 'ops@example.com', workspaceId: 'acme-2026' };
    expect(await keys.import({ ...valid, ...given, token: newToken() })).toMatchObject(given);
    expect(await keys.import({ ...valid, ...given, sha256: sha256(newToken()) })).toMatchObject(given);
  });

  test('keys.import rejects a token of keyscope, which is never looked up as an imported one', async () => {
    const { keys } = open();
    const { token } = generateToken('ks', 'default');
    const error = await refusal(keys.import({ ...valid, token }));
    expect(error).toMatchObject({ code: 'invalid_request', issues: [{ path: 'token' }] });
    expect(error.message).not.toContain(token);
    const other = generateToken('other', 'default');
    expect(await keys.import({ ...valid, token: other.token })).toMatchObject({ name: 'CRM' });
  });

  test('keys.import rejects invalid_options when imported tokens are not accepted', async () => {
    const { keys } = setup();
    expect(await refusal(keys.import({ ...valid, token: newToken() }))).toMatchObject({
      code: 'invalid_options',
      message: expect.stringContaining('importedTokens'),
    });
  });
});

describe('an imported key', () => {
  test('keys.rotate gives an imported key a token of keyscope', async () => {
    const { keys } = open();
    const old = await keys.import({ ...valid, token: newToken() });
    const { key, token } = await keys.rotate(old.id, { overlap: '1h' });
    expect(token).toMatch(/^ks_/);
    expect(key).toMatchObject({ rotatedFrom: old.id, masked: expect.stringMatching(/^ks_/) });
    expect((await keys.get(old.id)).masked).toBe(old.masked);
  });

  test('keys.delete removes an imported key whole, and the token can be imported again', async () => {
    const { keys, store } = open();
    const token = newToken();
    const { id } = await keys.import({ ...valid, token });
    await keys.delete(id);
    expect(await store.getAlias(aliasFor(token))).toBeNull();
    await keys.import({ ...valid, token });
    expect(await store.getAlias(aliasFor(token))).toBe(id);
  });

  test('keys.delete resolves for an imported key when only the removal of its alias fails', async () => {
    const memory = createMemoryStore();
    const down = new KeyscopeError('store_unavailable', 'down');
    const { keys } = open({ ...memory, unlinkAlias: () => Promise.reject(down) });
    const token = newToken();
    const { id } = await keys.import({ ...valid, token });
    await keys.delete(id);
    expect(await refusal(keys.get(id))).toMatchObject({ code: 'key_not_found' });
    expect(await memory.getAlias(aliasFor(token))).toBe(id);
    expect((await keys.import({ ...valid, token, workspaceId: 'other' })).workspaceId).toBe('other');
  });

  test('an imported key keeps its alias when it is imported again during its deletion', async () => {
    const memory = createMemoryStore();
    const token = newToken();
    let between: (() => Promise<unknown>) | undefined;
    const { keys } = open({
      ...memory,
      async unlinkAlias(alias, id) {
        await between?.();
        await memory.unlinkAlias(alias, id);
      },
    });
    const { id } = await keys.import({ ...valid, token });
    between = () => keys.import({ ...valid, token });
    await keys.delete(id);
    expect(await keys.get(id)).toMatchObject({ id });
    expect(await memory.getAlias(aliasFor(token))).toBe(id);
  });

  test('keys.import completes an import that failed half way when it is called again', async () => {
    const memory = createMemoryStore();
    let fails = true;
    const { keys } = open({
      ...memory,
      async createKey(key, origin) {
        if (fails) throw new KeyscopeError('store_unavailable', 'down');
        return memory.createKey(key, origin);
      },
    });
    const token = newToken();
    expect(await refusal(keys.import({ ...valid, token }))).toMatchObject({ code: 'store_unavailable' });
    expect((await keys.list()).keys).toEqual([]);
    fails = false;
    expect(await keys.import({ ...valid, token })).toMatchObject({ name: 'CRM' });
  });
});
