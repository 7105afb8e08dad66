import { csv, jsonl, SCOPE, sha256, useImports } from './import-fixture';

const { run, fixture } = useImports();

describe('a column that may limit a key', () => {
  test.each([
    ...[
      ['discarded_at', '2024-01-01 00:00:00'],
      ['del_flag', '1'],
      ['is_del', 'true'],
      ['is_locked', 't'],
      ['voided_at', '2024-01-01'],
      ['frozen', 'yes'],
      ['Deleted (Y/N)', 'Y'],
      ['destroyed_at', '1700000000'],
      ['superseded_at', '2024-01-01'],
      ['blacklisted', '1'],
    ],
  ])('a row is left out when %s is %s', async (column, value) => {
    const { token, expectNoKey } = fixture();
    await expectNoKey(csv(token, column, value), { code: 0, inactive: 1 });
  });

  test.each([
    ...[
      ['user_active', 'false'],
      ['account_status', 'closed'],
      ['key_enabled_in_prod', '0'],
      ['lifecycle', 'revoked'],
      ['comment', 'Revoked'],
      ['ends_at', '2020-01-01'],
      ['end_date', '2020-01-01'],
      ['not_after', '2020-01-01T00:00:00Z'],
      ['good_until', '2020-01-01'],
      ['ttl', '3600'],
      ['sunset', '2020-01-01T00:00:00Z'],
      ['gone', 'true'],
      ['is_blockd', '1'],
      ['roles', 'reader'],
      ['agent', 'a1'],
      ['project_id', 'p1'],
      ['allowed_domains', 'example.com'],
      ['rotated_at', '2024-01-01'],
      ['meta', '"{""revoked"":true}"'],
    ],
    ...[
      ['access_enabled', 'f'],
      ['access_status', 'revoked'],
      ['has_access', 'f'],
      ['can_login', '0'],
      ['used_up', 't'],
      ['last_status', 'revoked'],
      ['registration_state', 'cancelled'],
      ['gone', '1'],
      ['approved', '0'],
      ['use_flag', '0'],
      ['Do not use', '1'],
      ['Old', '✓'],
    ],
    ...[
      ['gone_at', '1700000000'],
      ['goneOn', '1 May 2024'],
      ['gone', '01.05.2024'],
      ['validity', '"[2020-01-01,2021-01-01)"'],
      ['valid_from', '2190000000'],
      ['starts_at', '2090-01-01 00:00:00+00'],
      ['expires_in', '2592000000'],
      ['expiry_ms', '2592000000'],
      ['days_left', '5'],
      ['quota_remaining', '0'],
    ],
    ...[
      ['phase', 'KEY_REVOKED'],
      ['exp', '1600000000'],
      ['expdt', '1600000000'],
      ['max_age', '3600'],
      ['flags', '4'],
      ['stage', 'dev'],
      ['removed_by_user', 'ann'],
      ['attrs', '"""enabled""=>""false"""'],
      ['data', '"a:1:{s:7:""enabled"";b:0;}"'],
      ['extra', "{'enabled': False}"],
      ['gesperrt', 'ja'],
      ['estado', 'revocado'],
      ['country', 'DE'],
      ['user_name', 'KEY_REVOKED'],
      ['account_type', 'suspended'],
    ],
    ...[
      ['tags', '"{old,revoked}"'],
      ['labels', 'vip;disabled'],
      ['comment', 'Was revoked by Ann'],
      ['revocation.time', '1700000000'],
      ['revoked.at', '1700000000'],
      ['Successor', 'key2'],
      ['agentUuid', 'a1'],
      ['meta', '"""{\\""revoked\\"":true}"""'],
    ],
  ])('import exits 2 when the column %s holds %s', async (column, value) => {
    const { token, importFrom, key } = fixture();
    const result = await importFrom(csv(token, column, value));
    expect(result).toMatchObject({ code: 2, stderr: expect.stringContaining('--ignore') });
    expect(await key()).toBeNull();
    expect(await importFrom(csv(token, column, value), [...SCOPE, '--ignore', column])).toMatchObject({ code: 0 });
    expect(await key()).toMatchObject({ name: 'CRM' });
  });

  test.each([
    { lifecycle: { deletedAt: '2024-01-01' } },
    { meta: { flags: { revoked: true } } },
    { gone: true },
    { history: [{ status: 'revoked' }] },
    { tags: ['vip', 'revoked'] },
    { meta: { note: 'revoked' } },
    { credits: { remaining: 0 } },
    { gone: 1 },
  ])('import exits 2 when a member %j may limit a key', async (members) => {
    const { token, importFrom, key } = fixture();
    expect(await importFrom(jsonl({ token, name: 'CRM', ...members }))).toMatchObject({ code: 2 });
    expect(await key()).toBeNull();
  });

  test('import names every column that may limit a key at once', async () => {
    const { token, importFrom } = fixture();
    const { stderr } = await importFrom(`token,name,gone,ends_at\n${token},CRM,true,2020-01-01\n`);
    expect(stderr).toContain('"gone", "ends_at"');
  });

  test.each(['created_at', 'updatedAt', 'last_used_at', 'last_active_at', 'issued_on', 'start_date', 'activated_at'])(
    'a row is imported when %s holds a time that is past',
    async (column) => {
      for (const value of ['2024-01-01T00:00:00Z', '1700000000', '31.12.2023', '']) {
        const { token, summary } = fixture();
        expect(await summary(csv(token, column, value))).toMatchObject({ code: 0, imported: 1 });
      }
    },
  );

  test.each([
    ['user_id', '1'],
    ['request_count', '0'],
    ['rate_limit_enabled', 'true'],
    ['created_by', 'ann'],
    ['customer_name', 'Acme Inc.'],
    ['Token-Prefix', 'leg'],
    ['updatedFrom', '10.0.0.1'],
  ])('a row is imported when %s is %s', async (column, value) => {
    const { token, summary } = fixture();
    expect(await summary(csv(token, column, value))).toMatchObject({ code: 0, imported: 1 });
  });

  test.each([
    ['unkey', 'base64', 'hash', { meta: '{"revoked":true}' }],
    ['unkey', 'base64', 'hash', { meta: '{"raw":"{\\"enabled\\":false}"}' }],
    ['unkey', 'base64', 'hash', { meta: { claims: { exp: 1600000000 } } }],
    ['unkey', 'base64', 'hash', { phase: 'live' }],
    ['unkey', 'base64', 'hash', { gone: true }],
    ['unkey', 'base64', 'hash', { access_status: 'revoked' }],
    ['better-auth', 'base64url', 'key', { metadata: '"{\\"revokedAt\\":\\"2024-01-01\\"}"' }],
  ] as const)('import exits 2 with --from %s when a row in %s has %s and %j', async (from, encoding, column, more) => {
    const { token, importFrom, key } = fixture();
    const row = { [column]: sha256(token, encoding), name: 'CRM', enabled: true, ...more };
    const argv = ['--from', from, ...SCOPE];
    expect(await importFrom(jsonl(row), argv)).toMatchObject({ code: 2 });
    expect(await key()).toBeNull();
    const ignored = await importFrom(jsonl(row), [...argv, '--ignore', Object.keys(more)[0] as string]);
    expect(ignored).toMatchObject({ code: 0 });
  });

  test.each([
    ['unkey', 'base64', 'hash', 'key_auth_id'],
    ['unkey', 'base64', 'hash', 'environment'],
    ['better-auth', 'base64url', 'key', 'configId'],
  ] as const)(
    'import exits 2 with --from %s when rows in %s of %s have several %s',
    async (from, encoding, hash, name) => {
      const { token, importFrom, key } = fixture();
      const row = (end: string) => ({ [hash]: sha256(token + end, encoding), name: end, enabled: true, [name]: end });
      const result = await importFrom(jsonl(row('a')) + jsonl(row('b')), ['--from', from, ...SCOPE]);
      expect(result).toMatchObject({ code: 2, stderr: expect.stringContaining(`"${name}" has several values`) });
      expect(await key()).toBeNull();
    },
  );

  test('a row is imported with --from unkey when its meta limits nothing', async () => {
    const { token, summary } = fixture();
    const row = { hash: sha256(token, 'base64'), name: 'CRM', enabled: 1, meta: '{"credits":{"remaining":5}}' };
    expect(await summary(jsonl(row), ['--from', 'unkey', ...SCOPE])).toMatchObject({ code: 0, imported: 1 });
  });

  test('import exits 2 when the rows belong to several tenants or environments', async () => {
    const { token, importFrom, key } = fixture();
    const input = `token,name,tenant_id\n${token}a,A,t1\n${token}b,B,t2\n`;
    expect(await importFrom(input)).toMatchObject({ code: 2, stderr: expect.stringContaining('"tenant_id"') });
    expect(await key()).toBeNull();
    expect(await importFrom(input, [...SCOPE, '--ignore', 'tenant_id'])).toMatchObject({ code: 0 });
    const environments = input.replace('tenant_id', 'env').replace('t1', 'live').replace('t2', 'test');
    expect(await importFrom(environments)).toMatchObject({ code: 2, stderr: expect.stringContaining('"env"') });
  });
});

