import { Redis } from 'ioredis';

/** A mistake in the environment of the example: printed as a sentence, without a stack. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** Milliseconds in which Redis has to answer at the start. */
const CONNECT_TIMEOUT = 4000;
const MAX_RETRY_DELAY = 2000;
const DISCONNECT_TIMEOUT = 200;

/** Host and port of a Redis URL, without its password. */
function addressOf(url: string): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new StartError('REDIS_URL is not a URL. Give one such as redis://127.0.0.1:6379.');
  }
  if (parsed.protocol !== 'redis:' && parsed.protocol !== 'rediss:') {
    throw new StartError(`REDIS_URL begins with ${parsed.protocol}//. Give one such as redis://127.0.0.1:6379.`);
  }
  return parsed.host || '127.0.0.1';
}

/**
 * A verified connection. Rejects with a `StartError` if Redis cannot be reached or does not answer in time. Afterwards
 * ioredis reconnects; `onOutage` is called once for each outage.
 */
export async function connectRedis(
  url: string,
  onOutage: (reason: string) => void,
  timeout = CONNECT_TIMEOUT,
): Promise<Redis> {
  const address = addressOf(url);
  let started = false;
  let failing = '';
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: timeout,
    // ioredis keeps the process alive this long for a socket that may be closed already.
    disconnectTimeout: DISCONNECT_TIMEOUT,
    retryStrategy: (attempt) => (started ? Math.min(attempt * 100, MAX_RETRY_DELAY) : null),
  });
  redis.on('ready', () => {
    failing = '';
  });
  redis.on('error', (error: Error) => {
    // A host name with several addresses fails with an AggregateError, whose own message is empty.
    const reason = error.message || String((error as NodeJS.ErrnoException).code ?? error.name);
    if (started && failing === '') onOutage(`Redis at ${address}: ${reason}`);
    failing = reason;
  });

  let tooLate = false;
  const timer = setTimeout(() => {
    tooLate = true;
    redis.disconnect();
  }, timeout);
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    redis.disconnect();
    const reason = tooLate ? `it has not answered for ${timeout / 1000} seconds` : failing || (error as Error).message;
    throw new StartError(
      `Redis at ${address} cannot be used: ${reason}. Check REDIS_URL, or leave it out to keep keys in memory.`,
    );
  } finally {
    clearTimeout(timer);
  }
  started = true;
  return redis;
}
