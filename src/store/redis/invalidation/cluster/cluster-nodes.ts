import { parseInfo } from '../../info';
import type { Ask } from '../../server-role';

/** What one node of a Cluster says of a master. */
export interface MasterRow {
  readonly id: string;
  readonly hasSlots: boolean;
  /** The majority has given it up. */
  readonly hasFailed: boolean;
  /** Id, configuration epoch and slots as text: what has to be the same in everybody's eyes. */
  readonly slotClaim: string;
}

/** What a node of a Cluster says of itself and the others. */
export interface ClusterView {
  /** The node's own id. */
  readonly id: string;
  /** It is a master that has slots: one that decides on failovers. */
  readonly isVotingMaster: boolean;
  /** The epoch of the latest failover, or of the latest move of slots, that the node has heard of or voted for. */
  readonly epoch: number;
  /** How many masters there are that have slots. */
  readonly votingMasters: number;
  /** What it says of itself, moves that are under way included. Whatever changes in it ends what was promised before. */
  readonly selfDescription: string;
  readonly slotClaim: string;
  readonly owns: (slot: number) => boolean;
  readonly masters: readonly MasterRow[];
}

/** `0-5460 7000` */
function parseRanges(ranges: readonly string[]): (readonly [number, number])[] {
  return ranges.map((range) => {
    const [from = '', to = from] = range.split('-');
    return [Number(from), Number(to)] as const;
  });
}

/** CLUSTER NODES, and CLUSTER INFO. Throws where they are not what they should be. */
export function parseView(nodes: string, info: string): ClusterView {
  const masters: MasterRow[] = [];
  let own: { id: string; isMaster: boolean; slotClaim: string; ranges: string[]; leaving: string[] } | null = null;
  for (const line of nodes.split('\n')) {
    const [id, , flags = '', , , , epoch = '', , ...slots] = line.trim().split(' ');
    if (id === undefined || id === '') continue;
    const all = flags.split(',');
    const ranges = slots.filter((slot) => !slot.startsWith('['));
    const slotClaim = `${id} ${epoch} ${ranges.join(' ')}`;
    if (all.includes('master'))
      masters.push({ id, slotClaim, hasSlots: ranges.length > 0, hasFailed: all.includes('fail') });
    if (!all.includes('myself')) continue;
    // `[77->-<id>]`: slot 77 is being moved away. What is not here any more is asked for there.
    const leaving = slots.filter((slot) => slot.includes('->-'));
    own = { id, isMaster: all.includes('master'), slotClaim, ranges, leaving };
  }
  const facts = parseInfo(info);
  const epoch = Number(facts.get('cluster_current_epoch'));
  const votingMasters = Number(facts.get('cluster_size'));
  if (own === null || !Number.isInteger(epoch) || !Number.isInteger(votingMasters)) {
    throw new Error('The node does not say what it is in its Cluster.');
  }

  const { id, isMaster, slotClaim } = own;
  const ranges = parseRanges(own.ranges);
  const leaving = new Set(own.leaving.map((slot) => Number.parseInt(slot.slice(1), 10)));
  return {
    id,
    isVotingMaster: isMaster && ranges.length > 0,
    epoch,
    votingMasters,
    selfDescription: `${isMaster} ${slotClaim} ${own.leaving.join(' ')}`,
    slotClaim,
    owns: (slot) => !leaving.has(slot) && ranges.some(([from, to]) => from <= slot && slot <= to),
    masters,
  };
}

export async function askView(ask: Ask): Promise<ClusterView> {
  const [nodes, info] = await Promise.all([ask('cluster', 'NODES'), ask('cluster', 'INFO')]);
  return parseView(String(nodes), String(info));
}

/** Which node a feed is on. */
export async function identifyNode(ask: Ask): Promise<string> {
  return String(await ask('cluster', 'MYID'));
}
