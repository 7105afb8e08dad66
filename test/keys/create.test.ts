import { tagOf, workspaceTag } from '../../src/token/format';
import { generateToken } from '../../src/token/generate';
import { createTokenParser } from '../../src/token/parse';
import { DAY, NOW, PERMISSIONS, refusal, refusedPaths, setup, valid } from './setup';

describe('creating a key', () => {
  test('keys.create returns the public key and its token', async () => {
    const { keys } = setup();
    const { key, token } = await keys.create({
      workspaceId: 'acme',
      name: '  CRM export ',
      agents: ['p1', 'p2'],
      permissions: ['handoff', 'conversations'],
      expiresIn: '90d',
      createdBy: 'ops@acme.example',
    });
    expect(key).toEqual({
      id: createTokenParser('ks')(token),
      name: 'CRM export',
      workspaceId: 'acme',
      agents: ['p1', 'p2'],
      permissions: ['handoff', 'conversations'],
      createdAt: new Date(NOW),
      createdBy: 'ops@acme.example',
      updatedAt: new Date(NOW),
      expiresAt: new Date(NOW + 90 * DAY),
      disabled: false,
      allowedIps: [],
      environment: null,
      owner: null,
      contact: null,
      metadata: {},
      revision: 1,
      masked: `ks_${token.slice(3, 11)}************${token.slice(-4)}`,
      rotatedFrom: null,
      rotatedTo: null,
      exposure: null,
      rateLimit: null,
    });
    expect(await keys.get(key.id)).toEqual(key);
  });

  test('keys.create rejects a name that contains a token, without repeating the token', async () => {
    const { keys } = setup();
    const { key, token } = await keys.create(valid);
    for (const name of [token, `my key: ${token}`, generateToken('other_live', 'w').token]) {
      for (const call of [keys.create({ ...valid, name }), keys.update(key.id, { name })]) {
        const error = await refusal(call);
        expect(error).toMatchObject({ code: 'invalid_request', issues: [expect.objectContaining({ path: 'name' })] });
        expect(error.message).toContain('looks like a token');
        expect(JSON.stringify([error, error.message])).not.toContain(name.slice(-38));
      }
    }
    expect((await keys.create({ ...valid, name: key.masked })).key.name).toBe(key.masked);
  });

  test.each<[string, (token: string) => [fields: object, context?: object]]>([
    ['createdBy', (token) => [{ createdBy: `for ${token}` }]],
    ['agents.1', (token) => [{ agents: ['a1', token] }]],
    ['workspaceId', (token) => [{ workspaceId: token }]],
    ['actor', (token) => [{}, { actor: token }]],
    ['source', (token) => [{}, { source: token }]],
    ['workspaceId', (token) => [{}, { workspaceId: token }]],
  ])('keys.create rejects a token in %s', async (path, given) => {
    const { keys, store } = setup();
    for (const { token } of [generateToken('ks', 'default'), generateToken('other_live', 'w')]) {
      const [fields, context] = given(token);
      const error = await refusal(keys.create({ ...valid, ...fields }, context));
      expect(error).toMatchObject({ code: 'invalid_request', issues: [{ path }] });
      expect(error.message).toContain('looks like a token');
      expect(JSON.stringify([error.issues, error.message])).not.toContain(token.slice(-38));
    }
    expect((await store.listAudit({ workspaceId: 'default', limit: 10, before: null })).entries).toEqual([]);
  });

  test('keys.create accepts names and ids with the length of a token', async () => {
    const { keys } = setup();
    const hex = (length: number) => '0123456789abcdef'.repeat(8).slice(0, length);
    const ids = [
      'PROJECT-58RP822I',
      '7c9e6679-7425-40de-944b-e07fc1f90ae7',
      `${hex(32)}_${hex(40)}`,
      `org_${hex(16)}_${hex(40)}`,
      `${hex(16)}_${hex(38)}`,
      `org-${hex(16)}-${hex(38)}`,
    ];
    const name = 'Acme production key 2026-01 for the Berlin office';
    for (const id of ids) {
      const given = { name, agents: [id], workspaceId: id, createdBy: id };
      expect((await keys.create({ ...valid, ...given }, { actor: id })).key).toMatchObject(given);
      expect((await keys.create({ ...valid, name: id })).key.name).toBe(id);
    }
  });

  test('keys.create stores a digest that only the token matches, and nothing of the secret', async () => {
    const { keys, store, hasher } = setup();
    const { key, token } = await keys.create(valid);
    const record = await store.getKey(key.id);
    expect(hasher.verify(token, record!.digest)).toBe(true);
    const secret = token.slice(20, 52);
    expect(JSON.stringify(record)).not.toContain(secret.slice(0, 8));
    expect(JSON.stringify([await keys.get(key.id), await keys.list()])).not.toContain(record!.digest);
    expect(JSON.stringify([await keys.get(key.id), await keys.list()])).not.toContain(secret.slice(0, 8));
  });

  test('keys.create uses the default workspace unless one is named, and the tag of the workspace in the id', async () => {
    const { keys } = setup();
    expect((await keys.create(valid)).key.workspaceId).toBe('default');
    const { key } = await keys.create({ ...valid, workspaceId: 'acme' });
    expect(key.workspaceId).toBe('acme');
    expect(tagOf(key.id)).toBe(workspaceTag('acme'));
    expect((await keys.create(valid, { workspaceId: 'acme' })).key.workspaceId).toBe('acme');
    expect(await refusedPaths(keys.create({ ...valid, workspaceId: 'acme' }, { workspaceId: 'globex' }))).toEqual([
      'workspaceId',
    ]);
  });

  test('records who did it: createdBy, else the actor', async () => {
    const { keys, store } = setup();
    const audited = async () => (await store.listAudit({ workspaceId: 'default', limit: 1, before: null })).entries[0];
    expect((await keys.create(valid)).key.createdBy).toBeNull();
    expect(await audited()).toMatchObject({ actor: null, source: null, at: NOW });
    expect((await keys.create(valid, { actor: 'ops', source: '192.0.2.1' })).key.createdBy).toBe('ops');
    expect(await audited()).toMatchObject({ action: 'key.created', actor: 'ops', source: '192.0.2.1' });
    expect((await keys.create({ ...valid, createdBy: 'bo' })).key.createdBy).toBe('bo');
    expect(await audited()).toMatchObject({ actor: 'bo' });
    expect((await keys.create({ ...valid, createdBy: 'bo' }, { actor: 'ops' })).key.createdBy).toBe('bo');
    expect(await audited()).toMatchObject({ actor: 'ops' });
  });

  test('keys.create generates another id when the first is taken', async () => {
    const { keys: before, store } = setup();
    const { key: taken } = await before.create(valid);
    let calls = 0;
    const { keys } = setup({
      store,
      generate: (prefix, workspaceId) => {
        const generated = generateToken(prefix, workspaceId);
        return calls++ < 2 ? { ...generated, id: taken.id } : generated;
      },
    });
    const { key } = await keys.create({ ...valid, name: 'Second' });
    expect(key.id).not.toBe(taken.id);
    expect((await keys.get(taken.id)).name).toBe('CRM');
    expect(calls).toBe(3);
  });

  test('keys.create rejects conflict and changes nothing when no id is free', async () => {
    const { keys: before, store } = setup();
    const { key: taken } = await before.create(valid);
    const { keys } = setup({ store, generate: (...args) => ({ ...generateToken(...args), id: taken.id }) });
    expect((await refusal(keys.create({ ...valid, name: 'Second' }))).code).toBe('conflict');
    expect((await before.list()).keys).toEqual([taken]);
  });
});

