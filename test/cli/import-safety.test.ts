import { csv, jsonl, SCOPE, sha256, useImports } from './import-fixture';

const { run, fixture } = useImports();

describe('a row that was deleted or revoked', () => {
  const TIMES = ['1700000000000', '1700000000', '2023-11-14 22:13:20', '2023-11-14T22:13:20.000Z', '2023-11-14'];
  const COLUMNS = [
    ...[
      'deleted_at',
      'deletedAt',
      'deleted_at_m',
      'deletedAtM',
      'Deleted At',
      'DELETED-AT',
      'deleted_on',
      'k.deleted_at',
    ],
    ...['revoked_at', 'revokedAt', 'revocation_date', 'date_revoked', 'archived_at', 'archivedOn', 'removed_at'],
    ...['deactivated_at', 'disabled_at', 'suspended_at', 'blocked_at', 'cancelled_at', 'canceled_at', 'invalidated_at'],
    ...['retired_at', 'terminated_at', 'deleted_by', 'revoked_reason', 'is_deleted_ts'],
  ];
  test.each(COLUMNS.map((column, index) => [column, TIMES[index % TIMES.length] as string]))(
    'a revoked row is left out and counted when the column is %s with %s',
    async (column, value) => {
      const { token, expectNoKey } = fixture();
      await expectNoKey(csv(token, column, value), { code: 0, rows: 1, inactive: 1 });
    },
  );

  test.each([
    ...[
      ['deleted', 'true'],
      ['is_deleted', 't'],
      ['isRevoked', '1'],
      ['revoked', 'YES'],
      ['archived', 'x'],
      ['inactive', 'TRUE'],
    ],
    ...[
      ['suspended', 'on'],
      ['is_blocked', "b'1'"],
      ['banned', '\u0001'],
      ['removed', '0x01'],
      ['trashed', 'y'],
    ],
    ...[
      ['status', 'revoked'],
      ['state', 'DELETED'],
      ['key_status', 'Archived'],
      ['status', 'suspended'],
      ['status', 'inactive'],
    ],
    ...[
      ['is_active', 'false'],
      ['active', 'f'],
      ['isActive', '0'],
      ['valid', 'no'],
      ['is_valid', 'FALSE'],
      ['active', "b'0'"],
    ],
  ])('an inactive row is left out and counted when %s is %s', async (column, value) => {
    const { token, expectNoKey } = fixture();
    await expectNoKey(csv(token, column, value), { code: 0, inactive: 1 });
  });

  test.each([
    ['deletedAt', { deletedAt: 1700000000000 }],
    ['revoked', { revoked: true }],
    ['active', { active: false }],
    ['status', { status: 'revoked' }],
    ['deleted_at of MongoDB', { deletedAt: { $date: '2023-11-14T22:13:20Z' } }],
  ])('a deleted row is left out of JSON lines by %s', async (_, fields) => {
    const { token, expectNoKey } = fixture();
    await expectNoKey(jsonl({ token, name: 'CRM', ...fields }), { inactive: 1 });
  });

  test.each(['', 'null', '\\N', '0', 'false', 'f', 'no', '0000-00-00 00:00:00', "b'0'"])(
    'a row is imported when deleted_at is %j',
    async (value) => {
      const { token, summary, key } = fixture();
      expect(await summary(csv(token, 'deleted_at', value))).toMatchObject({ code: 0, imported: 1, inactive: 0 });
      expect(await key()).toMatchObject({ name: 'CRM' });
    },
  );

  test.each([
    ...[
      ['status', 'frobnicated'],
      ['status', ''],
      ['is_active', ''],
      ['active', 'perhaps'],
      ['enabled', ''],
    ],
  ])('a row is invalid when %s is %j', async (column, value) => {
    const { token, expectNoKey } = fixture();
    const result = await expectNoKey(csv(token, column, value), { code: 1, invalid: 1 });
    expect(result.stderr).toMatch(/^line 2: (?:status|active|enabled): Expected /);
  });

  test.each(['user_deleted_at', 'expired_flag_v2', 'key_revocation_info', 'old_suspension', 'validuntil_local'])(
    'import exits 2 when the column %s has an unknown name',
    async (column) => {
      const { token, importFrom, key } = fixture();
      const refused = await importFrom(csv(token, column, 'x'));
      expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('--ignore') });
      expect(await key()).toBeNull();
      expect(await importFrom(csv(token, column, 'x'), [...SCOPE, '--ignore', column])).toMatchObject({ code: 0 });
      expect(await key()).toMatchObject({ name: 'CRM' });
    },
  );

  test('a key stays disabled when its status is disabled', async () => {
    const { token, summary, key } = fixture();
    expect(await summary(csv(token, 'status', 'disabled'))).toMatchObject({ imported: 1 });
    expect(await key()).toMatchObject({ disabled: true });
  });

  test.each([
    ['unkey', 'deleted_at_m', 'base64', 'hash'],
    ['unkey', 'deletedAtM', 'base64', 'hash'],
    ['unkey', 'deleted_at', 'base64', 'hash'],
    ['better-auth', 'deletedAt', 'base64url', 'key'],
  ] as const)('a deleted row is left out with --from %s and %s', async (from, column, encoding, hashColumn) => {
    const { token, expectNoKey } = fixture();
    const row = {
      id: 'k1',
      [hashColumn]: sha256(token, encoding),
      name: 'CRM',
      enabled: true,
      [column]: 1700000000000,
    };
    await expectNoKey(jsonl(row), { code: 0, inactive: 1 }, ['--from', from, ...SCOPE]);
  });

  test.each(['remaining', 'remaining_requests'])('a used-up row is left out when %s is 0', async (column) => {
    const { token, expectNoKey } = fixture();
    await expectNoKey(csv(token, column, '0'), { inactive: 1 });
  });
});

