import { Redis } from 'ioredis';
import { createApiKeys } from 'keyscope';
import { freePort } from '../support/redis/free-port';
import { restrictedInfo, startRestrictedRedis } from '../support/redis/restricted-redis';
import { startRedis } from '../support/redis/server';
import { createWorld, type World } from './harness';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.end());

describe('doctor', () => {
  test('doctor warns when Redis may evict keys', async () => {
    const server = await startRedis({ args: ['--maxmemory-policy', 'allkeys-lru'] });
    try {
      const people = await world.run(['doctor', '--redis', server.url]);
      expect(people.code).toBe(1);
      expect(people.stdout).toMatch(/^evicting +.*noeviction/m);
      const programs = await world.run(['doctor', '--redis', server.url, '--json']);
      const { ok, mode, warnings } = JSON.parse(programs.stdout);
      expect({ ok, mode }).toEqual({ ok: false, mode: 'tracking' });
      expect(warnings.map(({ code }: { code: string }) => code)).toEqual(
        expect.arrayContaining(['evicting', 'no_persistence']),
      );
    } finally {
      await server.stop();
    }
  });

  test('doctor prints facts and no warning when Redis persists keys', async () => {
    const server = await startRedis({ persistent: true });
    try {
      const { code, stdout } = await world.run(['doctor', '--redis', server.url]);
      expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringMatching(/warnings +0\n$/) });
      expect(stdout).toMatch(/^version +\d+\.\d+/m);
      expect(stdout).toMatch(/^latency +[\d.]+ ms$/m);
      expect(stdout).toMatch(/^clock +within 5 seconds of this machine$/m);
      expect(stdout).toMatch(/^settings +no app has recorded its settings in this namespace$/m);
      expect(stdout).toMatch(/^eviction +noeviction$/m);
      expect(stdout).toMatch(/^persistence +append-only file$/m);
      expect(stdout).toMatch(/^replicas +0$/m);
      expect(stdout).toMatch(/^memory +[\d.]+ MB, no limit$/m);
      expect(stdout).toMatch(/^revocation +[\d.]+ ms after a change, measured$/m);
      expect(stdout).toMatch(/^feeds +0 of other processes$/m);
    } finally {
      await server.stop();
    }
  });

  test('doctor counts the keys and the feeds of other processes, and leaves nothing behind', async () => {
    const server = await startRedis({ persistent: true });
    const redis = new Redis(server.url);
    const apiKeys = createApiKeys({ permissions: { conversations: { label: 'Conversations' } }, redis });
    try {
      await apiKeys.ready();
      for (const name of ['a', 'b', 'c']) await apiKeys.keys.create({ name, permissions: ['conversations'] });
      const before = await redis.dbsize();
      const env = { KEYSCOPE_NAMESPACE: 'keyscope', KEYSCOPE_PERMISSIONS: 'conversations' };
      const { code, stdout } = await world.run(['doctor', '--redis', server.url, '--json'], { env });
      expect(JSON.parse(stdout)).toMatchObject({ keys: 3, feeds: 1, notes: [], warnings: [], mode: 'tracking' });
      expect(code).toBe(0);
      expect(await redis.dbsize()).toBe(before);
    } finally {
      await apiKeys.close();
      redis.disconnect();
      await server.stop();
    }
  });

  test('doctor exits 0 with a note when checks are not permitted, and 1 with --strict', async () => {
    const server = await startRedis();
    const proxy = await startRestrictedRedis(server.port, restrictedInfo);
    try {
      const redis = `redis://127.0.0.1:${proxy.port}`;
      const { code, stdout } = await world.run(['doctor', '--redis', redis]);
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^note +.*not checked/m) });
      expect((await world.run(['doctor', '--redis', redis, '--strict'])).code).toBe(1);
    } finally {
      await proxy.close();
      await server.stop();
    }
  });

  test('doctor says that facts are not visible when the user may not read them', async () => {
    const server = await startRedis();
    const admin = new Redis(server.url);
    try {
      await admin.call('acl', 'setuser', 'app', 'on', '>pw', '~*', '&*', '+@all', '-info', '-config', '-client|list');
      const { code, stdout } = await world.run(['doctor', '--redis', `redis://app:pw@127.0.0.1:${server.port}`]);
      expect(code).toBe(0);
      for (const fact of ['version', 'eviction', 'memory', 'feeds']) {
        expect(stdout).toMatch(new RegExp(`^${fact} +not visible to this user$`, 'm'));
      }
    } finally {
      admin.disconnect();
      await server.stop();
    }
  });

  test('doctor exits 3 with the reason when Redis is unreachable', async () => {
    const port = await freePort();
    const { code, stdout, stderr } = await world.run(['doctor', '--redis', `redis://127.0.0.1:${port}`]);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(/^keyscope: Redis does not answer: .*ECONNREFUSED.*\n$/);
  });

  test('keys list says that the password is wrong and does not repeat it', async () => {
    const server = await startRedis();
    const admin = new Redis(server.url);
    try {
      await admin.config('SET', 'requirepass', 'right-password');
      const env = { REDIS_URL: server.url.replace('redis://', 'redis://:wrong-password@') };
      const { code, stderr } = await world.run(['keys', 'list'], { env });
      expect(code).toBe(3);
      expect(stderr).toMatch(/WRONGPASS|NOAUTH/);
      expect(stderr).not.toContain('..');
      expect(stderr.match(/WRONGPASS/g)?.length ?? 1).toBe(1);
      expect(stderr).not.toContain('wrong-password');
    } finally {
      admin.disconnect();
      await server.stop();
    }
  });
});
