import { createWorld, jsonLines, MINIMUM, makeKey, TOKEN, type World } from './harness';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.end());

test('the trail says who did what, from where, and never tells a token', async () => {
  const { id } = await makeKey(world);
  await world.run(['keys', 'disable', id, '--actor', 'bo']);
  await world.run(['keys', 'delete', id, '--yes']);
  const people = await world.run(['audit']);
  expect(people.stdout).toMatch(/^WHEN +WHO +FROM +WHAT +TARGET +NAME\n.*cli:ops +desk +key\.deleted +\w+ +CRM\n/);
  const programs = await world.run(['audit', '--json']);
  expect(jsonLines(programs.stdout)).toMatchObject([
    { action: 'key.deleted', actor: 'cli:ops', source: 'desk', target: id },
    { action: 'key.updated', actor: 'bo' },
    { action: 'key.created', actor: 'cli:ops' },
  ]);
  for (const { stdout } of [people, programs]) expect(stdout).not.toMatch(TOKEN);
});

test('the trail is filtered', async () => {
  const { id } = await makeKey(world, [...MINIMUM, '--actor', 'cy']);
  await makeKey(world);
  for (const argv of [
    ['--actor', 'cy'],
    ['--target', id],
  ]) {
    const { stdout } = await world.run(['audit', '--json', ...argv]);
    expect(jsonLines(stdout)).toMatchObject([{ target: id }]);
  }
  expect(await world.run(['audit', '--action', 'key.stolen'])).toMatchObject({ code: 2, stdout: '' });
});
