import { once } from 'node:events';
import { createServer } from 'node:net';
import { CLUSTER_BUS_OFFSET, freePort } from './free-port';
import { startRedis } from './server';

test('startRedis rejects when another Redis server has the port', async () => {
  const first = await startRedis();
  try {
    await expect(startRedis({ port: first.port })).rejects.toThrow(/already in use/i);
  } finally {
    await first.stop();
  }
});

test('startRedis rejects when the Cluster bus port is taken', async () => {
  const port = await freePort();
  const other = createServer().listen(port + CLUSTER_BUS_OFFSET, '127.0.0.1');
  await once(other, 'listening');
  try {
    await expect(startRedis({ port, args: ['--cluster-enabled', 'yes'] })).rejects.toThrow(/port/i);
  } finally {
    other.close();
  }
});

test('freePort returns different ports when it is called at once', async () => {
  const ports = await Promise.all(Array.from({ length: 20 }, () => freePort()));
  expect(new Set(ports).size).toBe(20);
});
