import { usageError } from './io';

/**
 * The addresses that every version of ioredis reads as the URL standard does:
 * `redis://user:password@host:6379/0?family=6`.
 */
const URL_ADDRESS =
  /^rediss?:\/\/(?:([^\s:@/?#]*)(?::([^\s@/?#]*))?@)?(?:\[[0-9a-f:.]+\]|[^\s:@/?#[\]]+)(?::\d{1,5})?(\/[^\s?#]*)?(?:\?[^\s#]*)?$/i;
/** `unix://user:password@/run/redis.sock?db=0` */
const SOCKET_ADDRESS = /^unix:\/\/(?:([^\s:@/?#]*)(?::([^\s@/?#]*))?@)?(\/[^\s?#]+)(?:\?db=(\d{1,5}))?$/;
/** `redis+sentinel://user:password@host1:26379,host2:26379/mymaster/0`, with the user and the password of Redis */
const SENTINEL_ADDRESS =
  /^redis\+sentinel:\/\/(?:([^\s:@/?#]*)(?::([^\s@/?#]*))?@)?([\w.-]+(?::\d{1,5})?(?:,[\w.-]+(?::\d{1,5})?)*)\/([^\s/?#]+)(?:\/(\d{1,5}))?$/i;

const ADDRESS_MESSAGE =
  'The address of Redis is invalid. Expected redis://127.0.0.1:6379, rediss://… for TLS, unix:///run/redis.sock, or redis+sentinel://host:26379,host:26379/NAME. In a user name or password, write % as %25, @ as %40, / as %2F and # as %23.';

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** The address without spaces at its ends. Errors of ioredis contain the address, and with it the password. */
export function checkAddress(given: string): string {
  const address = given.trim();
  const special = SOCKET_ADDRESS.exec(address) ?? SENTINEL_ADDRESS.exec(address);
  const found = special ?? (URL.canParse(address) ? URL_ADDRESS.exec(address) : null);
  const [, user = '', password = '', path = ''] = found ?? [];
  if (found === null || !isDecodable(user) || !isDecodable(password)) throw usageError(ADDRESS_MESSAGE);
  if (special === null && !/^\/?\d*$/.test(path)) {
    throw usageError('The path in the address of Redis is not the number of a database, such as /0.');
  }
  return address;
}

function login(user: string | undefined, password: string | undefined) {
  return {
    username: decodeURIComponent(user ?? '') || undefined,
    password: decodeURIComponent(password ?? '') || undefined,
  };
}

/** Options of ioredis for a unix socket or Sentinels, or null if the address is a URL that ioredis reads itself. */
export function clientOptionsOf(address: string): object | null {
  const socket = SOCKET_ADDRESS.exec(address);
  if (socket !== null) {
    const [, user, password, path, db = '0'] = socket;
    return { path, db: Number(db), ...login(user, password) };
  }
  const sentinel = SENTINEL_ADDRESS.exec(address);
  if (sentinel === null) return null;
  const [, user, password, hosts = '', name, db = '0'] = sentinel;
  const sentinels = hosts.split(',').map((host) => {
    const [hostname, port = '26379'] = host.split(':');
    return { host: hostname, port: Number(port) };
  });
  return { sentinels, name, db: Number(db), sentinelRetryStrategy: () => null, ...login(user, password) };
}
