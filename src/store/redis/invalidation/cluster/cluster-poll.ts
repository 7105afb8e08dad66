import type { Lease, Timestamps } from '../../../lease';
import type { ClusterView } from './cluster-nodes';

/** One round of questions to all masters of a Cluster, and what has come of it. */
export class ClusterPoll<Node> {
  readonly number: number;
  /** Before anything was asked. */
  readonly sent: Timestamps;
  readonly #leases: ReadonlyMap<Node, Lease>;
  readonly #heard = new Set<Node>();
  readonly #views = new Map<Node, ClusterView>();
  /** How many voting masters say the same of a master, by what they say. */
  readonly #votes = new Map<string, number>();

  /** @param leases - those in force when the poll begins. */
  constructor(number: number, sent: Timestamps, leases: ReadonlyMap<Node, Lease>) {
    this.number = number;
    this.sent = sent;
    this.#leases = leases;
  }

  /** A node has answered on its feed. */
  hear(node: Node): void {
    this.#heard.add(node);
  }

  /** A node has said how it sees the Cluster. What a voting master in the latest epoch says counts for others too. */
  add(node: Node, view: ClusterView, epoch: number): void {
    this.#views.set(node, view);
    if (!view.isVotingMaster || view.epoch !== epoch) return;
    for (const { slotClaim, hasFailed } of view.masters) {
      if (!hasFailed) this.#votes.set(slotClaim, (this.#votes.get(slotClaim) ?? 0) + 1);
    }
  }

  /** Those of whom there is a view. */
  get viewed(): Iterable<Node> {
    return this.#views.keys();
  }

  /** What a node's lease may be extended by: its own word, that of its feed, and that of more than half of the masters. */
  confirmed(node: Node, epoch: number): { readonly lease: Lease; readonly view: ClusterView } | null {
    const view = this.#views.get(node);
    const lease = this.#leases.get(node);
    if (view === undefined || lease === undefined || !this.#heard.has(node)) return null;
    if (!view.isVotingMaster || view.epoch !== epoch) return null;
    return (this.#votes.get(view.slotClaim) ?? 0) * 2 > view.votingMasters ? { lease, view } : null;
  }
}
