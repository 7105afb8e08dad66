import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { startRedis } from './server';

/** A standalone Redis for a suite, and the namespace in which it is the suite's own. */
export interface TestRedis {
  readonly url: string;
  readonly namespace: string;
  /** Ends the server, or removes the namespace from one that was given. */
  stop(): Promise<void>;
}

async function removeNamespace(url: string, namespace: string): Promise<void> {
  const admin = new Redis(url);
  let cursor = '0';
  do {
    const [next, keys] = await admin.scan(cursor, 'MATCH', `*${namespace}*`, 'COUNT', 1000);
    if (keys.length > 0) await admin.unlink(...keys);
    cursor = next;
  } while (cursor !== '0');
  admin.disconnect();
}

/** The server that `KEYSCOPE_TEST_REDIS_URL` names, or else one of our own. */
export async function testRedis(): Promise<TestRedis> {
  const namespace = `keyscope-test-${randomBytes(6).toString('hex')}`;
  const given = process.env.KEYSCOPE_TEST_REDIS_URL;
  if (given) return { url: given, namespace, stop: () => removeNamespace(given, namespace) };
  const server = await startRedis();
  return { url: server.url, namespace, stop: () => server.stop() };
}
