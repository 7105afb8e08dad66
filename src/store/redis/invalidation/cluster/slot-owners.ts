import { NEVER, type Timestamps, timestampsOf } from '../../../lease';
import { type ConfirmationOptions, isConfirmed } from '../confirmation';
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
 * elected for its slots. So it is read from only while more than half of the masters, each asked a moment ago (see `isConfirmed`), say
 * that it owns the slot and has not failed.
 *
 * The argument: a replica is elected by more than half of the masters, and a master votes only if it has marked the old one as
 * failed. So one of those that confirm the node has voted after it was asked, if another has been elected, and changes that the
 * other acknowledged are not older than a lag. Unlike a lease, this does not need one epoch for all: slots can move.
 */
export class SlotOwners<Node extends object> {
  readonly #options: ConfirmationOptions;
  readonly #replies = new WeakMap<Node, Reply>();
  /** By address, because the client drops nodes that do not answer. */
  readonly #answeredAt = new Map<string, Timestamps>();
  #lastAnsweredAt = NEVER;

  constructor(options: ConfirmationOptions) {
    this.#options = options;
  }

  /** A node has replied, with its view of the Cluster or null. */
  add(node: Node, address: string, sent: Timestamps, view: ClusterView | null): void {
    this.#answeredAt.set(address, sent);
    this.#lastAnsweredAt = sent;
    const last = this.#replies.get(node);
    if (last === undefined || last.sent.monotonic < sent.monotonic) this.#replies.set(node, { sent, view });
  }

  /** The node's address can lead to another one. */
  invalidate(node: Node): void {
    this.#replies.delete(node);
  }

  /** When the node at an address was asked for its last reply; for any node if this one has never replied. */
  answeredAt(address: string): Timestamps {
    return this.#answeredAt.get(address) ?? this.#lastAnsweredAt;
  }

  /**
   * When more than half of the masters were asked of which each said that the node owns the slot: the time of the earliest of
   * them. Now, if the node does not describe the Cluster.
   */
  confirmedAt(node: Node, slot: number, nodes: Iterable<Node>): Timestamps {
    const reply = this.#replies.get(node);
    if (reply === undefined) return NEVER;
    if (reply.view === null) return timestampsOf(this.#options.clock);
    const { id } = reply.view;
    const votes: Timestamps[] = [];
    let votingMasters = 0;
    for (const other of nodes) {
      const { sent, view } = this.#replies.get(other) ?? { sent: NEVER, view: null };
      if (view === null || !view.isVotingMaster || !isConfirmed(sent, this.#options)) continue;
      votingMasters = Math.max(votingMasters, view.votingMasters);
      const row = view.masters.find((master) => master.id === id);
      if (row !== undefined && !row.hasFailed && covers(row.ranges, slot)) votes.push(sent);
    }
    votes.sort((a, b) => b.monotonic - a.monotonic);
    return votes[Math.floor(votingMasters / 2)] ?? NEVER;
  }

  /** Why a node must not be read from; null if it may be. */
  problemOf(node: Node, slot: number, nodes: Iterable<Node>): string | null {
    return isConfirmed(this.confirmedAt(node, slot, nodes), this.#options) ? null : UNCONFIRMED;
  }
}