describe('the name', () => {
  test('keys.create accepts names of 1 to 100 characters in any script', async () => {
    const { keys } = setup();
    for (const name of ['a', 'x'.repeat(100), '😀'.repeat(100), 'مفتاح', '名前', 'a\u202eb', '<script>', '"', '-']) {
      expect((await keys.create({ ...valid, name })).key.name).toBe(name);
    }
  });

  test('keys.create rejects a name that is empty, too long, invisible or not plain text', async () => {
    const { keys } = setup();
    const names = [
      '',
      '   ',
      '\u200b',
      'x'.repeat(101),
      '😀'.repeat(101),
      'a\0b',
      'a\nb',
      'a\x1b[31m',
      'a\x7f',
      'a\x85b',
    ];
    for (const name of [...names, 'a\u2028b', 'a\ud800b', 42, null, undefined, ['a']]) {
      expect(await refusedPaths(keys.create({ ...valid, name: name as string }))).toEqual(['name']);
    }
  });
});

describe('the agents', () => {
  test('keys.create accepts all agents or an array of distinct ids', async () => {
    const { keys } = setup();
    for (const agents of ['all', ['p1'], ['p1', 'p2', '__proto__'], ['x'.repeat(128)]] as const) {
      expect((await keys.create({ ...valid, agents })).key.agents).toEqual(agents);
    }
    const many = Array.from({ length: 1000 }, (_, index) => `p${index}`);
    expect((await keys.create({ ...valid, agents: many })).key.agents).toHaveLength(1000);
  });

  test('keys.create gives a key all agents when the input names none, and rejects undefined', async () => {
    const { keys } = setup();
    const { agents, ...rest } = valid;
    expect((await keys.create(rest)).key.agents).toBe('all');
    expect(await refusedPaths(keys.create({ ...rest, agents: undefined } as never))).toEqual(['agents']);
  });

  test('keys.create rejects an empty array of agents, which never means all', async () => {
    const { keys } = setup();
    const error = await refusal(keys.create({ ...valid, agents: [] }));
    expect(error).toMatchObject({ code: 'invalid_request', status: 400 });
    expect(error.message).toContain('never means "all"');
  });

  test('keys.create rejects agents that are not an array of distinct ids', async () => {
    const { keys } = setup();
    for (const agents of ['p1', 'ALL', undefined, null, {}, 1, new Set(['p1']), Array(1001).fill(0).map(String)]) {
      expect(await refusedPaths(keys.create({ ...valid, agents: agents as 'all' }))).toEqual(['agents']);
    }
    expect(await refusedPaths(keys.create({ ...valid, agents: ['p1', 'p2', 'p1'] }))).toEqual(['agents.2']);
    expect(await refusedPaths(keys.create({ ...valid, agents: ['p1', 'all'] }))).toEqual(['agents.1']);
    const wrong = ['', ' p1', 'p1 ', 'a\0', 'x'.repeat(129), '\ud800', 1, null, ['p1']] as string[];
    expect(await refusedPaths(keys.create({ ...valid, agents: wrong }))).toEqual(wrong.map((_, i) => `agents.${i}`));
    // biome-ignore lint/suspicious/noSparseArray: a hole is what is tested.
    expect(await refusedPaths(keys.create({ ...valid, agents: ['p1', , 'p2'] as string[] }))).toEqual(['agents.1']);
  });

  test('keys.create copies the arrays of agents and permissions', async () => {
    const { keys } = setup();
    const agents = ['p1'];
    const { key } = await keys.create({ ...valid, agents });
    agents.push('p2');
    (key.agents as string[]).push('p3');
    ((await keys.get(key.id)).agents as string[]).push('p4');
    ((await keys.get(key.id)).permissions as string[]).push('handoff');
    expect(await keys.get(key.id)).toMatchObject({ agents: ['p1'], permissions: ['conversations'] });
  });
});

