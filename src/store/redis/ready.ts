import { within } from '../../deadline';
import type { StoreEvent } from '../store';
import type { RedisClient } from './client';
import type { Connection } from './connection';
import { inspectServer } from './doctor';
import { unavailable } from './unavailable';

/** How long a client may take to connect for the first time: as long as a container next door takes to start. */
const START_TIMEOUT = 5000;

/** Waits until the server answers, or says why it does not. */
export async function untilAnswering(client: RedisClient, connection: Connection): Promise<void> {
  let lastError: unknown;
  // While we listen, so that the reason is known; ioredis would otherwise print it.
  const remember = (error: unknown) => {
    lastError = error;
  };
  client.on('error', remember);
  try {
    if (connection.isOver) throw new Error('the client has been closed');
    await connection.untilReady(START_TIMEOUT);
    await within(START_TIMEOUT, client.call('ping'));
  } catch (error) {
    const cause = lastError ?? error;
    const reason = (cause instanceof Error ? cause.message : String(cause)).replace(/\.$/, '');
    throw unavailable(`Redis does not answer: ${reason}. Check the address and that it is running.`, cause);
  } finally {
    client.off('error', remember);
  }
}

/** Looks at how the server is set up. This is advice: it must neither fail a start nor hold it up for long. */
export async function inspectAtStart(
  client: RedisClient,
  timeout: number,
  emit: (event: StoreEvent) => void,
): Promise<void> {
  try {
    for (const warning of await within(timeout, inspectServer(client))) emit(warning);
  } catch {
    emit({ type: 'warning', code: 'not_checked', message: 'Redis took too long to say how it is set up.' });
  }
}
