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
  test('says what endangers keys, and what to set', async () => {
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

  test('finds nothing wrong with a server that keeps what it is given', async () => {
    const server = await startRedis({ persistent: true });
    try {
      const { code, stdout } = await world.run(['doctor', '--redis', server.url]);
      expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringMatching(/warnings +0\n$/) });
    } finally {
      await server.stop();
    }
  });

  test('says why there is no answer', async () => {
    const port = await freePort();
    const { code, stdout, stderr } = await world.run(['doctor', '--redis', `redis://127.0.0.1:${port}`]);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(/^keyscope: Redis does not answer: .*ECONNREFUSED.*\n$/);
  });

  test('says when Redis wants a password, without telling the one it was given', async () => {
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