describe('the permissions', () => {
  test('keys.create accepts a non-empty array of distinct declared permissions', async () => {
    const { keys } = setup();
    expect((await keys.create({ ...valid, permissions: PERMISSIONS })).key.permissions).toEqual(PERMISSIONS);
    for (const permissions of [[], 'conversations', undefined, {}]) {
      expect(await refusedPaths(keys.create({ ...valid, permissions: permissions as string[] }))).toEqual([
        'permissions',
      ]);
    }
    expect(await refusedPaths(keys.create({ ...valid, permissions: ['handoff', 'handoff'] }))).toEqual([
      'permissions.1',
    ]);
    for (const name of ['__proto__', 'constructor', 'Handoff', 'handoff ', 0]) {
      expect(await refusedPaths(keys.create({ ...valid, permissions: [name as string] }))).toEqual(['permissions.0']);
    }
  });

  test('keys.create suggests declared permissions for a misspelt one', async () => {
    const { keys } = setup();
    const { message } = await refusal(keys.create({ ...valid, permissions: ['conversatoins'] }));
    expect(message).toBe(
      'keys.create: `permissions.0`: There is no such permission. Did you mean "conversations"? ' +
        'Accepted: conversations, handoff, external_events. Received "conversatoins".',
    );
  });
});

describe('the expiry', () => {
  test('keys.create accepts an expiry as a time or a duration, by default the default lifetime', async () => {
    const { keys } = setup();
    const expiry = async (given: object) => (await keys.create({ ...valid, ...given })).key.expiresAt!.getTime();
    expect(await expiry({})).toBe(NOW + 365 * DAY);
    expect(await expiry({ expiresIn: '12h' })).toBe(NOW + DAY / 2);
    expect(await expiry({ expiresIn: '1ms' })).toBe(NOW + 1);
    expect(await expiry({ expiresIn: 60_000 })).toBe(NOW + 60_000);
    expect(await expiry({ expiresIn: undefined, expiresAt: NOW + 5 })).toBe(NOW + 5);
    expect(await expiry({ expiresAt: new Date(NOW + DAY) })).toBe(NOW + DAY);
    expect(await expiry({ expiresAt: '2031-05-01' })).toBe(Date.UTC(2031, 4, 1));
    expect(await expiry({ expiresAt: '9999-12-31T23:59:59.999Z' })).toBe(253_402_300_799_998);
  });

  test.each([90, 3600, 59_999])(
    'keys.create rejects expiresIn %d, which has no unit, and says what it means',
    async (expiresIn) => {
      const { keys } = setup();
      const { message } = await refusal(keys.create({ ...valid, expiresIn }));
      expect(message).toContain(
        `${expiresIn} means ${expiresIn} milliseconds. For a duration below a minute, use a string`,
      );
      expect(message).toContain("a string such as '90d'");
    },
  );

  test('keys.create rejects an expiry that is not after the call', async () => {
    const { keys, clock } = setup();
    for (const expiresAt of [NOW, NOW - 1, 0, new Date(NOW), '2029-12-31']) {
      expect((await refusal(keys.create({ ...valid, expiresAt }))).message).toContain('It must be in the future.');
    }
    for (const expiresIn of [0, '0d']) {
      expect((await refusal(keys.create({ ...valid, expiresIn }))).message).toContain('It must be in the future.');
    }
    clock.advance(DAY);
    expect((await refusal(keys.create({ ...valid, expiresAt: NOW + DAY }))).message).toContain('in the future');
  });

  test('keys.create rejects an expiry that does not exist or is after the year 9999', async () => {
    const { keys } = setup();
    for (const expiresAt of ['never', '2031-02-31', Number.NaN, null, new Date(Number.NaN), 8.64e15]) {
      expect(await refusedPaths(keys.create({ ...valid, expiresAt: expiresAt as string }))).toEqual(['expiresAt']);
    }
    for (const expiresIn of ['never', -1, '1y', 0.5, null, '9999999w', Number.MAX_SAFE_INTEGER]) {
      expect(await refusedPaths(keys.create({ ...valid, expiresIn: expiresIn as string }))).toEqual(['expiresIn']);
    }
    expect((await refusal(keys.create({ ...valid, expiresIn: '999999w' }))).message).toContain('beyond 9999');
  });

  test('keys.create caps the default lifetime at the year 9999', async () => {
    const { keys } = setup({ defaultLifetime: Number.MAX_SAFE_INTEGER });
    expect((await keys.create(valid)).key.expiresAt?.toISOString()).toBe('9999-12-31T23:59:59.998Z');
  });

  test.each([{ expiresAt: null }, { expiresIn: null }])(
    'keys.create says that every key expires for %j',
    async (expiry) => {
      const { keys } = setup();
      const { message } = await refusal(keys.create({ ...valid, ...expiry } as never));
      expect(message).toMatch(/every key expires/i);
    },
  );

  test('keys.create rejects expiresAt together with expiresIn', async () => {
    const { keys } = setup();
    const error = await refusal(keys.create({ ...valid, expiresIn: '1d', expiresAt: '2031-01-01' }));
    expect(error.message).toContain('Give either `expiresAt` or `expiresIn`, not both.');
  });
});

