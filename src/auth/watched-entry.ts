import type { Clock } from '../clock';
import { Lease } from '../store/lease';
import type { EntryUse } from './entry-use';

/** A cache entry with uses that are watched. */
export interface Watched<Entry extends object> {
  readonly id: string;
  readonly uses: Set<EntryUse<Entry>>;
  /** The entry has to be checked, and then its uses. */
  isDue: boolean;
  /** The uses that are still to be checked against `entry`; null if no pass is in progress. */
  pending: Iterator<EntryUse<Entry>> | null;
  /** The entry was checked during a pass, so that another one has to follow. */
  passesAgain: boolean;
  /** The entry, as it was read last; null if it does not exist. */
  entry: Entry | null;
  /** The lease that `entry` was read under, which the store may extend; undefined if it is not known. */
  lease: Lease | undefined;
  /** The time until which `entry` is known to be valid. If it changes, this is no longer extended. */
  readonly proof: Lease;
  /** When `proof` was extended last, as far as the checks show. Monotonic. */
  extendedAt: number;
  /** It was invalidated since `entry` was read. */
  isChanged: boolean;
  /** When the read in flight was sent; null if none is. Monotonic. */
  loadingSince: number | null;
  /** It was invalidated while it was read, so that it has to be read again. */
  loadsAgain: boolean;
  /** When the first read was sent that is needed to confirm `entry`; null if none is needed. Monotonic. */
  unconfirmedSince: number | null;
  timer: NodeJS.Timeout | null;
}

/** @param duration - Milliseconds until its first read must have confirmed the entry, unless the cache has a lease for it. */
export function createWatched<Entry extends object>(
  id: string,
  entry: Entry,
  clock: Clock,
  duration: number,
): Watched<Entry> {
  return {
    id,
    uses: new Set<EntryUse<Entry>>(),
    isDue: false,
    pending: null,
    passesAgain: false,
    entry,
    lease: undefined,
    proof: Lease.from(clock, duration),
    extendedAt: clock.monotonic(),
    isChanged: false,
    loadingSince: null,
    loadsAgain: false,
    unconfirmedSince: null,
    timer: null,
  };
}
