import { createWorld, jsonLines, type World } from './harness';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.end());

describe('projects', () => {
  test('projects are set, shown, listed and cleared', async () => {
    const set = ['projects', 'set', 'p1', '--transcript', 'on', '--metrics', 'a,b', '--metric', 'c,d'];
    const { stdout } = await world.run([...set, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ projectId: 'p1', transcript: true, metrics: ['a', 'b', 'c,d'] });
    expect((await world.run(['projects', 'show', 'p1'])).stdout).toMatch(/transcript +on\nmetrics +a, b, c,d\n/);
    const list = await world.run(['projects', 'list', '--json']);
    expect(jsonLines(list.stdout)).toMatchObject([{ projectId: 'p1' }]);
    expect((await world.run(['projects', 'list'])).stdout).toMatch(/^PROJECT +TRANSCRIPT +UPDATED +METRICS\np1 +on /);
    const cleared = await world.run(['projects', 'clear', 'p1', '--yes', '--json']);
    expect(JSON.parse(cleared.stdout)).toMatchObject({ transcript: false, metrics: [], configured: false });
  });

  test.each([
    ['all', 'all'],
    ['none', []],
  ])('projects set enables %s metrics', async (given, metrics) => {
    const { stdout } = await world.run(['projects', 'set', 'p2', '--transcript', 'off', '--metrics', given, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ transcript: false, metrics });
  });

  test.each([
    ['no transcript', ['--metrics', 'all']],
    ['no metrics', ['--transcript', 'on']],
    ['neither on nor off', ['--transcript', 'yes', '--metrics', 'all']],
    ['none among names', ['--transcript', 'on', '--metrics', 'none,a']],
  ])('projects set exits 2 with %s', async (_, argv) => {
    expect(await world.run(['projects', 'set', 'half', ...argv])).toMatchObject({ code: 2, stdout: '' });
    const { stdout } = await world.run(['projects', 'show', 'half', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ configured: false });
  });

  test('projects clear exits 2 when there is no terminal to confirm it', async () => {
    await world.run(['projects', 'set', 'p3', '--transcript', 'on', '--metrics', 'all']);
    const refused = await world.run(['projects', 'clear', 'p3']);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('--yes');
    const { stdout } = await world.run(['projects', 'show', 'p3', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ transcript: true });
  });

  test('projects of two workspaces are separate', async () => {
    await world.run(['projects', 'set', 'p4', '--transcript', 'on', '--metrics', 'all', '--workspace', 'acme']);
    expect((await world.run(['projects', 'show', 'p4'])).stdout).toContain('never: nothing is enabled');
    const { stdout } = await world.run(['projects', 'list', '--json'], { env: { KEYSCOPE_WORKSPACE: 'acme' } });
    expect(jsonLines(stdout)).toMatchObject([{ projectId: 'p4' }]);
  });
});
