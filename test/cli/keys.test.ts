import { Redis } from 'ioredis';
import stringWidth from 'string-width';
import { createWorld, jsonLines, MINIMUM, makeKey, TOKEN, type World } from './harness';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.end());

const inWorkspace = (workspace: string, ...argv: string[]) => world.run([...argv, '--workspace', workspace]);

describe('keys create', () => {
  test('keys create prints the token alone on standard output and the warning on standard error', async () => {
    const { code, stdout, stderr } = await world.run(['keys', 'create', ...MINIMUM]);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^${TOKEN.source}\n$`));
    expect(stderr).toContain('the only time');
    expect(stderr).toContain('CRM');
    expect(stderr).not.toMatch(TOKEN);
  });

  test('keys create prints only the token when --quiet is given', async () => {
    const { stdout, stderr } = await world.run(['keys', 'create', ...MINIMUM, '--quiet']);
    expect(stdout).toMatch(TOKEN);
    expect(stderr).toBe('');
  });

  test('keys create makes no key that never expires unless the app allows it', async () => {
    const { code, stderr } = await world.run(['keys', 'create', ...MINIMUM, '--expires-in', 'never']);
    expect(code).toBe(2);
    expect(stderr).toContain('keysWithoutExpiry');
  });

  test('keys create sets agents, permissions and expiry', async () => {
    const argv = [
      '--name',
      'x',
      '--agents',
      'a1,a2',
      '--agent',
      'with,comma',
      '--permissions',
      'handoff,conversations',
    ];
    const key = await makeKey(world, [...argv, '--expires-at', '2090-01-02']);
    expect(key).toMatchObject({
      agents: ['a1', 'a2', 'with,comma'],
      permissions: ['handoff', 'conversations'],
      expiresAt: '2090-01-02T00:00:00.000Z',
      createdBy: 'cli:ops',
    });
  });

  test.each([
    ['a name', ['--permissions', 'handoff'], '--name "CRM export"'],
    ['permissions', ['--name', 'x'], '--permissions A,B'],
    ['a name and permissions', [], '--name "CRM export" and --permissions A,B'],
  ])('keys create exits 2 with all missing options when it lacks %s', async (_, argv, options) => {
    const { code, stdout, stderr } = await world.run(['keys', 'create', ...argv]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toBe(`keyscope: \`keyscope keys create\` needs ${options}. See --help.\n`);
  });

  test('keys create includes all agents by default', async () => {
    const key = await makeKey(world, ['--name', 'x', '--permissions', 'handoff']);
    expect(key).toMatchObject({ agents: 'all' });
  });

  test.each([
    ['--permissions', ['--name', 'x', '--permissions', 'conversatoins']],
    ['--expires-at', [...MINIMUM, '--expires-at', '2001-01-01']],
    ['--expires-in', [...MINIMUM, '--expires-in', '1y']],
    ['--name', ['--permissions', 'handoff', '--name', 'n'.repeat(101)]],
  ])('keys create names the flag in the error when %s is invalid', async (flag, argv) => {
    const { code, stderr } = await world.run(['keys', 'create', ...argv]);
    expect(code).toBe(2);
    expect(stderr).toMatch(new RegExp(`^keyscope: ${flag}: `));
    expect(stderr).not.toMatch(/keys\.create|expiresAt|expiresIn/);
  });

  test('keys create suggests a declared permission when one is misspelt', async () => {
    const argv = ['--name', 'x', '--agents', 'all', '--permissions', 'conversatoins'];
    const { code, stderr } = await world.run(['keys', 'create', ...argv]);
    expect(code).toBe(2);
    expect(stderr).toContain('Did you mean "conversations"?');
  });

  test('keys create accepts any permission with a note when none are declared', async () => {
    const argv = ['keys', 'create', '--name', 'x', '--agents', 'all', '--permissions', 'anything'];
    const env = { KEYSCOPE_PERMISSIONS: undefined };
    const { code, stderr } = await world.run(argv, { env });
    expect(code).toBe(0);
    expect(stderr).toContain('are not checked');
    expect((await world.run([...argv.slice(0, -1), 'no spaces'], { env })).code).toBe(2);
  });
});

