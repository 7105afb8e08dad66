import { createWorld, jsonLines, MINIMUM, makeKey, TOKEN, type World } from './harness';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.end());

test('audit prints actor, source and action, and never a token', async () => {
  const { id } = await makeKey(world);
  await world.run(['keys', 'disable', id, '--actor', 'bo']);
  await world.run(['keys', 'delete', id, '--yes']);
  const people = await world.run(['audit']);
  expect(people.stdout).toMatch(
    /^TIME +ACTOR +SOURCE +ACTION +TARGET +NAME\n\d{4}-\S+Z +cli:ops +desk +key\.deleted +\w+ +CRM\n/,
  );
  const programs = await world.run(['audit', '--json']);
  expect(jsonLines(programs.stdout)).toMatchObject([
    { action: 'key.deleted', actor: 'cli:ops', source: 'desk', target: id },
    { action: 'key.updated', actor: 'bo' },
    { action: 'key.created', actor: 'cli:ops' },
  ]);
  for (const { stdout } of [people, programs]) expect(stdout).not.toMatch(TOKEN);
});

test('audit prints only entries that match its filters', async () => {
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
