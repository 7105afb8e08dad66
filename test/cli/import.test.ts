import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import { importedKeyId } from '../../src/keys/imported-keys';
import { aliasOf, fingerprintOf } from '../../src/token/imported-token';
import { createWorld, jsonLines, makeKey, type World } from './harness';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.end());

const HEADING = 'token,name,agents,permissions,expiresAt,disabled,createdBy';
const SCOPE = ['--agents', 'all', '--permissions', 'conversations'];
const hash = (token: string, encoding: 'hex' | 'base64' | 'base64url') =>
  createHash('sha256').update(token).digest(encoding);

let workspaces = 0;
/** A workspace of the test's own, and the tokens in it: the same text stands for one key, in whichever workspace. */
function own() {
  workspaces += 1;
  const workspace = `import-${workspaces}`;
  const tokenOf = (name: string) => `legacy_${workspaces}_${name}_0123456789abcdef`;
  const importFrom = (input: string, ...argv: string[]) =>
    world.run(['import', '-', '--workspace', workspace, ...argv], { input });
  const verify = async (token: string) => {
    const { stdout } = await world.run(['verify', '--json', '--workspace', workspace], { input: token });
    return JSON.parse(stdout);
  };
  const list = async () =>
    jsonLines(
      (await world.run(['keys', 'list', '--json', '--all', '--sort', 'name', '--workspace', workspace])).stdout,
    );
  return { workspace, tokenOf, importFrom, verify, list };
}