describe('two columns for one field', () => {
  test.each([
    ['enabled,enabled', 'false,true'],
    ['expires_at,expires', '1600000000,2090-01-01'],
    ['Is_Disabled,disabled', 'true,false'],
    ['scopes,permissions', 'handoff,conversations'],
    ['enabled,is_enabled', '0,1'],
    ['agents,agents', 'a1,all'],
    ['k.enabled,u.enabled', 'false,true'],
    ['active,is_active', 'false,true'],
    ['key_hash,hash', 'x,y'],
  ])('two columns %s are a usage error', async (columns, values) => {
    const { token, importFrom, key } = fixture();
    const result = await importFrom(`token,name,${columns}\n${token},CRM,${values}\n`);
    expect(result).toMatchObject({ code: 2, stderr: expect.stringMatching(/Two columns.*--map.*--ignore/s) });
    expect(await key()).toBeNull();
  });

  test.each([
    '"enabled":false,"enabled":true',
    '"enabled":false,"en\\u0061bled":true',
    '"meta":{"enabled":1},"expires":1,"expires":2090',
    '"revoked":true,"revoked":false',
    '"comment":"revoked","comment":"none"',
  ])('a JSON line is invalid when a member occurs twice: %s', async (members) => {
    const { token, summary, key } = fixture();
    const other = jsonl({ token: `${token}b`, name: 'Other' });
    const result = await summary(`${other}{"token":"${token}","name":"CRM",${members}}`);
    expect(result).toMatchObject({
      code: 1,
      invalid: 1,
      stderr: expect.stringContaining('line 2: A member occurs twice'),
    });
    expect(await key()).toBeNull();
  });

  test('JSON lines with two members for one field are a usage error', async () => {
    const { token, importFrom, key } = fixture();
    const row = { token, name: 'CRM', enabled: false, isEnabled: true };
    expect(await importFrom(jsonl(row))).toMatchObject({ code: 2, stderr: expect.stringContaining('Two columns') });
    expect(await key()).toBeNull();
  });

  test('two columns for one field are no error when --map names one of them', async () => {
    const { token, importFrom, key } = fixture();
    const argv = [...SCOPE, '--map', 'enabled=enabled'];
    expect(await importFrom(`token,name,enabled,is_enabled\n${token},CRM,false,true\n`, argv)).toMatchObject({
      code: 0,
    });
    expect(await key()).toMatchObject({ disabled: true });
  });
});

describe('an empty permission list', () => {
  test.each([
    ...[{ permissions: [] }, { permissions: {} }, { permissions: { conversations: [] } }, { permissions: '[]' }],
    ...[{ permissions: '{}' }, { permissions: ',' }, { permissions: '{"conversations":[]}' }, { permissions: [null] }],
  ])('an empty permission list is never filled by --permissions: %j', async (fields) => {
    const { token, expectNoKey } = fixture();
    await expectNoKey(jsonl({ token, name: 'CRM', ...fields }), { code: 1, invalid: 1 });
  });

  test.each(['"[]"', '{}'])('an empty permission list in CSV is never filled by --permissions: %s', async (value) => {
    const { token, summary } = fixture();
    expect(await summary(csv(token, 'permissions', value))).toMatchObject({ code: 1, invalid: 1 });
  });
});