describe('keys list', () => {
  test('keys list prints a table without tokens', async () => {
    const { token, masked, id } = await makeKey(world, [...MINIMUM, '--workspace', 'columns']);
    const { stdout } = await inWorkspace('columns', 'keys', 'list');
    const [heading, row] = stdout.split('\n') as [string, string];
    expect(heading).toMatch(/^ID +NAME +STATUS +PERMISSIONS +AGENTS +CREATED +EXPIRES +KEY$/);
    expect(row).toContain(id);
    expect(row.indexOf('active')).toBe(heading.indexOf('STATUS'));
    expect(row.endsWith(masked)).toBe(true);
    expect(stdout).not.toContain(token);
  });

  test('keys list prints sorted lines of JSON when --json is given', async () => {
    for (const name of ['b', 'a', 'c']) {
      await makeKey(world, ['--name', name, ...MINIMUM.slice(2), '--workspace', 'sorted']);
    }
    const { stdout } = await inWorkspace('sorted', 'keys', 'list', '--sort', 'name', '--json');
    expect(jsonLines(stdout).map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    const found = await inWorkspace('sorted', 'keys', 'list', '--search', 'B', '--json');
    expect(jsonLines(found.stdout)).toHaveLength(1);
  });

  test('keys list filters by owner, metadata, status and expiry', async () => {
    const make = (...more: string[]) => makeKey(world, [...MINIMUM, ...more, '--workspace', 'filters']);
    const ana = await make('--owner', 'user:ana', '--metadata', 'team=billing', '--metadata', 'tier=1');
    const short = await make('--expires-in', '10d');
    const list = async (...filter: string[]) =>
      jsonLines((await inWorkspace('filters', 'keys', 'list', ...filter, '--json')).stdout).map(({ id }) => id);
    expect(await list('--owner', 'user:ana')).toEqual([ana.id]);
    expect(await list('--metadata', 'team=billing', '--metadata', 'tier=1')).toEqual([ana.id]);
    expect(await list('--owner', 'none', '--status', 'active')).toEqual([short.id]);
    expect(await list('--expiring-within', '30d')).toEqual([short.id]);
    expect(await list('--status', 'expired')).toEqual([]);
    const wrong = await inWorkspace('filters', 'keys', 'list', '--unused-for', 'soon');
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain("--unused-for: Expected a string such as '90d'");
  });

  test('keys revoke-all and disable-all count with --dry-run, and ask before they change keys', async () => {
    const run = (...argv: string[]) => inWorkspace('offboarding', 'keys', ...argv);
    await makeKey(world, [...MINIMUM, '--owner', 'user:ana', '--workspace', 'offboarding']);
    await makeKey(world, [...MINIMUM, '--workspace', 'offboarding']);
    const names = async (...filter: string[]) => jsonLines((await run('list', ...filter, '--json')).stdout).length;
    const dry = await run('revoke-all', '--owner', 'user:ana', '--dry-run');
    expect(dry.stderr).toContain('1 key would be deleted.');
    expect(await names()).toBe(2);
    expect((await run('revoke-all', '--owner', 'user:ana')).stderr).toContain('--yes');
    expect(await names()).toBe(2);
    const deleted = await run('revoke-all', '--owner', 'user:ana', '--yes', '--json');
    expect(JSON.parse(deleted.stdout)).toMatchObject({ dryRun: false, count: 1, sample: [{ owner: { id: 'ana' } }] });
    expect(await names()).toBe(1);
    expect((await run('disable-all', '--yes')).code).toBe(2);
    expect((await run('disable-all', '--all', '--yes')).stderr).toContain('1 key disabled.');
    expect(await names('--status', 'disabled')).toBe(1);
  });

  test('keys list continues at a cursor, or to the end with --all', async () => {
    for (let i = 0; i < 5; i++) await makeKey(world, [...MINIMUM, '--workspace', 'pages']);
    const first = await inWorkspace('pages', 'keys', 'list', '--limit', '2', '--json');
    const cursor = /--cursor (\S+)/.exec(first.stderr)?.[1] as string;
    const second = await inWorkspace('pages', 'keys', 'list', '--limit', '9', '--cursor', cursor, '--json');
    const all = await inWorkspace('pages', 'keys', 'list', '--all', '--json');
    expect(jsonLines(first.stdout)).toHaveLength(2);
    expect(second.stderr).toBe('');
    expect(jsonLines(first.stdout + second.stdout)).toEqual(jsonLines(all.stdout));
    expect(jsonLines(all.stdout)).toHaveLength(5);
  });

  test.each([67, 80, 100, 140, 250])('keys list fits a terminal of %i columns', async (columns) => {
    const workspace = `fits-${columns}`;
    const name = 'Ein sehr langer Name für 日本の鍵 '.repeat(3).slice(0, 90);
    const { id } = await makeKey(world, ['--name', name, ...MINIMUM.slice(2), '--workspace', workspace]);
    const { stdout } = await world.run(['keys', 'list', '--workspace', workspace], { columns, env: { NO_COLOR: '1' } });
    const [heading, row] = stdout.split('\n') as [string, string];
    expect(row).toContain(id);
    expect(row).toMatch(/ in 365 days|…/);
    expect(stringWidth(row)).toBeLessThanOrEqual(columns);
    expect(heading.includes('KEY')).toBe(columns === 250);
  });

  test('keys list uses color only on a terminal without NO_COLOR', async () => {
    await makeKey(world, [...MINIMUM, '--workspace', 'colored']);
    const list = async (given: object) =>
      (await world.run(['keys', 'list', '--workspace', 'colored'], given)).stdout.includes('\u001b[');
    expect(await list({ columns: 80 })).toBe(true);
    expect(await list({ columns: 80, env: { NO_COLOR: '1' } })).toBe(false);
    expect(await list({})).toBe(false);
  });

  test('keys list prints ISO times with their zone when output is no terminal', async () => {
    await makeKey(world, [...MINIMUM, '--expires-at', '2090-01-02', '--workspace', 'times']);
    const { stdout } = await inWorkspace('times', 'keys', 'list');
    expect(stdout).toMatch(/ \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ +2090-01-02T00:00:00Z /);
  });

  test('keys list prints a note and no output when there are no keys', async () => {
    const { code, stdout, stderr } = await inWorkspace('empty', 'keys', 'list');
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: 'There are no keys.\n' });
  });

  test('keys list escapes control characters, and its JSON decodes to the stored name', async () => {
    const name = 'left\u202eright 😀';
    await makeKey(world, ['--name', name, ...MINIMUM.slice(2), '--workspace', 'hostile']);
    const people = await inWorkspace('hostile', 'keys', 'list');
    expect(people.stdout).toContain('left\\u202eright 😀');
    const programs = await inWorkspace('hostile', 'keys', 'list', '--json');
    for (const { stdout } of [people, programs]) expect(stdout).not.toContain('\u202e');
    expect(jsonLines(programs.stdout)[0]).toMatchObject({ name });
  });
});

