import { createWorld, makeKey, TOKEN, type World } from './harness';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.end());

const REPORT = ['leaks', 'report', '--source', 'github'];
const verify = async (token: string) => (await world.run(['verify'], { input: token })).code;

test('leaks report revokes the key of the token on standard input, and prints no token', async () => {
  const { id, token } = await makeKey(world);
  const url = 'https://example.com/leak';
  const reported = await world.run([...REPORT, '--url', url], { input: `${token}\n` });
  expect(reported).toMatchObject({ code: 0, stdout: `The key ${id} is revoked.\n` });
  expect(await verify(token)).toBe(1);
  expect((await world.run(REPORT, { input: token })).stdout).toContain('revoked before');
  const { stdout } = await world.run(['audit', '--json', '--target', id, '--action', 'key.exposed']);
  expect(JSON.parse(stdout)).toMatchObject({ actor: 'cli:ops', after: { exposure: { source: 'github', url } } });
  const shown = await world.run(['keys', 'show', id]);
  expect(shown.stdout).toMatch(/status +revoked/);
  expect(shown.stdout).toMatch(/leaked +reported .* by github, found at https:\/\/example.com\/leak/);
  for (const text of [reported.stdout, reported.stderr, stdout]) expect(text).not.toMatch(TOKEN);
});

test('leaks report takes an id and a policy, and asks before it revokes by an id', async () => {
  const { id, token } = await makeKey(world);
  const disabled = await world.run([...REPORT, '--id', id, '--policy', 'disable', '--json']);
  expect(JSON.parse(disabled.stdout)).toEqual({ outcome: 'disabled', keyId: id, workspaceId: 'default' });
  expect(await world.run([...REPORT, '--id', id])).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') });
  await world.run(['keys', 'enable', id]);
  expect(await verify(token)).toBe(0);
  expect(await world.run([...REPORT, '--id', id, '--yes'])).toMatchObject({ code: 0 });
  expect(await verify(token)).toBe(1);
});

test('leaks report exits with 1 for an unknown token, and with 2 for a wrong command line', async () => {
  expect(await world.run(REPORT, { input: 'x' })).toMatchObject({ code: 1, stdout: 'No key has this token.\n' });
  expect(await world.run(['leaks', 'report'], { input: 'x' })).toMatchObject({ code: 2 });
  expect(await world.run([...REPORT, '--policy', 'delete'], { input: 'x' })).toMatchObject({ code: 2 });
});
