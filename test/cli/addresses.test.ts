import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { startSentinels } from '../support/redis/sentinel';
import { startRedis } from '../support/redis/server';
import { createWorld, type World } from './harness';

jest.setTimeout(60_000);

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.end());

const CREATE = ['keys', 'create', '--name', 'CRM', '--permissions', 'conversations', '--quiet'];

async function createAndVerify(address: string): Promise<void> {
  const env = { REDIS_URL: address };
  const created = await world.run(CREATE, { env });
  expect(created).toMatchObject({ code: 0, stderr: '' });
  expect(await world.run(['verify'], { env, input: created.stdout })).toMatchObject({ code: 0 });
}

test('keys are created and verified when the address is a unix socket with a password and a database', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'keyscope-socket-'));
  const socket = path.join(folder, 'redis.sock');
  const server = await startRedis({ args: ['--unixsocket', socket] });

  try {
    const redis = new Redis(socket);
    await redis.config('SET', 'requirepass', 'p@ss');
    redis.disconnect();
    await createAndVerify(`unix://default:p%40ss@${socket}?db=3`);
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

test('keys are created and verified when the address names Sentinels', async () => {
  const servers = await startSentinels({ sentinels: 1 });
  try {
    const hosts = servers.addresses.map(({ host, port }) => `${host}:${port}`).join(',');
    await createAndVerify(`redis+sentinel://${hosts}/${servers.name}`);
    const unknown = await world.run(['keys', 'list'], { env: { REDIS_URL: `redis+sentinel://${hosts}/nothing` } });
    expect(unknown.code).toBe(3);
  } finally {
    await servers.stop();
  }
});

test.each([
  'unix://relative.sock',
  'unix:///run/redis.sock/0?db=x',
  'redis+sentinel://host:26379',
  'redis+sentinel:///n',
])('the address %s exits 2', async (address) => {
  const { code, stderr } = await world.run(['keys', 'list'], { env: { REDIS_URL: address } });
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('redis+sentinel://') });
});

test('--cluster with Sentinels exits 2', async () => {
  const env = { REDIS_URL: 'redis+sentinel://127.0.0.1:26379/mymaster' };
  expect(await world.run(['keys', 'list', '--cluster'], { env })).toMatchObject({ code: 2 });
});