describe('an input that is wrong', () => {
  test('keys.create reports all issues of an input at once', async () => {
    const { keys, store } = setup();
    const wrong = {
      workspaceId: '',
      name: '',
      agents: [],
      permissions: ['x', 'handoff'],
      expiresAt: 'soon',
      expiresIn: '1d',
      createdBy: 'a\nb',
      agnets: 'all',
    };
    const error = await refusal(keys.create(wrong as never));
    expect(error.issues.map(({ path }) => path).sort()).toEqual(
      ['agents', 'agnets', 'createdBy', 'expiresAt', 'expiresIn', 'name', 'permissions.0', 'workspaceId'].sort(),
    );
    expect(error.issues.find(({ path }) => path === 'agnets')?.message).toContain('Did you mean "agents"?');
    expect(error.message).toMatch(/^keys\.create: `/);
    expect(
      (await store.listKeys({ workspaceId: '', q: '', sort: 'name', order: 'asc', limit: 9, after: null })).keys,
    ).toEqual([]);
  });

  test('keys.create rejects an input that is not an object', async () => {
    const { keys } = setup();
    for (const input of [undefined, null, 'CRM', [], 1]) {
      expect(await refusal(keys.create(input as never))).toMatchObject({ code: 'invalid_request' });
    }
  });

  test('keys.create repeats no secret in its messages', async () => {
    const { keys } = setup();
    const { token } = await keys.create(valid);
    const secret = token.slice(20, 52);
    for (const wrong of [
      { ...valid, name: `${token}\0` },
      { ...valid, agents: [`${token} `] },
      { ...valid, agents: token },
      { ...valid, permissions: [token] },
      { ...valid, expiresIn: token },
      { ...valid, [token]: 1 },
    ]) {
      const error = await refusal(keys.create(wrong as never));
      expect(JSON.stringify([error.message, error.issues])).not.toContain(secret.slice(0, 8));
    }
  });
});
