import { createWorld, jsonLines, type World } from './harness';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.end());

describe('projects', () => {
  test('are set, shown, listed and cleared', async () => {
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
  ])('enable %s metrics', async (given, metrics) => {
    const { stdout } = await world.run(['projects', 'set', 'p2', '--transcript', 'off', '--metrics', given, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ transcript: false, metrics });
  });

  test.each([
    ['no transcript', ['--metrics', 'all']],
    ['no metrics', ['--transcript', 'on']],
    ['neither on nor off', ['--transcript', 'yes', '--metrics', 'all']],
    ['none among names', ['--transcript', 'on', '--metrics', 'none,a']],
  ])('are not set by half: %s', async (_, argv) => {
    expect(await world.run(['projects', 'set', 'half', ...argv])).toMatchObject({ code: 2, stdout: '' });
    const { stdout } = await world.run(['projects', 'show', 'half', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ configured: false });
  });

  test('are not cleared where nobody can be asked', async () => {
    await world.run(['projects', 'set', 'p3', '--transcript', 'on', '--metrics', 'all']);
    const refused = await world.run(['projects', 'clear', 'p3']);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('--yes');
    const { stdout } = await world.run(['projects', 'show', 'p3', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ transcript: true });
  });

  test('of another workspace are its own', async () => {
    await world.run(['projects', 'set', 'p4', '--transcript', 'on', '--metrics', 'all', '--workspace', 'acme']);
    expect((await world.run(['projects', 'show', 'p4'])).stdout).toContain('never: nothing is enabled');
    const { stdout } = await world.run(['projects', 'list', '--json'], { env: { KEYSCOPE_WORKSPACE: 'acme' } });
    expect(jsonLines(stdout)).toMatchObject([{ projectId: 'p4' }]);
  });
});
