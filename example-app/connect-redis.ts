import { Redis } from 'ioredis';

/** Something whoever started the example can put right: shown as a sentence, without a stack. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** Milliseconds in which Redis has to answer at the start. */
const PATIENCE = 4000;
const LONGEST_PAUSE = 2000;
const FAREWELL = 200;

/** Where a Redis is, without the password that its URL may hold. */
function placeOf(url: string): string {
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
 * A connection that is known to work. Rejects with a `StartError` where Redis cannot be reached or does not answer in
 * time. Afterwards the connection restores itself; `onOutage` hears of each outage once.
 */
export async function connectRedis(
  url: string,
  onOutage: (reason: string) => void,
  patience = PATIENCE,
): Promise<Redis> {
  const place = placeOf(url);
  let started = false;
  let failing = '';
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: patience,
    // ioredis waits this long for a socket that may have closed long ago, and keeps the process for it.
    disconnectTimeout: FAREWELL,
    retryStrategy: (attempt) => (started ? Math.min(attempt * 100, LONGEST_PAUSE) : null),
  });
  redis.on('ready', () => {
    failing = '';
  });
  redis.on('error', (error: Error) => {
    // A host name with several addresses fails with an AggregateError, whose own message is empty.
    const reason = error.message || String((error as NodeJS.ErrnoException).code ?? error.name);
    if (started && failing === '') onOutage(`Redis at ${place}: ${reason}`);
    failing = reason;
  });

  let tooLate = false;
  const timer = setTimeout(() => {
    tooLate = true;
    redis.disconnect();
  }, patience);
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    redis.disconnect();
    const reason = tooLate ? `it has not answered for ${patience / 1000} seconds` : failing || (error as Error).message;
    throw new StartError(
      `Redis at ${place} cannot be used: ${reason}. Check REDIS_URL, or leave it out to keep keys in memory.`,
    );
  } finally {
    clearTimeout(timer);
  }
  started = true;
  return redis;
}
