import { Redis } from 'ioredis';
import { startRedis } from '../support/redis/server';
import { createWorld, MINIMUM, type World } from './harness';

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
  ])('an address with a stray percent sign in %s exits 2 with advice', async (_, address, argv) => {
    const { code, stdout, stderr } = await world.run(['keys', 'list', ...argv], { env: { REDIS_URL: address } });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^keyscope: .*%25.*\n$/);
    expect(stderr).not.toContain(SECRET);
  });

  test('an address with %25 in its password is accepted', async () => {
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

describe('an address that ioredis reads otherwise', () => {
  test.each([
    ['a tab before it', `\tredis://:${SECRET}@127.0.0.1:1`, 3],
    ['a blank before it', ` redis://:${SECRET}@127.0.0.1:1`, 3],
    ['a line break after it', `redis://:${SECRET}@127.0.0.1:1\n`, 3],
    ['a tab in it', `redis://:${SECRET}\t@127.0.0.1:1`, 2],
    ['the name of a database', `redis://:${SECRET}@127.0.0.1:1/production`, 2],
    ['a number sign', `redis://:${SECRET}#1@127.0.0.1:1`, 2],
    ['a slash', `redis://:${SECRET}/1@127.0.0.1:1`, 2],
    ['a second @', `redis://:${SECRET}@1@127.0.0.1:1`, 2],
    ['another scheme', `http://:${SECRET}@127.0.0.1:1`, 2],
  ])('an address with %s is trimmed or rejected, and its password not printed', async (_, address, expected) => {
    for (const given of [
      { env: { REDIS_URL: address } },
      { env: { REDIS_URL: undefined }, config: JSON.stringify({ redis: address }) },
    ]) {
      world.write('address.json', 'config' in given ? String(given.config) : '{}');
      const { code, stdout, stderr } = await world.run(['keys', 'list', '--config', 'address.json'], given);
      expect({ code, stdout }).toEqual({ code: expected, stdout: '' });
      expect(stderr).toMatch(/^keyscope: [^\n]*\n$/);
      expect(stderr).not.toContain(SECRET);
    }
  });

  test('a database that the server does not have exits 3', async () => {
    const REDIS_URL = `${new URL(world.redis.url).origin === 'null' ? world.redis.url.replace(/\/\d*$/, '') : world.redis.url}/99`;
    const { code, stderr } = await world.run(['keys', 'list'], { env: { REDIS_URL } });
    expect(code).toBe(3);
    expect(stderr).toContain('99');
  });
});

describe('a file of peppers', () => {
  const PEPPER = 'a pepper of some length';
  test.each([
    ['a byte order mark', `\ufeff${PEPPER}`, 0],
    ['CRLF', `${PEPPER}\r\n`, 0],
    ['a lone CR', `${PEPPER}\r`, 0],
    ['a blank before it', ` ${PEPPER}`, 2],
    ['a tab after it', `${PEPPER}\t\n`, 2],
    ['NUL characters', `${PEPPER}\0`, 2],
  ])('a file of peppers with %s is read as the pepper or rejected', async (_, content, expected) => {
    world.write('odd-pepper', content);
    const made = await world.run(['keys', 'create', ...MINIMUM, '--quiet'], {
      env: { KEYSCOPE_PEPPER_FILE: 'odd-pepper' },
    });
    expect(made.code).toBe(expected);
    expect(made.stderr).not.toContain(PEPPER);
    if (expected !== 0) return;
    const verified = await world.run(['verify'], { env: { KEYSCOPE_PEPPER: PEPPER }, input: made.stdout });
    expect(verified.code).toBe(0);
  });

  test('a configuration file with a byte order mark is read', async () => {
    world.write('marked.json', `\ufeff${JSON.stringify({ workspace: 'acme' })}`);
    expect(await world.run(['keys', 'list', '--config', 'marked.json'])).toMatchObject({ code: 0 });
  });
});

describe('an address with a password is not repeated', () => {
  test.each([
    ['as a command', [ADDRESS, 'keys', 'list'], 'There is no such command.'],
    ['as the second word of a command', ['keys', ADDRESS], 'has no such command.'],
    ['as an option', ['keys', 'list', `--${ADDRESS}`], 'has no such option.'],
    ['as the topic of help', ['help', ADDRESS], 'There is no such command.'],
    ['as the configuration file', ['keys', 'list', '--config', ADDRESS], 'The file that --config names cannot be read'],
    ['as the order of a list', ['keys', 'list', '--sort', ADDRESS], 'Received a string of'],
  ])('a password is not printed when the address is given %s', async (_, argv, words) => {
    const { code, stdout, stderr } = await world.run(argv);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^keyscope: .*\n$/);
    expect(stderr).toContain(words);
    expect(stderr).not.toContain(SECRET);
  });

  test.each([
    ['instead of an object', JSON.stringify(ADDRESS)],
    ['as the name of a member', JSON.stringify({ [ADDRESS]: 1 })],
    ['without its scheme', JSON.stringify({ [`ops:${SECRET}@127.0.0.1`]: 1 })],
    ['as something else', JSON.stringify({ permissions: ADDRESS })],
    ['in an object', JSON.stringify({ redis: { url: ADDRESS } })],
    ['in text that is not JSON', ADDRESS],
  ])('a password is not printed when the configuration file has an address %s', async (_, content) => {
    world.write('wrong.json', content);
    const { code, stderr } = await world.run(['keys', 'list', '--config', 'wrong.json']);
    expect(code).toBe(2);
    expect(stderr).toContain('wrong.json');
    expect(stderr).not.toContain(SECRET);
  });

  test('a pepper is not printed when it is given as a file name', async () => {
    const { code, stderr } = await world.run(['keys', 'list'], { env: { KEYSCOPE_PEPPER_FILE: 'hunter2-pepper' } });
    expect(code).toBe(2);
    expect(stderr).toBe('keyscope: The file that KEYSCOPE_PEPPER_FILE names cannot be read (ENOENT).\n');
  });
});

test('a misspelt command or option is printed with a suggestion', async () => {
  for (const [argv, sentence] of [
    [['kesy', 'list'], 'There is no command "kesy". Did you mean "keys"?'],
    [['keys', 'lits'], '`keyscope keys` has no command "lits". Did you mean "list"?'],
    [['keys', 'list', '--serach', 'x'], '`keyscope keys list` has no option "--serach". Did you mean "search"?'],
  ] as const) {
    expect(await world.run(argv)).toMatchObject({ code: 2, stderr: expect.stringContaining(sentence) });
  }
});
