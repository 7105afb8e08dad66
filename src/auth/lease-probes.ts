import type { Clock } from '../clock';
import type { Lease } from '../store/lease';

/** All times are monotonic. */
interface Probe {
  readonly sentAt: number;
  /** When the first one was sent of those that followed each other without success. */
  readonly since: number;
  state: 'in flight' | 'failed' | 'answered';
}

export interface LeaseProbesOptions {
  readonly clock: Clock;
  /** Milliseconds between two probes of a lease. */
  readonly interval: number;
  /** Reads the entry of an id. */
  readonly read: (id: string) => Promise<unknown>;
}

/**
 * Reads that find out whether the store answers. One serves all entries of a lease: while the lease is extended in time, reading each
 * entry again would be wasted.
 */
export class LeaseProbes {
  readonly #options: LeaseProbesOptions;
  /** The last of each lease. */
  readonly #probes = new WeakMap<Lease, Probe>();

  constructor(options: LeaseProbesOptions) {
    this.#options = options;
  }

  /** Reads an entry of a lease, unless a read is in flight or was just sent. */
  send(id: string, lease: Lease): void {
    const { clock, interval, read } = this.#options;
    const last = this.#probes.get(lease);
    const now = clock.monotonic();
    if (last !== undefined && (last.state === 'in flight' || now - last.sentAt < interval)) return;
    const probe: Probe = { sentAt: now, since: Math.min(now, this.unansweredSince(lease)), state: 'in flight' };
    this.#probes.set(lease, probe);
    read(id).then(
      () => {
        probe.state = 'answered';
      },
      // A timeout can be shorter than the time for which entries must have been unconfirmed.
      () => {
        probe.state = 'failed';
      },
    );
  }

  /** Since when reads have been without success; infinite if none are needed, or the last one was answered. */
  unansweredSince(lease: Lease | null): number {
    const { clock, interval } = this.#options;
    const last = lease === null ? undefined : this.#probes.get(lease);
    if (last === undefined || last.state === 'answered') return Number.POSITIVE_INFINITY;
    // A failure of long ago: none was sent since, because the lease was extended.
    const isPast = last.state === 'failed' && clock.monotonic() - last.sentAt > 3 * interval;
    return isPast ? Number.POSITIVE_INFINITY : last.since;
  }
}