describe('one key', () => {
  test('keys show prints all columns and no token', async () => {
    const { id, token, masked } = await makeKey(world);
    const { stdout } = await world.run(['keys', 'show', id]);
    expect(stdout).toContain(masked);
    expect(stdout).toMatch(/created +.* by cli:ops/);
    expect(stdout).not.toContain(token);
  });

  test('keys show exits 1 when the workspace or the id is wrong', async () => {
    const { id, token } = await makeKey(world);
    expect(await inWorkspace('other', 'keys', 'show', id)).toMatchObject({ code: 1, stdout: '' });
    const wrong = await world.run(['keys', 'show', token]);
    expect(wrong).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(/^keyscope: There is no such key\./) });
  });

  test('a key is edited, disabled and enabled', async () => {
    const { id } = await makeKey(world);
    const edited = await world.run(['keys', 'edit', id, '--name', 'New', '--permissions', 'handoff', '--json']);
    expect(JSON.parse(edited.stdout)).toMatchObject({ name: 'New', permissions: ['handoff'], revision: 2 });
    expect((await world.run(['keys', 'disable', id])).stdout).toMatch(/status +disabled/);
    expect((await world.run(['keys', 'enable', id])).stdout).toMatch(/status +active/);
    expect(await world.run(['keys', 'edit', id])).toMatchObject({ code: 2, stdout: '' });
  });

  test('the rate limits of a key are created, edited and shown', async () => {
    const { id } = await makeKey(world, [...MINIMUM, '--rate-limit', '50/1s,1000/1d']);
    expect((await world.run(['keys', 'show', id])).stdout).toMatch(
      /rate limits +50 requests per 1s, 1000 requests per 1d/,
    );
    const edit = (text: string) => world.run(['keys', 'edit', id, '--rate-limit', text, '--json']);
    expect(JSON.parse((await edit('7/1m')).stdout).rateLimit).toEqual([{ limit: 7, window: 60_000 }]);
    expect(JSON.parse((await edit('none')).stdout).rateLimit).toEqual([]);
    expect(JSON.parse((await edit('default')).stdout).rateLimit).toBeNull();
    expect(await edit('7')).toMatchObject({ code: 2, stderr: expect.stringContaining('such as 1000/1m') });
    expect(await edit('7/1x')).toMatchObject({ code: 2, stderr: expect.stringContaining("from '1s' to '366d'") });
  });

  test('the optional columns of a key are created, edited and shown', async () => {
    const columns = ['--allowed-ips', '192.0.2.0/24,2001:db8::1', '--owner', 'service:crm:eu'];
    const more = ['--contact', 'ops@example.com', '--metadata', 'team=billing', '--metadata', 'note=a=b'];
    const { id } = await makeKey(world, [...MINIMUM, ...columns, ...more]);
    const shown = (await world.run(['keys', 'show', id])).stdout;
    for (const line of [
      /addresses +192\.0\.2\.0\/24, 2001:db8::1/,
      /owner +service crm:eu/,
      /contact +ops@example\.com/,
      /team +billing/,
      /note +a=b/,
    ]) {
      expect(shown).toMatch(line);
    }
    const edit = (...options: string[]) => world.run(['keys', 'edit', id, ...options, '--json']);
    const none = ['--allowed-ips', 'any', '--owner', 'none', '--contact', 'none', '--metadata', 'none'];
    expect(JSON.parse((await edit(...none)).stdout)).toMatchObject({
      allowedIps: [],
      owner: null,
      contact: null,
      metadata: {},
    });
    expect(await edit('--owner', 'crm')).toMatchObject({ code: 2, stderr: expect.stringContaining('user:ID') });
    expect(await edit('--metadata', 'team')).toMatchObject({ code: 2, stderr: expect.stringContaining('NAME=VALUE') });
    expect((await edit('--allowed-ips', '192.0.2.7/24')).stderr).toContain('begins with its first address');
  });

  test('verify accepts a key of an environment only with --environment', async () => {
    const { code, stdout } = await world.run(['keys', 'create', ...MINIMUM, '--environment', 'test', '--json']);
    expect(code).toBe(0);
    const { key, token } = JSON.parse(stdout);
    expect(key.environment).toBe('test');
    expect(token).toMatch(/_test_[0-9A-Za-z]{16}_[0-9A-Za-z]{38}$/);
    expect((await world.run(['keys', 'show', key.id])).stdout).toMatch(/environment +test/);
    const verify = (...options: string[]) => world.run(['verify', ...options], { input: token });
    expect((await verify('--environment', 'test')).code).toBe(0);
    expect((await verify()).code).toBe(1);
    expect((await verify('--environment', 'live')).code).toBe(1);
  });

  test.each(['agents', 'expires-at'])('keys edit says that --%s is fixed at creation', async (option) => {
    const { id } = await makeKey(world);
    const { code, stderr } = await world.run(['keys', 'edit', id, `--${option}`, 'all']);
    expect(code).toBe(2);
    expect(stderr).toContain(`has no --${option}: it is fixed when a key is created.`);
  });

  test('keys edit exits 1 when the revision is not the latest', async () => {
    const { id } = await makeKey(world);
    await world.run(['keys', 'disable', id]);
    const { code, stderr } = await world.run(['keys', 'edit', id, '--name', 'New', '--revision', '1']);
    expect(code).toBe(1);
    expect(stderr).toContain('has changed');
  });

  test('keys rotate prints the token of a new key', async () => {
    const old = await makeKey(world);
    const { code, stdout } = await world.run(['keys', 'rotate', old.id, '--overlap', '1h', '--quiet']);
    expect(code).toBe(0);
    expect(stdout).toMatch(TOKEN);
    expect(stdout.trim()).not.toBe(old.token);
    expect((await world.run(['keys', 'show', old.id])).stdout).toContain('replaced by');
    expect(await world.run(['keys', 'rotate', old.id])).toMatchObject({ code: 2 });
  });
});

