import type { Clock } from '../../../../clock';
import { NEVER, type Timestamps } from '../../../lease';
import { type ClusterView, covers } from './cluster-nodes';

export const UNCONFIRMED =
  'not more than half of the masters confirm that the node owns the slot, so that another one can';

interface Reply {
  /** Before the node was asked. */
  readonly sent: Timestamps;
  /** Null if the node does not describe the Cluster. */
  readonly view: ClusterView | null;
}

/**
 * Knows which nodes can be read from. A master that was frozen or cut off still answers reads after another one has been
 * elected for its slots. So it is read from only while more than half of the masters, each asked within the last lag, say
 * that it owns the slot and has not failed.
 *
 * The argument: a replica is elected by more than half of the masters, and a master votes only if it has marked the old one as
 * failed. So one of those that confirm the node has voted after it was asked, if another has been elected, and changes that the
 * other acknowledged are not older than a lag. Unlike a lease, this does not need one epoch for all: slots can move.
 */
export class SlotOwners<Node extends object> {
  readonly #clock: Clock;
  readonly #maxRevocationLag: number;
  readonly #replies = new WeakMap<Node, Reply>();

  constructor({ clock, maxRevocationLag }: { readonly clock: Clock; readonly maxRevocationLag: number }) {
    this.#clock = clock;
    this.#maxRevocationLag = maxRevocationLag;
  }

  /** A node has replied, with its view of the Cluster or null. */
  add(node: Node, sent: Timestamps, view: ClusterView | null): void {
    const last = this.#replies.get(node);
    if (last === undefined || last.sent.monotonic < sent.monotonic) this.#replies.set(node, { sent, view });
  }

  /** The node's address can lead to another one. */
  forget(node: Node): void {
    this.#replies.delete(node);
  }

  /** When a node that has replied was last asked. */
  answeredAt(node: Node): Timestamps {
    return this.#replies.get(node)?.sent ?? NEVER;
  }

  /** Why a node must not be read from; null if it may be, or if it does not describe the Cluster. */
  problemOf(node: Node, slot: number, nodes: Iterable<Node>): string | null {
    const reply = this.#replies.get(node);
    if (reply === undefined) return UNCONFIRMED;
    if (reply.view === null) return null;
    const { id } = reply.view;
    let votes = 0;
    let voters = 0;
    for (const other of nodes) {
      const { sent, view } = this.#replies.get(other) ?? { sent: NEVER, view: null };
      if (view === null || !this.#isRecent(sent) || !view.isVotingMaster) continue;
      voters = Math.max(voters, view.votingMasters);
      const row = view.masters.find((master) => master.id === id);
      if (row !== undefined && !row.hasFailed && covers(row.ranges, slot)) votes += 1;
    }
    return votes * 2 > voters ? null : UNCONFIRMED;
  }

  /** By both clocks: one stops while a machine is suspended, the other can be set back. */
  #isRecent({ monotonic, wall }: Timestamps): boolean {
    const age = Math.max(this.#clock.monotonic() - monotonic, this.#clock.wall() - wall);
    return age < this.#maxRevocationLag;
  }
}
