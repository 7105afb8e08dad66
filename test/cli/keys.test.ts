import { Redis } from 'ioredis';
import { createWorld, jsonLines, MINIMUM, makeKey, TOKEN, type World } from './harness';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.end());

const inWorkspace = (workspace: string, ...argv: string[]) => world.run([...argv, '--workspace', workspace]);

describe('keys create', () => {
  test('puts the token alone on standard output, and the warning beside it', async () => {
    const { code, stdout, stderr } = await world.run(['keys', 'create', ...MINIMUM]);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^${TOKEN.source}\n$`));
    expect(stderr).toContain('the only time');
    expect(stderr).toContain('CRM');
    expect(stderr).not.toMatch(TOKEN);
  });

  test('says nothing but the token where quiet is asked for', async () => {
    const { stdout, stderr } = await world.run(['keys', 'create', ...MINIMUM, '--quiet']);
    expect(stdout).toMatch(TOKEN);
    expect(stderr).toBe('');
  });

  test('takes agents, permissions and an expiry', async () => {
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
    ['a name', ['--agents', 'all', '--permissions', 'handoff'], '--name'],
    ['agents', ['--name', 'x', '--permissions', 'handoff'], '--agents'],
    ['permissions', ['--name', 'x', '--agents', 'all'], '--permissions'],
  ])('needs %s', async (_, argv, option) => {
    const { code, stdout, stderr } = await world.run(['keys', 'create', ...argv]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^keyscope: .*\n$/);
    expect(stderr).toContain(option);
  });

  test('refuses a permission that is not declared, and says which was meant', async () => {
    const argv = ['--name', 'x', '--agents', 'all', '--permissions', 'conversatoins'];
    const { code, stderr } = await world.run(['keys', 'create', ...argv]);
    expect(code).toBe(2);
    expect(stderr).toContain('Did you mean "conversations"?');
  });

  test('takes permissions as given, with a note, where nobody declares any', async () => {
    const argv = ['keys', 'create', '--name', 'x', '--agents', 'all', '--permissions', 'anything'];
    const env = { KEYSCOPE_PERMISSIONS: undefined };
    const { code, stderr } = await world.run(argv, { env });
    expect(code).toBe(0);
    expect(stderr).toContain('not checked against');
    expect((await world.run([...argv.slice(0, -1), 'no spaces'], { env })).code).toBe(2);
  });
});

describe('keys list', () => {
  test('shows columns to people, without a token', async () => {
    const { token, masked, id } = await makeKey(world, [...MINIMUM, '--workspace', 'columns']);
    const { stdout } = await inWorkspace('columns', 'keys', 'list');
    const [heading, row] = stdout.split('\n') as [string, string];
    expect(heading).toMatch(/^ID +NAME +STATUS +PERMISSIONS +AGENTS +CREATED +EXPIRES +KEY$/);
    expect(row).toContain(id);
    expect(row.indexOf('active')).toBe(heading.indexOf('STATUS'));
    expect(row.endsWith(masked)).toBe(true);
    expect(stdout).not.toContain(token);
  });

  test('gives programs a line of JSON each, in the order asked for', async () => {
    for (const name of ['b', 'a', 'c']) {
      await makeKey(world, ['--name', name, ...MINIMUM.slice(2), '--workspace', 'sorted']);
    }
    const { stdout } = await inWorkspace('sorted', 'keys', 'list', '--sort', 'name', '--json');
    expect(jsonLines(stdout).map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    const found = await inWorkspace('sorted', 'keys', 'list', '--search', 'B', '--json');
    expect(jsonLines(found.stdout)).toHaveLength(1);
  });

  test('goes on where it stopped, or to the end', async () => {
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

  test('says that there is nothing beside an empty output', async () => {
    const { code, stdout, stderr } = await inWorkspace('empty', 'keys', 'list');
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: 'There are no keys.\n' });
  });

  test('shows names that would steer a terminal, and hands programs what was stored', async () => {
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
  test('is shown in full, but for its token', async () => {
    const { id, token, masked } = await makeKey(world);
    const { stdout } = await world.run(['keys', 'show', id]);
    expect(stdout).toContain(masked);
    expect(stdout).toMatch(/created +.* by cli:ops/);
    expect(stdout).not.toContain(token);
  });

  test('is not found in another workspace, nor by what is no id', async () => {
    const { id, token } = await makeKey(world);
    expect(await inWorkspace('other', 'keys', 'show', id)).toMatchObject({ code: 1, stdout: '' });
    const wrong = await world.run(['keys', 'show', token]);
    expect(wrong).toEqual({ code: 1, stdout: '', stderr: 'keyscope: There is no such key.\n' });
  });

  test('is edited, disabled and enabled', async () => {
    const { id } = await makeKey(world);
    const edited = await world.run(['keys', 'edit', id, '--name', 'New', '--permissions', 'handoff', '--json']);
    expect(JSON.parse(edited.stdout)).toMatchObject({ name: 'New', permissions: ['handoff'], revision: 2 });
    expect((await world.run(['keys', 'disable', id])).stdout).toMatch(/status +disabled/);
    expect((await world.run(['keys', 'enable', id])).stdout).toMatch(/status +active/);
    expect(await world.run(['keys', 'edit', id])).toMatchObject({ code: 2, stdout: '' });
  });

  test('is left alone where it has changed since it was seen', async () => {
    const { id } = await makeKey(world);
    await world.run(['keys', 'disable', id]);
    const { code, stderr } = await world.run(['keys', 'edit', id, '--name', 'New', '--revision', '1']);
    expect(code).toBe(1);
    expect(stderr).toContain('has changed');
  });

  test('is replaced by one whose token is shown once', async () => {
    const old = await makeKey(world);
    const { code, stdout } = await world.run(['keys', 'rotate', old.id, '--overlap', '1h', '--quiet']);
    expect(code).toBe(0);
    expect(stdout).toMatch(TOKEN);
    expect(stdout.trim()).not.toBe(old.token);
    expect((await world.run(['keys', 'show', old.id])).stdout).toContain('replaced by');
    expect(await world.run(['keys', 'rotate', old.id])).toMatchObject({ code: 2 });
  });
});

describe('what destroys', () => {
  test.each([
    ['delete', []],
    ['rotate', ['--overlap', '0']],
    ['rotate', ['--overlap', '0s']],
  ])('keys %s %j is not done where nobody can be asked', async (verb, more) => {
    const { id } = await makeKey(world);
    const { code, stdout, stderr } = await world.run(['keys', verb, id, ...more], { input: 'y\n' });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('--yes');
    expect((await world.run(['keys', 'show', id])).stdout).toMatch(/status +active/);
  });

  test('is done with --yes', async () => {
    const { id } = await makeKey(world);
    expect(await world.run(['keys', 'delete', id, '--yes'])).toEqual({ code: 0, stdout: '', stderr: 'Deleted.\n' });
    expect(await world.run(['keys', 'delete', id, '--yes'])).toMatchObject({ code: 1 });
  });

  test('is asked of a person, who sees what it is about', async () => {
    const { id } = await makeKey(world);
    const no = await world.run(['keys', 'delete', id], { isTTY: true, input: '\n' });
    expect(no.code).toBe(1);
    expect(no.stderr).toContain('Delete "CRM" (ks_');
    expect(no.stderr).toContain('Nothing was changed.');
    expect(await world.run(['keys', 'delete', id], { isTTY: true, input: 'y\n' })).toMatchObject({ code: 0 });
    expect(await world.run(['keys', 'show', id])).toMatchObject({ code: 1 });
  });
});

test('a key that cannot be read is named as it is in Redis, for whoever looks after it', async () => {
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
