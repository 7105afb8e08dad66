import type { Clock } from '../clock';
import type { Lease } from '../store/lease';

interface Probe {
  /** Monotonic. */
  readonly sentAt: number;
  isInFlight: boolean;
}

export interface LeaseProbesOptions {
  readonly clock: Clock;
  /** Milliseconds between two probes of a lease. */
  readonly interval: number;
  /** Reads the entry of an id. */
  readonly read: (id: string) => Promise<unknown>;
}

/**
 * Reads that find out whether the store answers, one for all entries of a lease. The end of the lease may have to be expected
 * although it is extended as usual, and then a read of every entry would be in vain.
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
    if (last !== undefined && (last.isInFlight || now - last.sentAt < interval)) return;
    const probe = { sentAt: now, isInFlight: true };
    this.#probes.set(lease, probe);
    const end = () => {
      probe.isInFlight = false;
    };
    // A failure is an answer, but confirms nothing: entries whose lease goes on to end are read themselves.
    read(id).then(end, end);
  }

  /** When the read in flight was sent; infinite if none is. Monotonic. */
  unansweredSince(lease: Lease | null): number {
    const probe = lease === null ? undefined : this.#probes.get(lease);
    return probe?.isInFlight ? probe.sentAt : Number.POSITIVE_INFINITY;
  }
}