describe('an expiry', () => {
  test.each(['0', '1', '1970-01-01', '1970-01-01 00:00:00', '1970-01-01T00:00:00Z', '1970-01-01 01:00:00+01', '0.0'])(
    'an expiry of %s is invalid, not over',
    async (value) => {
      const { token, summary } = fixture();
      const result = await summary(csv(token, 'expires', value));
      expect(result).toMatchObject({ code: 1, expired: 0, invalid: 1 });
      expect(result.stderr).toContain('expiresAt: ');
    },
  );

  test('an expiry of the number 0 in JSON lines is invalid', async () => {
    const { token, summary } = fixture();
    expect(await summary(jsonl({ token, name: 'CRM', expires: 0 }))).toMatchObject({ expired: 0, invalid: 1 });
  });

  test.each([
    ['2090-07-01 12:00:00.000', [], '2090-07-01T12:00:00.000Z'],
    ['2090-07-01T12:00', [], '2090-07-01T12:00:00.000Z'],
    ['2090-07-01 12:00:00', ['--time-zone', 'Europe/Berlin'], '2090-07-01T10:00:00.000Z'],
    ['2090-01-01 12:00:00.5', ['--time-zone', 'America/New_York'], '2090-01-01T17:00:00.500Z'],
    ['2090-07-01 12:00:00', ['--time-zone', '+05:30'], '2090-07-01T06:30:00.000Z'],
    ['2090-07-01', ['--time-zone', '+02:00'], '2090-06-30T22:00:00.000Z'],
    ['2090-07-01 12:00:00+02', ['--time-zone', 'America/New_York'], '2090-07-01T10:00:00.000Z'],
    // Clocks go back: the earlier of both instants. Clocks go forward: a time that no clock shows.
    ['2035-10-28 02:30:00', ['--time-zone', 'Europe/Berlin'], '2035-10-28T00:30:00.000Z'],
    ['2035-03-25 02:30:00', ['--time-zone', 'Europe/Berlin'], '2035-03-25T00:30:00.000Z'],
  ])('an expiry of %s with %j is %s', async (value, argv, expected) => {
    const { token, importFrom, key } = fixture();
    const { code, stderr } = await importFrom(csv(token, 'expires', value), [...SCOPE, ...argv]);
    expect({ code, isNoted: stderr.includes('without a zone') }).toEqual({ code: 0, isNoted: !value.includes('+') });
    expect((await key()).expiresAt).toBe(expected);
  });

  test.each(['Berlin', 'CET+1', '+25:00'])('import with --time-zone %s is a usage error', async (zone) => {
    const { token, importFrom } = fixture();
    const result = await importFrom(csv(token, 'expires', '2090-01-01'), [...SCOPE, '--time-zone', zone]);
    expect(result).toMatchObject({ code: 2, stderr: expect.stringContaining('--time-zone') });
  });
});

describe('a list of agents', () => {
  const permissions = ['--permissions', 'conversations'];
  test.each<[string, string, unknown]>([
    ['psql --csv', '"{a1,a2}"', ['a1', 'a2']],
    ['psql --csv with quotes', '"{""a,1"",a2,""q\\""x""}"', ['a,1', 'a2', 'q"x']],
    ['psql --csv with one entry', '{a1}', ['a1']],
    ['MySQL JSON', '"[""a1"", ""a2""]"', ['a1', 'a2']],
    ['single quotes', "\"['a1', 'a2']\"", ['a1', 'a2']],
    ['JSON in JSON', '"""[\\""a1\\"",\\""a2\\""]"""', ['a1', 'a2']],
    ['separators', 'a1;a2', ['a1', 'a2']],
    ['all', 'all', 'all'],
  ])('an agent list is read as %s writes it', async (_, value, expected) => {
    const { token, importFrom, key } = fixture();
    expect(await importFrom(csv(token, 'agents', value), permissions)).toMatchObject({ code: 0 });
    expect((await key()).agents).toEqual(expected);
  });

  test.each(['*', 'ALL', '{*}', '"[""All""]"', '{a1', 'a2}', '[a1', '"{a1,NULL}"', '"{{a1},{a2}}"', '{}', '"a1,*"'])(
    'an agent list is invalid when it is %s',
    async (value) => {
      const { token, summary, key } = fixture();
      expect(await summary(csv(token, 'agents', value), permissions)).toMatchObject({ code: 1, invalid: 1 });
      expect(await key()).toBeNull();
    },
  );

  test.each([
    ['--agents', 'ALL'],
    ['--agents', '*'],
    ['--agents', 'a1,*'],
    ['--agent', '*'],
  ])('keys create %s %s is a usage error', async (option, value) => {
    const argv = ['keys', 'create', '--name', 'CRM', '--permissions', 'conversations', option, value];
    expect(await run(argv)).toMatchObject({ code: 2, stderr: expect.stringContaining('--agents all') });
  });
});