describe('--map', () => {
  test.each([
    ['disabled', 'enabled', 'false'],
    ['disabled', 'is_active', 'false'],
    ['enabled', 'disabled', 'true'],
    ['active', 'revoked_at', '1'],
    ['inactive', 'active', 'f'],
    ['inactive', 'is_enabled', 'f'],
  ])('import exits 2 when --map %s=%s names the opposite', async (field, column, value) => {
    const { token, importFrom, key } = fixture();
    const result = await importFrom(csv(token, column, value), [...SCOPE, '--map', `${field}=${column}`]);
    expect(result).toMatchObject({ code: 2, stderr: expect.stringContaining('which is the opposite') });
    expect(await key()).toBeNull();
  });

  test.each([
    ['expiresAt', 'expires', '2020-01-01'],
    ['status', 'status', 'revoked'],
    ['active', 'active', 'f'],
    ['remaining', 'remaining', '0'],
  ])('import exits 2 with --map %s= when the column %s is %s', async (field, column, value) => {
    const { token, importFrom, key } = fixture();
    const result = await importFrom(csv(token, column, value), [...SCOPE, '--map', `${field}=`]);
    expect(result).toMatchObject({ code: 2, stderr: expect.stringContaining('--ignore COLUMN') });
    expect(await key()).toBeNull();
  });
});

