import type { Clock } from '../../../clock';
import type { Timestamps } from '../../lease';

export interface ConfirmationOptions {
  readonly clock: Clock;
  /** Milliseconds. */
  readonly maxRevocationLag: number;
}

/**
 * A server that is confirmed by others (Sentinels, masters of a Cluster) can be used if they were asked within this part of
 * `maxRevocationLag`. A read without a lease counts from then, so that an eighth of the lag remains for it at least.
 */
const CONFIRMATION_LIFE = 3 / 4;

/** Whether a server that was confirmed then can be used now. By both clocks: one stops in a suspended machine, one can be set. */
export function isConfirmed(at: Timestamps, { clock, maxRevocationLag }: ConfirmationOptions): boolean {
  const age = Math.max(clock.monotonic() - at.monotonic, clock.wall() - at.wall);
  return age < CONFIRMATION_LIFE * maxRevocationLag;
}

/**
 * The time from which a read that is sent now counts, if its server was last confirmed then.
 *
 * @param life - The read counts from no earlier than this part of `maxRevocationLag` ago. Default: the reply is used only if the
 * server is confirmed again by then.
 */
export function readSince(
  confirmed: Timestamps,
  { clock, maxRevocationLag }: ConfirmationOptions,
  life = CONFIRMATION_LIFE,
): Timestamps {
  const [monotonic, wall] = [clock.monotonic(), clock.wall()];
  const earliest = life * maxRevocationLag;
  return {
    monotonic: Math.max(confirmed.monotonic, monotonic - earliest),
    wall: Math.max(confirmed.wall, wall - earliest),
  };
}
