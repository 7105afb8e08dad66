import { type AddressInfo, createServer, type Socket } from 'node:net';
import { connectRedis, StartError } from '../../example-app/connect-redis';
import { startRedis } from '../support/redis/server';
import { waitUntil } from '../support/wait-until';

const ignore = () => undefined;

test.each([
  ['localhost:6379', /REDIS_URL begins with localhost:/],
  ['6379', /REDIS_URL is not a URL/],
  ['http://127.0.0.1:6379', /REDIS_URL begins with http:\/\//],
])('%s is not the address of a Redis', async (url, sentence) => {
  await expect(connectRedis(url, ignore)).rejects.toThrow(sentence);
  await expect(connectRedis(url, ignore)).rejects.toBeInstanceOf(StartError);
});

test('connectRedis rejects when the server accepts the connection and sends nothing', async () => {
  const sockets: Socket[] = [];
  const silent = createServer((socket) => sockets.push(socket.resume()));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const url = `redis://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  try {
    await expect(connectRedis(url, ignore, 200)).rejects.toThrow('it has not answered for 0.2 seconds');
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => silent.close(resolve));
  }
});

test('connectRedis rejects with the reason of Redis when the password is missing or wrong', async () => {
  // Set afterwards: the helper waits for PONG, which a protected server does not say.
  const open = await startRedis();
  try {
    const admin = await connectRedis(open.url, ignore);
    await admin.config('SET', 'requirepass', 'hunter2');
    admin.disconnect();
    await expect(connectRedis(open.url, ignore)).rejects.toThrow(/cannot be used: .*NOAUTH/);
    const wrong = open.url.replace('redis://', 'redis://:wrong@');
    await expect(connectRedis(wrong, ignore)).rejects.toThrow(/cannot be used: .*WRONGPASS/);
    await expect(connectRedis(wrong, ignore)).rejects.not.toThrow(/wrong@/);
  } finally {
    await open.stop();
  }
});

test('connectRedis reports an outage once and reconnects', async () => {
  const server = await startRedis();
  const reasons: string[] = [];
  const redis = await connectRedis(server.url, (reason) => reasons.push(reason));
  try {
    await server.kill('SIGKILL');
    let attempts = 0;
    redis.on('reconnecting', () => {
      attempts += 1;
    });
    await waitUntil('it has tried again in vain', () => attempts >= 3);
    await server.restart();
    await waitUntil('Redis answers again', async () => (await redis.ping()) === 'PONG');
    expect(reasons).toEqual([expect.stringContaining(`Redis at 127.0.0.1:${server.port}: `)]);
  } finally {
    redis.disconnect();
    await server.stop();
  }
});