describe('an expiry that is a number', () => {
  test.each([
    ['microseconds', '1600000000000000'],
    ['a compact time', '20200101000000'],
    ['a compact day', '20200101'],
    ['a sentinel in seconds', '253402300799'],
    ['days', '44000'],
  ])('an expiry is invalid when it is %s', async (_, value) => {
    const { token, summary, key } = fixture();
    for (const input of [csv(token, 'expires', value), jsonl({ token, name: 'CRM', expires: Number(value) })]) {
      expect(await summary(input)).toMatchObject({ code: 1, imported: 0, expired: 0, invalid: 1 });
    }
    expect(await key()).toBeNull();
  });
});

describe('a token that is in two rows', () => {
  test.each([
    ['first', ['2024-01-01', '']],
    ['last', ['', '2024-01-01']],
  ])('no key is imported with --skip-invalid when the row that was revoked is %s', async (_, times) => {
    const { token, expectNoKey } = fixture();
    const input = ['token,name,revoked_at', ...times.map((time) => `${token},CRM,${time}`), ''].join('\n');
    await expectNoKey(input, { code: 1 }, [...SCOPE, '--skip-invalid']);
  });

  test.each([
    [',', 'has too many fields', (token: string) => `${token},CRM,Inc.,2024-01-01`],
    ['\t', 'has too many fields', (token: string) => `${token}\tCRM\tInc.\t2024-01-01`],
    [',', 'has too few fields', (token: string) => `"${token}",2024-01-01`],
  ])(
    'no key is imported with --skip-invalid when fields end with %j and the row that was revoked %s',
    async (...args) => {
      const [separator, , broken] = args;
      const { token, expectNoKey } = fixture();
      const input = [
        ['token', 'name', 'revoked_at'].join(separator),
        [token, 'CRM', ''].join(separator),
        broken(token),
      ];
      const result = await expectNoKey(input.join('\n'), { code: 1, invalid: 2 }, [...SCOPE, '--skip-invalid']);
      expect(result.stderr).toContain('line 2: It is the same token as in line 3.');
    },
  );

  test.each([
    ['is no JSON', (token: string) => `{"token":"${token}","revoked":true,}`],
    ['has a member twice', (token: string) => `{"token":"${token}","revoked":true,"revoked":true}`],
  ])('no key is imported with --skip-invalid when the line that was revoked %s', async (_, broken) => {
    const { token, expectNoKey } = fixture();
    const input = `${jsonl({ token, name: 'CRM' })}${broken(token)}\n`;
    await expectNoKey(input, { code: 1, invalid: 2 }, [...SCOPE, '--skip-invalid']);
  });

  test.each([
    ['token,name,active', 'token,name,revoked', SCOPE],
    ['\ufefftoken,name,active', '\ufefftoken,name,revoked', SCOPE],
    ['token\tname\tactive', 'token\tname\trevoked', SCOPE],
    ['token,name,active', 'name,token,revoked', SCOPE],
    ['secret,name,active', 'secret,name,revoked', ['--map', 'token=secret', ...SCOPE]],
  ])('import exits 2 with --skip-invalid when %j is followed by %j', async (one, other, argv) => {
    const { token, importFrom, key } = fixture();
    const separator = one.includes('\t') ? '\t' : ',';
    const rows = [one, `${token}a,A,false`, other, `${token}b,B,true`].map((row) => row.replaceAll(',', separator));
    const result = await importFrom(rows.join('\n'), [...argv, '--skip-invalid']);
    expect(result).toMatchObject({ code: 2, stderr: expect.stringContaining('A row names columns') });
    expect(await key()).toBeNull();
  });

  test('no key is imported when the row that was revoked has other invalid fields', async () => {
    const { token, expectNoKey } = fixture();
    const revoked = { token, name: 'CRM', revoked: true, createdBy: { id: 1 }, disabled: 'perhaps' };
    const input = jsonl(revoked) + jsonl({ token, name: 'CRM', revoked: false });
    await expectNoKey(input, { code: 1 }, [...SCOPE, '--skip-invalid']);
  });

  test('no key is imported when one row has the token and the other its hash', async () => {
    const { token, expectNoKey } = fixture();
    const input = jsonl({ token, name: 'A' }) + jsonl({ sha256: sha256(token), name: 'B', revoked: true });
    await expectNoKey(input, {}, [...SCOPE, '--skip-invalid']);
  });

  test.each([
    ['base64', 'base64url'],
    ['base64', 'hex'],
    ['hex', 'base64url'],
  ] as const)('no key is imported when two rows have its hash in %s and %s', async (one, other) => {
    const { token, summary, key } = fixture();
    const input =
      jsonl({ sha256: sha256(token, one), name: 'A' }) +
      jsonl({ sha256: sha256(token, other), name: 'B', enabled: false });
    expect(await summary(input, [...SCOPE, '--skip-invalid'])).toMatchObject({ imported: 0, invalid: 2 });
    expect(await key()).toBeNull();
  });

  test.each(['hex', 'base64', 'base64url'] as const)(
    'import skips an imported key when its hash is in %s',
    async (form) => {
      const { token, summary } = fixture();
      const input = jsonl({ sha256: sha256(token, form), name: 'A' });
      await summary(input);
      for (const argv of [['--dry-run'], []]) {
        expect(await summary(input, [...SCOPE, ...argv])).toMatchObject({ code: 0, imported: 0, alreadyImported: 1 });
      }
    },
  );

  test('import notes names that say that the key has ended', async () => {
    const { token, importFrom } = fixture();
    const { code, stderr } = await importFrom(`token,name\n${token},CRM (revoked)\n`, [...SCOPE, '--dry-run']);
    expect({ code, isNoted: stderr.includes('1 name says') }).toEqual({ code: 0, isNoted: true });
    expect(stderr).toContain('line 2');
  });
});