describe('import', () => {
  test('import reads optional columns, and options fill in those that a row does not state', async () => {
    const { tokenOf, importFrom, list } = own();
    const csv = [
      'token,name,allowed_ips,rate_limit,holder,mail,meta',
      `${tokenOf('a')},Alpha,"192.0.2.0/24;2001:db8::1","1000/1m;50000/1d",user:u-17,a@example.com,"{""team"":""billing"",""tier"":2}"`,
      `${tokenOf('b')},Beta,,none,,,`,
      '',
    ].join('\n');
    const maps = ['owner=holder', 'contact=mail', 'metadata=meta'].flatMap((map) => ['--map', map]);
    const defaults = ['--owner', 'service:crm', '--metadata', 'source=old', '--allowed-ips', '198.51.100.7'];
    expect(await importFrom(csv, ...SCOPE, ...maps, ...defaults)).toMatchObject({
      code: 0,
      stderr: expect.any(String),
    });
    expect(await list()).toMatchObject([
      {
        name: 'Alpha',
        allowedIps: ['192.0.2.0/24', '2001:db8::1'],
        rateLimit: [
          { limit: 1000, window: 60_000 },
          { limit: 50_000, window: 86_400_000 },
        ],
        owner: { kind: 'user', id: 'u-17' },
        contact: 'a@example.com',
        metadata: { team: 'billing', tier: '2' },
      },
      {
        name: 'Beta',
        allowedIps: ['198.51.100.7'],
        rateLimit: [],
        owner: { kind: 'service', id: 'crm' },
        contact: null,
        metadata: { source: 'old' },
      },
    ]);
  });

  test.each([
    ['allowed_ips', 'everywhere', [], 'allowedIps'],
    ['rate_limit', '1000', [], 'rateLimit: Expected limits such as 1000/1m'],
    ['holder', 'u-17', ['--map', 'owner=holder'], 'owner: Expected user:ID or service:ID.'],
    ['mail', 'no-address', ['--map', 'contact=mail'], 'contact'],
    ['meta', '"[1]"', ['--map', 'metadata=meta'], 'metadata: Expected a JSON object.'],
    ['meta', '"{""revoked"":true}"', ['--map', 'metadata=meta'], 'metadata: A member may limit'],
  ])('import rejects a row whose column %s is %s', async (column, value, options, message) => {
    const { tokenOf, importFrom, list } = own();
    const csv = `token,name,${column}\n${tokenOf('a')},Alpha,${value}\n`;
    const { code, stderr } = await importFrom(csv, ...SCOPE, ...options);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(`line 2: ${message}`) });
    expect(await list()).toEqual([]);
  });

  test('import reads keys from CSV, their tokens work, and none is printed', async () => {
    const { tokenOf, importFrom, verify, list } = own();
    const csv = [
      `\ufeff${HEADING}`,
      `${tokenOf('a')},Alpha,all,"conversations,handoff",2090-01-02,,`,
      `${tokenOf('b')},"Bo, the second",a1;a2,handoff,,,second@example.com`,
      `${tokenOf('c')},Cy,"[""a,1""]",conversations,3786912000,true,`,
      '',
    ].join('\r\n');
    const { code, stdout, stderr } = await importFrom(csv);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(
        /^rows +3\nimported +3\nalready imported +0\nleft out: expired +0\n.*\ninvalid +0\n$/,
      ),
    });
    expect(stdout + stderr).not.toContain('legacy_');
    expect(await verify(tokenOf('a'))).toMatchObject({
      ok: true,
      key: {
        name: 'Alpha',
        agents: 'all',
        permissions: ['conversations', 'handoff'],
        expiresAt: '2090-01-02T00:00:00.000Z',
      },
    });
    expect(await verify(tokenOf('b'))).toMatchObject({ key: { name: 'Bo, the second', agents: ['a1', 'a2'] } });
    expect(await verify(tokenOf('c'))).toMatchObject({ ok: false, code: 'disabled_key' });
    expect(await list()).toMatchObject([
      { name: 'Alpha', createdBy: 'cli:ops', masked: 'lega************cdef' },
      { name: 'Bo, the second', createdBy: 'second@example.com' },
      { name: 'Cy', agents: ['a,1'], disabled: true, expiresAt: '2090-01-01T00:00:00.000Z' },
    ]);
  });

  test.each(['hex', 'base64', 'base64url'] as const)('import reads SHA-256 of tokens in %s', async (encoding) => {
    const { tokenOf, importFrom, verify, list } = own();
    const line = { hash: hash(tokenOf('a'), encoding), name: 'Alpha' };
    expect(await importFrom(JSON.stringify(line), ...SCOPE)).toMatchObject({ code: 0 });
    expect(await verify(tokenOf('a'))).toMatchObject({ ok: true, key: { name: 'Alpha' } });
    expect(await list()).toMatchObject([{ masked: '************' }]);
  });

  test('import reads a file of JSON lines with typed values', async () => {
    const { workspace, tokenOf, list } = own();
    const rows = [
      {
        token: tokenOf('a'),
        name: 'Alpha',
        agents: ['a1'],
        permissions: ['handoff'],
        expiresAt: null,
        disabled: false,
      },
      { token: tokenOf('b'), name: 'Bo', agents: 'all', permissions: ['handoff'], expiresAt: 3786912000000 },
    ];
    world.write('keys.jsonl', `${rows.map((row) => JSON.stringify(row)).join('\n\n')}\n`);
    const { stdout } = await world.run(['import', 'keys.jsonl', '--json', '--workspace', workspace]);
    expect(JSON.parse(stdout)).toEqual({
      ...{
        dryRun: false,
        rows: 2,
        imported: 2,
        alreadyImported: 0,
        expired: 0,
        inactive: 0,
        invalid: 0,
        left: 0,
        stillActive: [],
        problems: [],
      },
    });
    expect(await list()).toMatchObject([{ agents: ['a1'] }, { agents: 'all', expiresAt: '2090-01-01T00:00:00.000Z' }]);
    expect(await world.run(['import', 'nowhere.csv'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('The file cannot be read (ENOENT).'),
    });
  });

  test('import reads exports of Unkey and better-auth', async () => {
    const { workspace, tokenOf, importFrom, verify, list } = own();
    const unkey = [
      'id,hash,start,name,expires,enabled,created_at_m',
      `key_1,${hash(tokenOf('a'), 'base64')},leg,From Unkey,3786912000000,1,1700000000000`,
      `key_2,${hash(tokenOf('b'), 'base64')},leg,,,0,1700000000000`,
    ].join('\n');
    const first = await importFrom(unkey, '--from', 'unkey', '--name', 'Nameless', ...SCOPE);
    expect(first).toMatchObject({ code: 0 });
    const betterAuth = {
      ...{ id: 'x', start: 'leg', prefix: null, key: hash(tokenOf('c'), 'base64url'), name: 'From better-auth' },
      ...{ enabled: true, expiresAt: '2090-01-01 00:00:00+00', permissions: '{"calls":["read","write"]}' },
    };
    const second = await world.run(
      ['import', '-', '--from', 'better-auth', '--agents', 'all', '--workspace', workspace],
      { input: JSON.stringify(betterAuth), env: { KEYSCOPE_PERMISSIONS: 'calls:read,calls:write' } },
    );
    expect(second).toMatchObject({ code: 0 });
    expect(await verify(tokenOf('a'))).toMatchObject({ ok: true });
    expect(await verify(tokenOf('b'))).toMatchObject({ code: 'disabled_key' });
    expect(await verify(tokenOf('c'))).toMatchObject({ ok: true, key: { permissions: ['calls:read', 'calls:write'] } });
    expect((await list()).map(({ name, expiresAt }) => [name, expiresAt])).toEqual([
      ['From better-auth', '2090-01-01T00:00:00.000Z'],
      ['From Unkey', '2090-01-01T00:00:00.000Z'],
      ['Nameless', expect.any(String)],
    ]);
  });

  test('import reads a table with other column names by --map', async () => {
    const { tokenOf, importFrom, verify } = own();
    const csv = `secret\ttitle\tpermissions\n${tokenOf('a')}\tAlpha\t17\n`;
    const map = ['--map', 'token=secret', '--map', 'name=title', '--map', 'permissions='];
    expect(await importFrom(csv, ...map, ...SCOPE)).toMatchObject({ code: 0 });
    expect(await verify(tokenOf('a'))).toMatchObject({ ok: true, key: { name: 'Alpha' } });
  });

  test('import names the options that leave out unknown columns, and reads the columns that --map names', async () => {
    const { tokenOf, importFrom, list } = own();
    const csv = `token,name,Ends,notes\n${tokenOf('a')},Alpha,2090-01-01,x\n`;
    const without = await importFrom(csv, ...SCOPE);
    expect(without).toMatchObject({ code: 2, stderr: expect.stringContaining('--ignore "Ends" --ignore "notes".') });
    const ignoring = ['--ignore', 'notes', ...SCOPE];
    const mistyped = await importFrom(csv, '--map', 'expiresAt=ends', '--ignore', 'Ends', ...ignoring);
    expect(mistyped).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no row has the column given for expiresAt.'),
    });
    expect(await list()).toEqual([]);
    expect(await importFrom(csv, '--map', 'expiresAt=Ends', ...ignoring)).toMatchObject({ code: 0 });
    expect(await list()).toMatchObject([{ expiresAt: '2090-01-01T00:00:00.000Z' }]);
  });

  test('import writes nothing when one row is invalid, and prints each by its line', async () => {
    const { tokenOf, importFrom, list } = own();
    const csv = [
      HEADING,
      `${tokenOf('a')},Alpha,all,conversations,,,`,
      `${tokenOf('b')},Bo,all,conversatoins,,,`,
      `${tokenOf('c')},,all,conversations,2090-01-01 12:00:00,,`,
      `${tokenOf('d')},Di,all`,
      'short,Ed,all,conversations,,,',
      `${tokenOf('a')},Alpha again,all,conversations,,,`,
      `${tokenOf('f')},Fay ${tokenOf('f')},all,conversations,,,`,
      `${tokenOf('g')},Gil,all,conversations,,perhaps,`,
    ].join('\n');
    const { code, stdout, stderr } = await importFrom(csv, '--json');
    expect(code).toBe(1);
    const { problems, ...result } = JSON.parse(stdout);
    expect(result).toEqual({
      dryRun: false,
      rows: 8,
      imported: 0,
      alreadyImported: 0,
      expired: 0,
      inactive: 0,
      invalid: 8,
      left: 0,
      stillActive: [],
    });
    const expected = [
      [2, 'same token as in line 7'],
      [3, 'Did you mean "conversations"?'],
      [4, 'name: '],
      [5, '3 fields'],
      [6, '8–512 visible'],
      [7, 'same token as in line 2'],
      [8, 'name: This contains the token'],
      [9, 'disabled: Expected true or false.'],
    ] as const;
    expect(problems).toEqual(expected.map(([line, words]) => ({ line, message: expect.stringContaining(words) })));
    for (const { line, message } of problems) expect(stderr).toContain(`line ${line}: ${message}\n`);
    expect(stderr).toContain('Nothing was imported: 8 of 8 rows');
    expect(stdout + stderr).not.toContain('0123456789abcdef');
    expect(await list()).toEqual([]);

    const going = await importFrom(`${csv}\n${tokenOf('h')},Hal,all,conversations,,,`, '--skip-invalid');
    expect(going).toMatchObject({ code: 1, stdout: expect.stringMatching(/imported +1\n/) });
    expect(await list()).toMatchObject([{ name: 'Hal' }]);
  });

  const uuid = '7c9e6679-7425-40de-944b-e07fc1f90ae7';
  const sk = 'sk.live.9f8e7d6c.5b4a3928';
  const rowOf = (fields: object) => `${JSON.stringify({ token: 'legacy_other_0123456789abcdef', ...fields })}\n`;

  test.each<[string, string, string[], number]>([
    ['a time', rowOf({ expiresAt: uuid }), [], 1],
    ['permissions', rowOf({ permissions: [uuid] }), [], 1],
    ['agents given twice', rowOf({ agents: [uuid, uuid] }), [], 1],
    ['who made it, over two lines', `token,createdBy\nlegacy_other_0123456789,"a\n${uuid}"\n`, [], 1],
    ['a name, where the token is in another column', rowOf({ token: uuid, name: uuid }), [], 1],
    ['a name, where only the hash is known', rowOf({ token: null, sha256: hash(uuid, 'hex'), name: uuid }), [], 1],
    ['agents, where only the hash is known', rowOf({ token: null, sha256: hash(sk, 'hex'), agents: [sk] }), [], 1],
    ['the name of a column', `token,${uuid}\nlegacy_other_0123456789,x\n`, ['--dry-run'], 2],
    ['the name of a member', rowOf({ [uuid]: 'x' }), ['--dry-run'], 2],
    ['the column of a field', rowOf({}), ['--map', `token=${uuid}`], 2],
    ['the field of a column', rowOf({}), ['--map', `${uuid}=token`], 2],
    ['a format', rowOf({}), ['--format', uuid], 2],
    ['a source', rowOf({}), ['--from', uuid], 2],
  ])('import prints no token from the wrong field: %s', async (_, input, argv, expected) => {
    const { importFrom, list } = own();
    for (const format of [[], ['--json']]) {
      const { code, stdout, stderr } = await importFrom(input, ...SCOPE, '--name', 'CRM', ...argv, ...format);
      expect(code).toBe(expected);
      for (const secret of [uuid, sk, hash(uuid, 'hex'), hash(sk, 'hex')])
        expect(stdout + stderr).not.toContain(secret);
    }
    expect(await list()).toEqual([]);
  });

  test('import can be run again, and --dry-run predicts the result', async () => {
    const { tokenOf, importFrom, list } = own();
    const rows = (...names: string[]) => ['token,name', ...names.map((name) => `${tokenOf(name)},${name}`)].join('\n');
    const json = async (input: string, ...argv: string[]) =>
      JSON.parse((await importFrom(input, '--json', ...SCOPE, ...argv)).stdout);
    expect(await json(rows('a', 'b'), '--dry-run')).toMatchObject({ dryRun: true, imported: 2, alreadyImported: 0 });
    expect(await list()).toEqual([]);
    expect(await json(rows('a', 'b'))).toMatchObject({ imported: 2, alreadyImported: 0 });
    expect(await json(rows('a', 'b', 'c'), '--dry-run')).toMatchObject({ imported: 1, alreadyImported: 2 });
    expect(await json(rows('a', 'b', 'c'))).toMatchObject({ imported: 1, alreadyImported: 2 });
    expect(await list()).toHaveLength(3);
  });

  test.each([[[]], [['--json']], [['--quiet']], [['--json', '--quiet']]])(
    'import prints its progress when Redis fails in the middle, with %j',
    async (argv) => {
      const elsewhere = own();
      const { tokenOf, importFrom, list } = own();
      const redis = new Redis(world.redis.url);
      try {
        await elsewhere.importFrom(`token,name\n${tokenOf('taken')},Taken`, ...SCOPE);
        // An entry that is nothing Redis can answer for.
        const entry = `${world.redis.namespace}:imported:${aliasOf(fingerprintOf(tokenOf('bad')))}`;
        await redis.hset(entry, 'a', '1');
        const names = ['taken', ...Array.from({ length: 150 }, (_, index) => `n${index}`), 'bad'];
        const rest = Array.from({ length: 100 }, (_, index) => `r${index}`);
        const rows = [...names, ...rest].map((name) => `${tokenOf(name)},${name}`);
        const { code, stdout, stderr } = await importFrom(['token,name', ...rows].join('\n'), ...SCOPE, ...argv);
        expect(code).toBe(3);
        const imported = (await list()).length;
        const left = rows.length - imported - 1;
        expect(imported).toBeGreaterThan(0);
        expect(stderr).toContain('line 2: This token was imported in another workspace.');
        expect(stderr).toContain(
          `${imported} were imported, ${left} are left. Run it again: imported keys are skipped.\n`,
        );
        expect(stderr).toMatch(/^keyscope: .*\n$/m);
        if (!argv.includes('--json')) return expect(stdout).toBe('');
        expect(JSON.parse(stdout)).toEqual({
          ...{
            dryRun: false,
            rows: rows.length,
            imported,
            alreadyImported: 0,
            expired: 0,
            inactive: 0,
            invalid: 1,
            left,
            stillActive: [],
          },
          problems: [{ line: 2, message: expect.stringContaining('another workspace') }],
        });
        await redis.del(entry);
        const again = await importFrom(['token,name', ...rows].join('\n'), ...SCOPE, '--json');
        expect(JSON.parse(again.stdout)).toMatchObject({ imported: left, alreadyImported: imported, left: 0 });
      } finally {
        redis.disconnect();
      }
    },
  );

  test('import --dry-run prints that nothing was written when Redis fails', async () => {
    const { workspace, tokenOf, importFrom, list } = own();
    const redis = new Redis(world.redis.url);
    try {
      const id = importedKeyId({ workspaceId: workspace, token: tokenOf('a') });
      await redis.set(`${world.redis.namespace}:key:{${id.slice(0, 4)}}${id}`, 'no record');
      const { code, stdout, stderr } = await importFrom(
        `token,name\n${tokenOf('a')},Alpha\n`,
        ...SCOPE,
        '--dry-run',
        '--json',
      );
      expect(code).toBe(3);
      expect(JSON.parse(stdout)).toMatchObject({ dryRun: true, imported: 0, left: 1 });
      expect(stderr).toContain('Nothing was written. 1 rows were not checked.\n');
    } finally {
      redis.disconnect();
    }
    expect(await list()).toEqual([]);
  });

  test('import leaves out expired keys, and rejects tokens of another workspace', async () => {
    const here = own();
    const there = own();
    const csv = `token,name,expires\n${here.tokenOf('a')},Alpha,1600000000\n${here.tokenOf('b')},Bo,\n`;
    expect(JSON.parse((await here.importFrom(csv, '--json', ...SCOPE)).stdout)).toMatchObject({
      imported: 1,
      expired: 1,
    });
    const { code, stdout } = await there.importFrom(csv, '--json', ...SCOPE);
    expect({ code, result: JSON.parse(stdout) }).toMatchObject({
      code: 1,
      result: {
        imported: 0,
        alreadyImported: 0,
        problems: [{ line: 3, message: expect.stringContaining('another workspace') }],
      },
    });
  });

  test('import rejects a token of our own form: it is looked up by the id in it', async () => {
    const { importFrom } = own();
    const { token } = await makeKey(world);
    const { code, stderr } = await importFrom(`token,name\n${token},Alpha`, ...SCOPE);
    expect(code).toBe(1);
    expect(stderr).toContain('line 2: token: This token has the form of tokens of this app');
    expect(stderr).not.toContain(token);
  });

  test.each([
    ['CSV without its heading', () => 'legacy_plain_0123456789abcdef,Alpha\nx,y\n', [], 2, 'No column holds tokens'],
    [
      'quotes that are not closed',
      () => 'token,name\n"legacy_plain_0123456789abcdef,Alpha\n',
      [],
      2,
      'a quote is opened and never closed',
    ],
    ['a JSON array', () => '[{"token":"legacy_plain_0123456789abcdef"}]', [], 2, 'jq -c .[]'],
    [
      'broken JSON',
      () => '{"token":"legacy_plain_0123456789abcdef"\n',
      [],
      2,
      'No row can be read. Line 1: Expected a JSON object, all of it in this line. `jq -c .` writes that.',
    ],
    [
      'JSON in several lines',
      () => '\n{\n  "token": "legacy_plain_0123456789abcdef"\n}\n',
      [],
      2,
      'read. Line 2: Expected a',
    ],
    [
      'CSV as JSON lines',
      () => `${HEADING}\nlegacy_0123456789abcdef\n`,
      ['--format', 'jsonl'],
      2,
      'Line 1: Expected a',
    ],
    [
      'rows with more fields than the heading',
      () => 'token,name\nlegacy_plain_0123456789abcdef,A,x\nlegacy_other_0123456789abcdef,B,x\n',
      [],
      2,
      'No row can be read. Line 2: It has 3 fields; the first line, which names the columns, has 2.',
    ],
    [
      'rows that cannot be read beside rows without a token',
      () => '{"name":"A"}\n{"token":"legacy_plain_0123456789abcdef"\n',
      [],
      2,
      'No column holds tokens',
    ],
    ['a field there is not', () => '', ['--map', 'nmae=x'], 2, 'Did you mean "name"?'],
    ['a source there is not', () => '', ['--from', 'unkee'], 2, 'Did you mean "unkey"?'],
    ['a format there is not', () => '', ['--format', 'xml'], 2, 'Accepted: csv, jsonl.'],
    ['an empty file', () => '', [], 2, 'no rows'],
  ])('import explains %s, and quotes nothing', async (_, input, argv, expected, words) => {
    const { code, stdout, stderr } = await own().importFrom(input(), ...SCOPE, ...argv);
    expect(code).toBe(expected);
    expect(stderr).toContain(words);
    expect(stdout + stderr).not.toContain('0123456789abcdef');
  });

  test('import exits 2 when no permission is declared', async () => {
    const input = `token,name\nlegacy_undeclared_0123456789,Alpha`;
    const env = { KEYSCOPE_PERMISSIONS: undefined };
    const without = await world.run(['import', '-', '--agents', 'all'], { input, env });
    expect(without).toMatchObject({ code: 2, stderr: expect.stringContaining('KEYSCOPE_PERMISSIONS') });
  });

  test('import prints its progress with a long file, unless --quiet', async () => {
    const { tokenOf, importFrom } = own();
    // Most of them are no rows, which is quicker to find out.
    const input = `token,name\n${tokenOf('a')},Alpha\n${'x\n'.repeat(10_000)}`;
    const { code, stderr } = await importFrom(input, '--dry-run', ...SCOPE);
    expect(code).toBe(1);
    expect(stderr).toContain('Checked 10,000 rows.\n');
    expect(stderr).toContain('line 10002: It has 1 field; the first line, which names the columns, has 2.\n');
    const quiet = await importFrom(`token,name\n${tokenOf('a')},Alpha`, '--quiet', ...SCOPE);
    expect(quiet).toMatchObject({ code: 0, stderr: '' });
  });

  test('import stores no token in Redis', async () => {
    const { workspace, tokenOf, importFrom } = own();
    await importFrom(`token,name\n${tokenOf('a')},Alpha`, ...SCOPE);
    const redis = new Redis(world.redis.url);
    try {
      const names = await redis.keys(`${world.redis.namespace}:*`);
      const read = {
        string: (name: string) => redis.get(name),
        hash: (name: string) => redis.hgetall(name),
        zset: (name: string) => redis.zrange(name, '0', '-1'),
        stream: (name: string) => redis.xrange(name, '-', '+'),
      };
      const values = await Promise.all(
        names.map(async (name) => read[(await redis.type(name)) as keyof typeof read](name)),
      );
      const stored = JSON.stringify([names, values]);
      expect(stored).toContain(workspace);
      for (const secret of [tokenOf('a'), hash(tokenOf('a'), 'hex'), hash(tokenOf('a'), 'base64')]) {
        expect(stored).not.toContain(secret);
      }
    } finally {
      redis.disconnect();
    }
  });
});
