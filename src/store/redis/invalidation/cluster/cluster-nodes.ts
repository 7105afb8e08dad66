import { parseInfo } from '../../info';
import { type Ask, isHidden } from '../../server-role';

/** The first and the last slot. */
type SlotRange = readonly [from: number, to: number];

/** A master, as a node of the Cluster describes it. */
export interface MasterRow {
  readonly id: string;
  readonly ranges: readonly SlotRange[];
  /** A majority has marked it as failed. */
  readonly hasFailed: boolean;
  /** Id, configuration epoch and slots, as a string. A majority of the masters has to agree on it. */
  readonly slotClaim: string;
}

/** A node's view of the Cluster. */
export interface ClusterView {
  /** The node's own id. */
  readonly id: string;
  /** It is a master with slots, and so votes on failovers. */
  readonly isVotingMaster: boolean;
  /** The latest epoch that the node knows or has voted in. Failovers and moves of slots increase it. */
  readonly epoch: number;
  /** Number of masters with slots. */
  readonly votingMasters: number;
  /** Its description of itself, with slots that are being moved. A change of it ends the lease. */
  readonly selfDescription: string;
  readonly slotClaim: string;
  readonly owns: (slot: number) => boolean;
  readonly masters: readonly MasterRow[];
}

/** `0-5460 7000` */
function parseRanges(ranges: readonly string[]): SlotRange[] {
  return ranges.map((range) => {
    const [from = '', to = from] = range.split('-');
    return [Number(from), Number(to)] as const;
  });
}

export function covers(ranges: readonly SlotRange[], slot: number): boolean {
  return ranges.some(([from, to]) => from <= slot && slot <= to);
}

/** Parses CLUSTER NODES and CLUSTER INFO. Null if they are not what they should be. */
function parseView(nodes: string, info: string): ClusterView | null {
  const masters: MasterRow[] = [];
  let own: { id: string; isMaster: boolean; slotClaim: string; ranges: SlotRange[]; leaving: string[] } | null = null;
  for (const line of nodes.split('\n')) {
    const [id, , flags = '', , , , epoch = '', , ...slots] = line.trim().split(' ');
    if (id === undefined || id === '') continue;
    const all = flags.split(',');
    const listed = slots.filter((slot) => !slot.startsWith('['));
    const ranges = parseRanges(listed);
    const slotClaim = `${id} ${epoch} ${listed.join(' ')}`;
    if (all.includes('master')) masters.push({ id, slotClaim, ranges, hasFailed: all.includes('fail') });
    if (!all.includes('myself')) continue;
    // `[77->-<id>]`: slot 77 is being moved away. Keys that are no longer here are looked up there.
    const leaving = slots.filter((slot) => slot.includes('->-'));
    own = { id, isMaster: all.includes('master'), slotClaim, ranges, leaving };
  }
  const facts = parseInfo(info);
  const epoch = Number(facts.get('cluster_current_epoch'));
  const votingMasters = Number(facts.get('cluster_size'));
  if (own === null || !Number.isInteger(epoch) || !Number.isInteger(votingMasters)) {
    return null;
  }

  const { id, isMaster, slotClaim, ranges } = own;
  const leaving = new Set(own.leaving.map((slot) => Number.parseInt(slot.slice(1), 10)));
  return {
    id,
    isVotingMaster: isMaster && ranges.length > 0,
    epoch,
    votingMasters,
    selfDescription: `${isMaster} ${slotClaim} ${own.leaving.join(' ')}`,
    slotClaim,
    owns: (slot) => !leaving.has(slot) && covers(ranges, slot),
    masters,
  };
}

/** Null if the node does not describe the Cluster: the user may not run the commands, or the service lacks them. */
export async function askView(ask: Ask): Promise<ClusterView | null> {
  try {
    const [nodes, info] = await Promise.all([ask('cluster', 'NODES'), ask('cluster', 'INFO')]);
    return parseView(String(nodes), String(info));
  } catch (error) {
    if (isHidden(error)) return null;
    throw error;
  }
}

/** Which node a feed is on. */
export async function identifyNode(ask: Ask): Promise<string> {
  return String(await ask('cluster', 'MYID'));
}
