import { isRefusal, refusalCode } from './errors';
import { parseInfo } from './info';

/** Sends a command over one particular connection. */
export type Ask = (command: string, ...args: string[]) => Promise<unknown>;

/** Identity and role that a server outside of a Cluster reports. */
export interface ServerRole {
  /** Run id, new with each start of the server; null if the user or the service hides it. */
  readonly identity: string | null;
  /** As INFO names it: `master`, `slave`; KeyDB also has `active-replica`. */
  readonly role: string;
}

/** The user may not run the command, or the service has removed it. */
export function isHidden(error: unknown): boolean {
  return isRefusal(error) && /^(?:NOPERM|ERR)$/.test(refusalCode(error));
}

async function askInfo(ask: Ask, section: string): Promise<Map<string, string>> {
  try {
    return parseInfo(await ask('info', section));
  } catch (error) {
    if (isHidden(error)) return new Map();
    throw error;
  }
}

/** The server's role. A server that hides its role counts as a master. Rejects if it does not answer. */
export async function askRole(ask: Ask): Promise<string> {
  return (await askInfo(ask, 'replication')).get('role') ?? 'master';
}

/** The server's run id and role, in one round trip. Rejects if it does not answer. */
export async function askServerRole(ask: Ask): Promise<ServerRole> {
  const [server, role] = await Promise.all([askInfo(ask, 'server'), askRole(ask)]);
  return { identity: server.get('run_id') ?? null, role };
}

/** Why a server must not be read from, if its role is the reason; null for a master. */
export function roleProblem(role: string): string | null {
  if (role === 'master') return null;
  if (role === 'slave' || role === 'replica') return 'the server is a replica, which lags behind its master';
  return `the server calls itself "${role}", not "master"`;
}

/** The run id of the server that a feed is on. Rejects on a replica: it applies changes late. */
export async function identifyMaster(ask: Ask): Promise<string | null> {
  const { identity, role } = await askServerRole(ask);
  const problem = roleProblem(role);
  if (problem !== null) throw new Error(`${problem[0]?.toUpperCase()}${problem.slice(1)}.`);
  return identity;
}

/** The database in a reply to CLIENT INFO; null if it contains none. */
export function parseDatabase(reply: unknown): number | null {
  const found = /(?:^| )db=(\d+)/.exec(String(reply));
  return found === null ? null : Number(found[1]);
}

/** The database that a connection is in; null if the server does not say (before Redis 6.2, or not permitted). */
export async function askDatabase(ask: Ask): Promise<number | null> {
  try {
    return parseDatabase(await ask('client', 'INFO'));
  } catch (error) {
    if (isHidden(error)) return null;
    throw error;
  }
}
