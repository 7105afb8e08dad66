import { createWorld, MINIMUM, makeKey, type World } from './harness';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.end());

describe('verify', () => {
  test('verify prints the key of a valid token and not the token', async () => {
    const { id, token } = await makeKey(world);
    const { code, stdout, stderr } = await world.run(['verify'], { input: `${token}\n` });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(id);
    expect(stdout).not.toContain(token);
  });

  test('verify exits 1 when a token is wrong, missing, disabled or lacks the scope', async () => {
    const { id, token } = await makeKey(world, ['--name', 'x', '--agents', 'a1', ...MINIMUM.slice(4)]);
    const verify = (input: string, ...argv: string[]) => world.run(['verify', '--json', ...argv], { input });
    const wrong = `${token.slice(0, -1)}${token.endsWith('0') ? '1' : '0'}`;
    for (const [input, argv, expected] of [
      [wrong, [], 'invalid_key'],
      ['', [], 'missing_key'],
      [token, ['--permission', 'handoff'], 'permission_denied'],
      [token, ['--agent', 'a2'], 'agent_not_in_scope'],
      [token, ['--workspace', 'other'], 'workspace_not_in_scope'],
    ] as const) {
      const { code, stdout, stderr } = await verify(input, ...argv);
      expect({ code, answer: JSON.parse(stdout) }).toMatchObject({ code: 1, answer: { ok: false, code: expected } });
      expect(stdout + stderr).not.toContain(token);
    }
    expect(await verify(token, '--agent', 'a1', '--permission', 'conversations')).toMatchObject({ code: 0 });
    await world.run(['keys', 'disable', id]);
    expect(JSON.parse((await verify(token)).stdout)).toMatchObject({ ok: false, code: 'disabled_key' });
  });

  test('verify exits 2 when the token is an argument, and does not repeat it', async () => {
    const { token } = await makeKey(world);
    for (const argv of [['verify', token], ['verify', `--token=${token}`], [token]]) {
      const { code, stdout, stderr } = await world.run(argv);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).not.toContain(token);
    }
    expect((await world.run(['verify', token])).stderr).toContain('standard input');
  });

  test('verify accepts a token only with the pepper that it was made with', async () => {
    const env = { KEYSCOPE_PEPPER: 'a pepper of some length' };
    const made = await world.run(['keys', 'create', ...MINIMUM, '--quiet'], { env });
    expect(await world.run(['verify'], { env, input: made.stdout })).toMatchObject({ code: 0 });
    expect(await world.run(['verify'], { input: made.stdout })).toMatchObject({ code: 1 });
    world.write('peppers', 'another pepper, newer\na pepper of some length\nnone\n');
    const file = { KEYSCOPE_PEPPER_FILE: 'peppers' };
    expect(await world.run(['verify'], { env: file, input: made.stdout })).toMatchObject({ code: 0 });
  });
});
