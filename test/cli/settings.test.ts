import { Redis } from 'ioredis';
import { startRedis } from '../support/redis/server';
import { createWorld, type World } from './harness';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.end());

const SECRET = 'hunter2';
const ADDRESS = `redis://:${SECRET}@127.0.0.1:1`;

describe('the address of Redis', () => {
  test.each([
    ['a password', `redis://:${SECRET}%zz@127.0.0.1:1`, []],
    ['a password that ends with it', `redis://:${SECRET}%@127.0.0.1:1`, []],
    ['a user', `redis://${SECRET}%@127.0.0.1:1`, []],
    ['a password of a cluster', `redis://:${SECRET}%zz@127.0.0.1:1`, ['--cluster']],
  ])('with a percent sign in %s is told of in a sentence, which says how to write it', async (_, address, argv) => {
    const { code, stdout, stderr } = await world.run(['keys', 'list', ...argv], { env: { REDIS_URL: address } });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^keyscope: .*%25.*\n$/);
    expect(stderr).not.toContain(SECRET);
  });

  test('may have a percent sign that is written as %25', async () => {
    const server = await startRedis();
    const admin = new Redis(server.url);
    try {
      await admin.config('SET', 'requirepass', '100%');
      const REDIS_URL = server.url.replace('redis://', 'redis://:100%25@');
      expect(await world.run(['keys', 'list'], { env: { REDIS_URL } })).toMatchObject({ code: 0 });
    } finally {
      admin.disconnect();
      await server.stop();
    }
  });
});

describe('an address with a password is not repeated', () => {
  test.each([
    ['as a command', [ADDRESS, 'keys', 'list'], 'There is no such command.'],
    ['as the second word of a command', ['keys', ADDRESS], 'has no such command.'],
    ['as an option', ['keys', 'list', `--${ADDRESS}`], 'has no such option.'],
    ['as what help is wanted for', ['help', ADDRESS], 'There is no such command.'],
    ['as the configuration file', ['keys', 'list', '--config', ADDRESS], 'The file that --config names cannot be read'],
    ['as the order of a list', ['keys', 'list', '--sort', ADDRESS], 'Received a text of'],
  ])('%s', async (_, argv, words) => {
    const { code, stdout, stderr } = await world.run(argv);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^keyscope: .*\n$/);
    expect(stderr).toContain(words);
    expect(stderr).not.toContain(SECRET);
  });

  test.each([
    ['alone', JSON.stringify(ADDRESS)],
    ['as the name of a member', JSON.stringify({ [ADDRESS]: 1 })],
    ['without its scheme', JSON.stringify({ [`ops:${SECRET}@127.0.0.1`]: 1 })],
    ['as something else', JSON.stringify({ permissions: ADDRESS })],
    ['in an object', JSON.stringify({ redis: { url: ADDRESS } })],
    ['in text that is not JSON', ADDRESS],
  ])('when it stands in the configuration file %s', async (_, content) => {
    world.write('wrong.json', content);
    const { code, stderr } = await world.run(['keys', 'list', '--config', 'wrong.json']);
    expect(code).toBe(2);
    expect(stderr).toContain('wrong.json');
    expect(stderr).not.toContain(SECRET);
  });

  test('nor is a pepper that is given as the name of its file', async () => {
    const { code, stderr } = await world.run(['keys', 'list'], { env: { KEYSCOPE_PEPPER_FILE: 'hunter2-pepper' } });
    expect(code).toBe(2);
    expect(stderr).toBe('keyscope: The file that KEYSCOPE_PEPPER_FILE names cannot be read (ENOENT).\n');
  });
});

test('words that are nearly right are repeated, with what was meant', async () => {
  for (const [argv, sentence] of [
    [['kesy', 'list'], 'There is no command "kesy". Did you mean "keys"?'],
    [['keys', 'lits'], '`keyscope keys` has no command "lits". Did you mean "list"?'],
    [['keys', 'list', '--serach', 'x'], '`keyscope keys list` has no option "--serach". Did you mean "search"?'],
  ] as const) {
    expect(await world.run(argv)).toMatchObject({ code: 2, stderr: expect.stringContaining(sentence) });
  }
});