describe('a destructive command', () => {
  test.each([
    ['delete', []],
    ['rotate', ['--overlap', '0']],
    ['rotate', ['--overlap', '0s']],
  ])('keys %s %j exits 2 when there is no terminal to confirm it', async (verb, more) => {
    const { id } = await makeKey(world);
    const { code, stdout, stderr } = await world.run(['keys', verb, id, ...more], { input: 'y\n' });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('--yes');
    expect((await world.run(['keys', 'show', id])).stdout).toMatch(/status +active/);
  });

  test('keys delete deletes without a question when --yes is given', async () => {
    const { id } = await makeKey(world);
    expect(await world.run(['keys', 'delete', id, '--yes'])).toEqual({ code: 0, stdout: '', stderr: 'Deleted.\n' });
    expect(await world.run(['keys', 'delete', id, '--yes'])).toMatchObject({ code: 1 });
  });

  test('keys delete asks with the name of the key when input is a terminal', async () => {
    const { id } = await makeKey(world);
    const no = await world.run(['keys', 'delete', id], { isTTY: true, input: '\n' });
    expect(no.code).toBe(1);
    expect(no.stderr).toContain('Delete "CRM" (ks_');
    expect(no.stderr).toContain('Nothing was changed.');
    expect(await world.run(['keys', 'delete', id], { isTTY: true, input: 'y\n' })).toMatchObject({ code: 0 });
    expect(await world.run(['keys', 'show', id])).toMatchObject({ code: 1 });
  });
});

