import { Redis } from 'ioredis';
import { freePort } from '../support/redis/free-port';
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
    } finally {
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
