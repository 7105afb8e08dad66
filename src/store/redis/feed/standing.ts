import { parseInfo } from '../info';
import { isRefusal, refusalCode } from '../unavailable';
import type { Ask } from './session';

/** What a server outside of a Cluster is, by its own account. */
export interface Standing {
  /** Its run id, new with each start; null where it may not be known. */
  readonly identity: string | null;
  readonly isMaster: boolean;
}

/** Not being allowed to look is not a sign of anything. */
const UNKNOWN: Standing = { identity: null, isMaster: true };

/** Asks a server what it is. Rejects where it does not answer. */
export async function askStanding(ask: Ask): Promise<Standing> {
  try {
    const [server, replication] = (await Promise.all([ask('info', 'server'), ask('info', 'replication')])).map(
      parseInfo,
    );
    return { identity: server?.get('run_id') ?? null, isMaster: (replication?.get('role') ?? 'master') === 'master' };
  } catch (error) {
    if (isRefusal(error) && /^(?:NOPERM|ERR)$/.test(refusalCode(error))) return UNKNOWN;
    throw error;
  }
}

/** Which server a feed is on; rejects on replicas, which hear of changes late, if at all. */
export async function identifyMaster(ask: Ask): Promise<string | null> {
  const { identity, isMaster } = await askStanding(ask);
  if (!isMaster) throw new Error('The server is a replica.');
  return identity;
}
