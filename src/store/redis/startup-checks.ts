import { within } from '../../timeout';
import type { StoreEvent } from '../store';
import { isCluster, type RedisClient } from './client';
import { listenTo } from './client-events';
import type { Connection } from './connection';
import { refusalCode, unavailable } from './errors';
import { parseInfo } from './info';

/** How long a client may take to connect for the first time: as long as a container next door takes to start. */
export const START_TIMEOUT = 5000;

/** A wrong or missing password. Servers before Redis 6 reply with an `ERR` to a password that they do not have. */
const WRONG_CREDENTIALS = /^(?:NOAUTH|WRONGPASS)\b|invalid password|without any password/i;

class UnusableServer extends Error {}

/** Waits until the server answers. Rejects with the reason if it does not. */
export async function waitForServer(client: RedisClient, connection: Connection): Promise<void> {
  let lastError: unknown;
  // The reason is in the `error` event. Without a listener, ioredis would print it.
  const onError = (error: unknown) => {
    lastError = error;
  };
  const stopListening = listenTo(client, 'error', onError);
  try {
    if (connection.isEnded) throw new Error('the client has been closed');
    await connection.waitUntilReady(START_TIMEOUT);
    const problem = connection.server?.problem ?? null;
    if (problem !== null) throw new UnusableServer(problem);
    await within(START_TIMEOUT, client.call('ping'));
  } catch (error) {
    if (error instanceof UnusableServer) throw unavailable(`Redis cannot be used: ${error.message}.`);
    const cause = lastError ?? error;
    const reason = (cause instanceof Error ? cause.message : String(cause)).replace(/\.$/, '');
    if (WRONG_CREDENTIALS.test(reason)) {
      throw unavailable(`Redis does not accept the client: ${reason}. Check its username and password.`, cause);
    }
    throw unavailable(`Redis does not answer: ${reason}. Check the address and that it is running.`, cause);
  } finally {
    stopListening();
  }
}

/** Inspects the server's configuration. This is advice: it must neither fail a start nor delay it for long. */
export async function warnAtStart(
  client: RedisClient,
  timeout: number,
  emit: (event: StoreEvent) => void,
): Promise<void> {
  try {
    for (const warning of await within(timeout, inspectServer(client))) emit(warning);
  } catch {
    const message = 'Redis took too long to report its configuration, so it was not checked.';
    emit({ type: 'warning', code: 'not_checked', message });
  }
}

export type StoreWarning = Extract<StoreEvent, { type: 'warning' }>;

const OLDEST_SERVER = [6, 2];

function warning(code: string, message: string): StoreWarning {
  return { type: 'warning', code, message };
}

function isOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_SERVER;
  return major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
}

/** The value of a CONFIG parameter: a flat array in RESP2, a map (an object, or a `Map`) in RESP3. */
function configValue(reply: unknown, name: string): string | undefined {
  if (Array.isArray(reply)) return reply.flat()[1];
  if (reply instanceof Map) return reply.get(name);
  return typeof reply === 'object' && reply !== null ? (reply as Record<string, string>)[name] : undefined;
}

function notChecked(what: string, error: unknown): StoreWarning {
  const code = error instanceof Error ? refusalCode(error) : 'ERR';
  return warning('not_checked', `Redis does not let us see ${what} (${code}), so it was not checked.`);
}

async function inspectPersistence(client: RedisClient, info: Map<string, string>): Promise<StoreWarning[]> {
  if (info.get('aof_enabled') === '1') return [];
  try {
    const save = configValue(await client.call('config', 'GET', 'save'), 'save');
    if (save === '') {
      const message = 'Redis keeps nothing on disk: a restart loses all keys. Set `appendonly yes`.';
      return [warning('no_persistence', message)];
    }
  } catch (error) {
    return [notChecked('whether it saves to disk: check that `appendonly` is `yes`', error)];
  }
  const message =
    'Redis keeps snapshots only: a crash loses the last minutes, and brings back keys deleted in them. ' +
    'Set `appendonly yes`.';
  return [warning('snapshots_only', message)];
}

async function inspectNode(client: RedisClient): Promise<StoreWarning[]> {
  let info: Map<string, string>;
  try {
    info = parseInfo(await client.call('info'));
  } catch (error) {
    return [notChecked('its INFO: version, memory policy, persistence and replicas', error)];
  }
  const found: StoreWarning[] = [];

  const version = info.get('redis_version') ?? '';
  if (isOld(version)) {
    found.push(warning('old_server', `Redis ${version} is older than ${OLDEST_SERVER.join('.')}. Use a newer one.`));
  }
  const policy = info.get('maxmemory_policy') ?? '';
  // `volatile-…` evicts only keys with a time to live, and ours have none.
  if (policy.startsWith('allkeys')) {
    const message = `Redis may delete keys when its memory is full: \`maxmemory-policy\` is \`${policy}\`. Set \`noeviction\`.`;
    found.push(warning('evicting', message));
  }
  // INFO has this line only if `min-replicas-to-write` is set.
  if (Number(info.get('connected_slaves')) > 0 && !info.has('min_slaves_good_slaves')) {
    const message =
      'Redis has replicas, and takes changes without them: a failover can bring deleted keys back. ' +
      'Set `min-replicas-to-write 1`.';
    found.push(warning('replicas_not_awaited', message));
  }
  return [...found, ...(await inspectPersistence(client, info))];
}

/**
 * Warnings about settings of a server, or of the masters of a Cluster, that endanger keys, each with the setting to
 * change. One warning of each kind. A check that is not permitted is also a warning. Never rejects.
 */
export async function inspectServer(client: RedisClient): Promise<StoreWarning[]> {
  const nodes = isCluster(client) ? client.nodes('master') : [client];
  const warnings = new Map<string, StoreWarning>();
  for (const found of await Promise.all(nodes.map(inspectNode))) {
    for (const item of found) if (!warnings.has(item.code)) warnings.set(item.code, item);
  }
  return [...warnings.values()];
}