describe('a key that was revoked after it was imported', () => {
  test.each([
    ['revoked_at', '2024-01-01'],
    ['expires', '1600000000'],
    ['enabled', 'false'],
  ])('import exits 1 and names the key when a later file says %s %s', async (column, value) => {
    const { token, summary, key, workspace } = fixture();
    await summary(csv(token, column, column === 'enabled' ? 'true' : ''));
    const { id } = await key();
    for (const argv of [['--dry-run'], []]) {
      const result = await summary(csv(token, column, value), [...SCOPE, ...argv]);
      expect(result).toMatchObject({ code: 1, stillActive: [{ line: 2, id }] });
      expect(result.stderr).toContain(`line 2: The key ${id} was imported earlier and is active.`);
    }
    await run(['keys', 'disable', id, '--workspace', workspace]);
    expect(await summary(csv(token, column, value))).toMatchObject({ code: 0, stillActive: [] });
  });
});

describe('a value that is no token', () => {
  test.each([
    ['the line under the headings', '-'.repeat(40)],
    ['a masked token', 'sk_live_************4242'],
    ['a shortened token', 'sk_live_abcdefgh...4242'],
    ['a bcrypt hash', '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'],
    ['an Argon2 hash', '$argon2id$v=19$m=65536$c2FsdHNhbHQ$hashhashhash'],
    ['a hash of Django', 'pbkdf2_sha256$600000$salt$aGFzaA=='],
  ])('a row is invalid when its token is %s', async (_, value) => {
    const { expectNoKey } = fixture();
    const input = `token,name\n${value.includes(',') ? `"${value}"` : value},CRM\n`;
    const result = await expectNoKey(input, { code: 1, invalid: 1 });
    expect(result.stderr).not.toContain(value);
  });

  test('import notes that tokens may be hashes when all of them look like SHA-256', async () => {
    const { token, importFrom } = fixture();
    const { code, stderr } = await importFrom(`token,name\n${sha256(token)},CRM\n`);
    expect({ code, isNoted: stderr.includes('--map sha256=') }).toEqual({ code: 0, isNoted: true });
  });
});