test('an unreadable key is reported with its name in Redis', async () => {
  const { id } = await makeKey(world, MINIMUM);
  const client = new Redis(world.redis.url);
  try {
    await client.hset(`${world.redis.namespace}:key:{${id.slice(0, 4)}}${id}`, 'agents', 'x');
  } finally {
    client.disconnect();
  }
  const { code, stderr } = await world.run(['keys', 'show', id]);
  expect(code).toBe(3);
  expect(stderr).toContain(`:key:{${id.slice(0, 4)}}${id} in Redis cannot be read: the field agents is not JSON.`);
});

test('keys ensure creates the key of a given token once, and gives it the stated state', async () => {
  const token = 'fixed-token-of-development';
  const ensure = (...argv: string[]) =>
    world.run(['keys', 'ensure', '--name', 'development', '--json', ...argv], { input: `${token}\n` });
  const created = await ensure('--permissions', 'conversations', '--owner', 'user:bo');
  expect(created).toMatchObject({ code: 0, stdout: expect.not.stringContaining(token) });
  const key = JSON.parse(created.stdout);
  expect(key).toMatchObject({ name: 'development', owner: { kind: 'user', id: 'bo' } });
  expect(JSON.parse((await ensure('--permissions', 'conversations')).stdout)).toEqual(key);
  const changed = JSON.parse((await ensure('--permissions', 'conversations,handoff')).stdout);
  expect(changed).toMatchObject({ id: key.id, revision: key.revision + 1, permissions: ['conversations', 'handoff'] });
  expect(changed.owner).toEqual(key.owner);
  expect(await world.run(['verify', '--permission', 'handoff'], { input: token })).toMatchObject({ code: 0 });
  await world.run(['keys', 'delete', key.id, '--yes']);
});