describe('exports of other systems', () => {
  test('--from unkey reads a dump of the keys table with its own datetimes', async () => {
    const { token, importFrom, key } = fixture();
    const columns =
      'id,key_auth_id,hash,start,workspace_id,for_workspace_id,name,owner_id,identity_id,meta,expires,created_at_m,updated_at_m,deleted_at_m,refill_day,refill_amount,last_refill_at,enabled,remaining_requests,environment,last_used_at,pending_migration_id';
    const row = `key_1,ks_1,${sha256(token, 'base64')},leg,ws_1,,From Unkey,,,,2031-05-01 12:00:00.000,1700000000000,,,,,,1,,,0,`;
    const result = await importFrom(`${columns}\n${row}\n`, ['--from', 'unkey', ...SCOPE]);
    expect(result).toMatchObject({ code: 0 });
    expect(await key()).toMatchObject({ name: 'From Unkey', expiresAt: '2031-05-01T12:00:00.000Z', disabled: false });
  });

  test('--from unkey leaves out a key whose hash is not of the token', async () => {
    const { token, summary } = fixture();
    const row = { hash: sha256(token, 'base64'), name: 'CRM', enabled: 1, pending_migration_id: 'mig_1' };
    const result = await summary(jsonl(row), ['--from', 'unkey', ...SCOPE]);
    expect(result).toMatchObject({ code: 1, invalid: 1 });
    expect(result.stderr).toContain('pending_migration_id');
  });

  test('--from better-auth reads the apikey table of the current schema', async () => {
    const { token, importFrom, key } = fixture();
    const row = {
      ...{ id: 'x', configId: 'default', name: 'From better-auth', start: 'leg', prefix: null },
      ...{ key: sha256(token, 'base64url'), referenceId: 'u1', refillInterval: null, refillAmount: null },
      ...{ lastRefillAt: null, enabled: null, rateLimitEnabled: true, rateLimitTimeWindow: 86400000, rateLimitMax: 10 },
      ...{ requestCount: 3, remaining: null, lastRequest: null, expiresAt: '2031-05-01 12:00:00+00', metadata: null },
      ...{ createdAt: '2024-01-01', updatedAt: '2024-01-01', permissions: null },
    };
    expect(await importFrom(jsonl(row), ['--from', 'better-auth', ...SCOPE])).toMatchObject({ code: 0 });
    expect(await key()).toMatchObject({ name: 'From better-auth', expiresAt: '2031-05-01T12:00:00.000Z' });
  });

  test('a dry run prints what each kind of row becomes', async () => {
    const { token, importFrom, key } = fixture();
    const input = [
      'token,name,agents,permissions,expires,enabled,deleted_at',
      `${token}a,Alpha,all,conversations,2090-01-01,true,`,
      `${token}b,Bo,all,conversations,2091-01-01,true,`,
      `${token}c,Cy,a1;a2,handoff,,false,`,
      `${token}d,Di,all,conversations,,true,2024-01-01`,
      `${token}e,Ed,all,conversations,2020-01-01,true,`,
    ].join('\n');
    const { code, stdout } = await importFrom(input, ['--dry-run']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^2 +active key +all +conversations +from the file/m);
    expect(stdout).toMatch(/^1 +disabled key +2 agents +handoff +default/m);
    expect(stdout).toMatch(/^1 +left out: revoked, deleted or inactive/m);
    expect(stdout).toMatch(/^1 +left out: expired/m);
    expect(await key()).toBeNull();
  });
});
