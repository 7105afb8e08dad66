import type { Lease, Timestamps } from '../../../lease';
import type { ClusterView } from './cluster-nodes';

/** One round of commands to all masters of a Cluster, and their replies. */
export class ClusterPoll<Node> {
  readonly number: number;
  /** Before anything was asked. */
  readonly sent: Timestamps;
  readonly #leases: ReadonlyMap<Node, Lease>;
  readonly #answered = new Set<Node>();
  readonly #views = new Map<Node, ClusterView>();
  /** The number of voting masters that agree on a slot claim. */
  readonly #votes = new Map<string, number>();

  /** @param leases - those in force when the poll begins. */
  constructor(number: number, sent: Timestamps, leases: ReadonlyMap<Node, Lease>) {
    this.number = number;
    this.sent = sent;
    this.#leases = leases;
  }

  /** A node has replied on its feed. */
  markAnswered(node: Node): void {
    this.#answered.add(node);
  }

  /** Adds a node's view of the Cluster. The view of a voting master in the latest epoch also counts for other nodes. */
  add(node: Node, view: ClusterView, epoch: number): void {
    this.#views.set(node, view);
    if (!view.isVotingMaster || view.epoch !== epoch) return;
    for (const { slotClaim, hasFailed } of view.masters) {
      if (!hasFailed) this.#votes.set(slotClaim, (this.#votes.get(slotClaim) ?? 0) + 1);
    }
  }

  /** Nodes with a view. */
  get viewed(): Iterable<Node> {
    return this.#views.keys();
  }

  /** The lease to extend and the node's view, if the node, its feed and more than half of the masters confirm it. */
  confirmed(node: Node, epoch: number): { readonly lease: Lease; readonly view: ClusterView } | null {
    const view = this.#views.get(node);
    const lease = this.#leases.get(node);
    if (view === undefined || lease === undefined || !this.#answered.has(node)) return null;
    if (!view.isVotingMaster || view.epoch !== epoch) return null;
    return (this.#votes.get(view.slotClaim) ?? 0) * 2 > view.votingMasters ? { lease, view } : null;
  }
}
