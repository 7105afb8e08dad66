import { Redis } from 'ioredis';
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

describe('audit verify and audit export', () => {
  const within = ['--workspace', 'chain'];

  test('audit export prints all entries, and audit verify the head of the chain that they form', async () => {
    const { id } = await makeKey(world, [...MINIMUM, ...within]);
    await world.run(['keys', 'disable', id, ...within]);
    const exported = await world.run(['audit', 'export', ...within]);
    expect(exported).toMatchObject({ code: 0, stderr: '' });
    const lines = jsonLines(exported.stdout);
    expect(lines).toMatchObject([{ action: 'key.created', previous: '0-0:' }, { action: 'key.updated' }]);
    const [first, last] = lines as [Record<string, string>, Record<string, string>];
    expect(last.previous).toBe(`${first.id}:${first.hash}`);
    const head = `${last.id}:${last.hash}`;

    const people = await world.run(['audit', 'verify', ...within]);
    expect(people).toMatchObject({ code: 0, stdout: `entries  2\nhead     ${head}\nresult   no fault\n` });
    const programs = await world.run(['audit', 'verify', ...within, '--head', head, '--json']);
    expect(JSON.parse(programs.stdout)).toMatchObject({ ok: true, entries: 2, head });

    const rest = await world.run(['audit', 'export', ...within, '--since', String(first.id)]);
    expect(jsonLines(rest.stdout)).toEqual([last]);
    const gap = await world.run(['audit', 'export', ...within, '--since', '1760000000000-0']);
    expect(gap.stderr).toContain('no longer in the log');
    expect(jsonLines(gap.stdout)).toHaveLength(2);
  });

  test('audit verify exits with 1 and names the fault when an entry was removed from Redis', async () => {
    const client = new Redis(world.redis.url);
    const [stream = ''] = await client.keys(`${world.redis.namespace}:audit:*:chain`);
    const [[id = ''] = []] = await client.xrevrange(stream, '+', '-', 'COUNT', 1);
    await client.xdel(stream, id);
    client.disconnect();
    const { code, stdout } = await world.run(['audit', 'verify', ...within]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringMatching(/^result +removed at /m) });
    expect(await world.run(['audit', 'verify', '--head', 'x'])).toMatchObject({ code: 2, stdout: '' });
  });
});
