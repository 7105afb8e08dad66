import { createWorld, jsonLines, makeKey, TOKEN, type World } from './harness';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.end());

const today = () => new Date().toISOString().slice(0, 10);

test('usage counts verifications on the command line', async () => {
  const { id, token } = await makeKey(world);
  // A day may end between the requests.
  const possible = [today()];
  await world.run(['verify', '--agent', 'a'], { input: token });
  await world.run(['verify', '--agent', 'a', '--permission', 'handoff'], { input: token });
  possible.push(today());

  const programs = await world.run(['usage', id, '--json', '--days', '2']);
  const [usage] = jsonLines(programs.stdout) as [{ keyId: string; days: { date: string; allowed: number }[] }];
  expect(usage.keyId).toBe(id);
  expect(usage.days).toHaveLength(2);
  expect(possible).toContain(usage.days.findLast(({ allowed }) => allowed > 0)?.date);

  const people = await world.run(['usage', id]);
  expect(people.code).toBe(0);
  expect(people.stdout).toMatch(
    /^key +\w{16}\nlast used +\d.*\n30 days +1 allowed, 1 denied\n\nDAY \(UTC\) +ALLOWED +DENIED +REASONS\n(\d{4}-\d\d-\d\d .*\n)+$/,
  );
  expect(people.stdout).toMatch(/ permission_denied 1\n/);
  for (const { stdout } of [programs, people]) expect(stdout).not.toMatch(TOKEN);
});

test('usage prints never when the key was not used', async () => {
  const { id } = await makeKey(world);
  const { stdout } = await world.run(['usage', id, '--days', '7']);
  expect(stdout).toBe(`key        ${id}\nlast used  never\n7 days     0 allowed, 0 denied\n`);
});

test('usage exits 1 when the key is unknown and 2 when the command line is wrong', async () => {
  const { id } = await makeKey(world);
  expect(await world.run(['usage', '0000000000000000'])).toMatchObject({ code: 1, stdout: '' });
  expect(await world.run(['usage', id, '--workspace', 'other'])).toMatchObject({ code: 1, stdout: '' });
  for (const argv of [[], [id, '--days', '0'], [id, '--days', '91'], [id, '--days', 'x']]) {
    expect(await world.run(['usage', ...argv])).toMatchObject({ code: 2, stdout: '' });
  }
});
