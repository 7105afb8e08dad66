import { KeyscopeError } from '../../errors';

/** The part of an ioredis pipeline that this package uses. */
export interface RedisPipeline {
  call(command: string, ...args: string[]): unknown;
  exec(): Promise<[error: Error | null, reply: unknown][] | null>;
}

/**
 * The part of an ioredis `Redis` or `Cluster`, version 5.4 or later, that this package uses. It is described by its
 * shape, so that the types of this package do not depend on the installed version of ioredis, or on whether it is
 * installed.
 */
export interface RedisClient {
  readonly status: string;
  readonly isCluster: boolean;
  readonly options: object;
  connect(): Promise<void>;
  disconnect(reconnect?: boolean): void;
  duplicate(override?: object): RedisClient;
  call(command: string, ...args: string[]): Promise<unknown>;
  pipeline(): RedisPipeline;
  defineCommand(name: string, definition: { lua: string; numberOfKeys?: number }): void;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  off(event: string, listener: (...args: unknown[]) => void): unknown;
}

/** Members that only a `Cluster` has. */
export interface RedisCluster extends RedisClient {
  readonly isCluster: true;
  /** The addresses of the nodes that serve each slot, the master first. */
  readonly slots: readonly (readonly string[] | undefined)[];
  nodes(role: 'master'): RedisClient[];
  /** Asks the nodes again which of them serves which slot. */
  refreshSlotsCache(): void;
}

export function isCluster(client: RedisClient): client is RedisCluster {
  return client.isCluster;
}

/** Whether the client gets the address of its master from Sentinel. */
export function usesSentinels(client: RedisClient): boolean {
  return Boolean((client.options as { sentinels?: unknown }).sentinels);
}

/** Address of a node in readable form: its socket path, or host and port. With Sentinel, the name of the master. */
export function addressOf(client: RedisClient): string {
  const { host, port, path, name } = client.options as { host?: string; port?: number; path?: string; name?: string };
  if (usesSentinels(client)) return String(name);
  return path ?? `${host}:${port}`;
}

/** Prefix that the client itself adds to every key. */
export function keyPrefixOf(client: RedisClient): string {
  const { keyPrefix } = client.options as { keyPrefix?: unknown };
  return keyPrefix === undefined || keyPrefix === null ? '' : String(keyPrefix);
}

/**
 * Why the client must not be read from, if the app has changed its key prefix: Redis sends no invalidations for other keys.
 *
 * @param prefix - The prefix that it had at first.
 */
export function prefixProblem(client: RedisClient, prefix: string): string | null {
  if (keyPrefixOf(client) === prefix) return null;
  return 'the app has changed `keyPrefix` of the client; give keyscope a client of its own';
}

const METHODS = ['connect', 'disconnect', 'duplicate', 'call', 'pipeline', 'defineCommand', 'on', 'off'] as const;

function invalid(message: string): KeyscopeError {
  return new KeyscopeError('invalid_options', message, { issues: [{ path: 'redis', message }] });
}

/** Why the client reads from replicas, which lag behind their master by any amount; null if it reads from masters. */
export function replicaProblem(client: RedisClient): string | null {
  const { scaleReads = 'master', role = 'master' } = client.options as { scaleReads?: unknown; role?: unknown };
  if (isCluster(client)) {
    if (scaleReads === 'master') return null;
    return "`redis` reads from replicas, which lag behind. Give a `Cluster` with `scaleReads: 'master'`";
  }
  if (role === 'master') return null;
  return "`redis` connects to replicas, which lag behind. Give a `Redis` with `role: 'master'`";
}

/**
 * Throws `invalid_options` if the value is not an ioredis client, or if the client reads from replicas. A revoked key
 * could then be accepted for longer than `maxRevocationLag`.
 */
export function checkClient(client: RedisClient): void {
  const given: unknown = client;
  const fits =
    typeof given === 'object' &&
    given !== null &&
    METHODS.every((name) => typeof Reflect.get(given, name) === 'function');
  if (!fits) {
    throw invalid('`redis` is not a client of ioredis. Give an ioredis `Redis` or `Cluster`, version 5.4 or later.');
  }
  const problem = replicaProblem(client);
  if (problem !== null) throw invalid(`${problem}.`);
}
