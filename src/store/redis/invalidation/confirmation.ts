import type { Clock } from '../../../clock';
import { type Timestamps, timestampsOf } from '../../lease';
import type { ServerConnection } from '../server-connection';
import type { StoreModeTracker } from './store-mode';

export interface ConfirmationOptions {
  readonly clock: Clock;
  /** Milliseconds. */
  readonly maxRevocationLag: number;
}

/**
 * A server that was confirmed, by others (Sentinels, masters of a Cluster) or by its role, can be used if they were asked
 * within this part of `maxRevocationLag`. A read without a lease counts from then, so that an eighth of the lag remains for it at least.
 */
const CONFIRMATION_LIFE = 3 / 4;

/** Whether a server that was confirmed then can be used now. By both clocks: one stops in a suspended machine, one can be set. */
export function isConfirmed(at: Timestamps, { clock, maxRevocationLag }: ConfirmationOptions): boolean {
  const age = Math.max(clock.monotonic() - at.monotonic, clock.wall() - at.wall);
  return age < CONFIRMATION_LIFE * maxRevocationLag;
}

/** The time from which a read that is sent now counts, if its server was last confirmed then. */
export function readSince(confirmed: Timestamps, { clock, maxRevocationLag }: ConfirmationOptions): Timestamps {
  const [monotonic, wall] = [clock.monotonic(), clock.wall()];
  // The reply is used only if the server is confirmed again by then.
  const earliest = CONFIRMATION_LIFE * maxRevocationLag;
  return {
    monotonic: Math.max(confirmed.monotonic, monotonic - earliest),
    wall: Math.max(confirmed.wall, wall - earliest),
  };
}

const UNCONFIRMED = 'the server has not reported for too long that it is the master';

/**
 * Confirms a server without Sentinels by the role that it reports: a master can be demoted without a reconnect, and replies
 * to reads as before.
 */
export class RoleConfirmation {
  readonly #server: ServerConnection;
  readonly #mode: StoreModeTracker;
  readonly #options: ConfirmationOptions;
  #asking: Promise<void> | null = null;

  constructor(server: ServerConnection, mode: StoreModeTracker, options: ConfirmationOptions) {
    this.#server = server;
    this.#mode = mode;
    this.#options = options;
  }

  /** When it was last asked and was a master. */
  get confirmedAt(): Timestamps {
    return this.#mode.usableAt;
  }

  /** Why its replies must not be used; null if it was a master a short time ago. */
  get problem(): string | null {
    return isConfirmed(this.confirmedAt, this.#options) ? null : UNCONFIRMED;
  }

  /** Asks for the role if there is a problem. Callers of one moment share a reply. */
  async confirm(): Promise<void> {
    if (this.problem === null) return;
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
    });
    await this.#asking;
  }

  async #ask(): Promise<void> {
    const sent = timestampsOf(this.#options.clock);
    const isUsable = await this.#server.recheck().catch(() => false);
    if (isUsable) this.#mode.markUsable(sent);
  }
}