describe('exports of database tools', () => {
  const heading = ['token', 'name', 'agents', 'enabled', 'deleted', 'expires'];
  const tsv = (...rows: string[][]) => [heading, ...rows].map((row) => `${row.join('\t')}\n`).join('');

  test('mysql --batch is read: NULL, BIT columns, escapes and JSON without quotes around it', async () => {
    const { token, summary, key } = fixture();
    const input = tsv(
      [`${token}a`, 'A "quoted" name', '["a1", "a2"]', '\u0001', '\\0', 'NULL'],
      [`${token}b`, '"Bo" \\\\ Co', '["a1"]', '\u0001', '\u0001', 'NULL'],
      [`${token}c`, 'Cy', '["a1"]', '\\0', '\\0', '2031-05-01 00:00:00'],
    );
    const result = await summary(input, ['--permissions', 'conversations']);
    expect(result).toMatchObject({ code: 0, imported: 2, inactive: 1 });
    expect(await key('Cy')).toMatchObject({ disabled: true, agents: ['a1'] });
    expect(await key('quoted')).toMatchObject({ disabled: false, agents: ['a1', 'a2'] });
  });

  test('the text form of COPY is read: \\N, t and f, and arrays in braces', async () => {
    const { token, summary, key } = fixture();
    const input = tsv([`${token}b`, 'Bo', '{a1}', 't', 't', '\\N'], [`${token}a`, 'A', '{a1,"b 2"}', 't', 'f', '\\N']);
    const result = await summary(input, ['--permissions', 'conversations']);
    expect(result).toMatchObject({ code: 0, imported: 1, inactive: 1 });
    expect(await key()).toMatchObject({ name: 'A', agents: ['a1', 'b 2'], disabled: false });
  });

  test('a name in quotes in tab-separated values is read without them', async () => {
    const { token, summary, key } = fixture();
    expect(await summary(`token\tname\n${token}\t"C ""R"" M"\n`)).toMatchObject({ imported: 1 });
    expect(await key()).toMatchObject({ name: 'C "R" M' });
  });

  test('mongoexport is read in its relaxed and canonical forms', async () => {
    const { token, summary, key } = fixture();
    const _id = { $oid: '5f50c31e1c9d440000a1b2c3' };
    const end = Date.UTC(2031, 4, 1);
    const input = [
      { _id, token: `${token}a`, name: 'A', owner: _id, remaining: { $numberInt: '5' }, deleted: { $numberInt: '0' } },
      { _id, token: `${token}b`, name: 'B', remaining: { $numberLong: '0' }, deleted: false },
      { _id, token: `${token}c`, name: 'C', deletedAt: { $date: { $numberLong: '1700000000000' } } },
      { _id, token: `${token}d`, name: 'D', expires: { $date: { $numberLong: '1600000000000' } }, __v: 0 },
      { _id, token: `${token}e`, name: 'E', expires: { $date: { $numberLong: String(end) } }, enabled: false },
    ];
    const result = await summary(input.map(jsonl).join(''));
    expect(result).toMatchObject({ code: 0, imported: 2, inactive: 2, expired: 1 });
    expect(await key()).not.toBeNull();
  });
});
