import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock';
import type { KeyscopeError } from '../errors';
import { Lease, timestampsOf } from '../store/lease';
import type { LimitStore, LimitSubject, RateLimit, SliceGrant } from '../store/limit-store';
import { limitName } from './limit-name';

/**
 * - `ready`: the slice has allowance.
 * - `empty`: it is not known whether there is allowance; see `refill`.
 * - `exhausted`: the store has none, as of the last reply.
 * - `failed`: the store has just failed.
 */
export type LimiterState = 'ready' | 'empty' | 'exhausted' | 'failed';

/** Part of a limit that a process leases ahead of need. */
const MAX_SLICE = 1 / 100;
/** Allowance that is leased ahead at first. It doubles with each refill until the maximum. */
const FIRST_SLICE = 4;
/** Milliseconds after a failure of the store until it is asked again. */
const FAILURE_PAUSE = 100;
/** Bounds of `idleTime`, in milliseconds. */
const [MIN_IDLE_TIME, MAX_IDLE_TIME] = [100, 60_000];

const ENDED = new Lease();
/** Unique among all limiters of all processes. */
function newLessee(): string {
  return randomBytes(9).toString('base64url');
}

/**
 * This process's part of one limit: a slice of the allowance of the present window. `use` takes from the slice, without
 * I/O. When half of a slice is used, the next one is leased in the background. A slice that is not used for a while goes
 * back. Small limits have no slices: each request leases its own allowance, so that no process holds any.
 *
 * A slice is used until the window ends, on the two clocks of a lease, counted from when its request was sent. So it ends
 * before the window does, unless both clocks of this process are slow.
 */
export class Limiter {
  readonly limit: RateLimit;
  /** See `limitName`. */
  readonly name: string;
  /** Its item in `RateLimit-Policy`. */
  readonly policy: string;
  /**
   * Milliseconds for which a slice can be unused, and for which an exhausted limit is not looked up again: a hundredth of
   * the window.
   */
  readonly idleTime: number;
  readonly #store: LimitStore;
  readonly #subject: LimitSubject;
  readonly #clock: Clock;
  readonly #maxAhead: number;
  #lessee = newLessee();
  #sequence = 0;
  /** Number of the window of the slice; -1 before the first. */
  #window = -1;
  #windowLease = ENDED;
  #used = 0;
  #leased = 0;
  /** Allowance that no process has leased, as of the last reply. */
  #free = 0;
  #ahead: number;
  /** Allowance at which the next slice is leased. */
  #refillAt = 0;
  /** Until then, an exhausted limit is not looked up again. */
  #exhausted = ENDED;
  #failure: KeyscopeError | null = null;
  #pause = ENDED;
  /** Calls of `refill` that are not part of a request yet. */
  #wanted = 0;
  #refilling: Promise<void> | null = null;
  /** Whether the request of the refill has been sent. */
  #isSent = false;
  #lastUsed = 0;

  constructor(limit: RateLimit, subject: LimitSubject, deps: { readonly store: LimitStore; readonly clock: Clock }) {
    this.limit = limit;
    this.name = limitName(subject, limit);
    this.policy = `"${this.name}";q=${limit.limit};w=${limit.window / 1000}`;
    this.idleTime = Math.min(Math.max(limit.window / 100, MIN_IDLE_TIME), MAX_IDLE_TIME);
    this.#subject = subject;
    this.#store = deps.store;
    this.#clock = deps.clock;
    this.#maxAhead = Math.floor(limit.limit * MAX_SLICE);
    this.#ahead = Math.min(FIRST_SLICE, this.#maxAhead);
  }

  /** @param wall - Milliseconds since the epoch. */
  state(wall: number): LimiterState {
    if (this.#used < this.#leased && this.#windowLease.holds(this.#clock, wall)) return 'ready';
    if (this.#failure !== null && this.#pause.holds(this.#clock, wall)) return 'failed';
    return this.#exhausted.holds(this.#clock, wall) ? 'exhausted' : 'empty';
  }

  /** Takes the allowance for one request. Only if the state is `ready`. */
  use(wall: number): void {
    this.#used += 1;
    this.#lastUsed = wall;
    if (this.#leased - this.#used <= this.#refillAt && this.#refilling === null && this.#free > 0 && this.#ahead > 0) {
      void this.#startRefill();
    }
  }

  /** Why the store has failed, if the state is `failed`. */
  get failure(): KeyscopeError | null {
    return this.#failure;
  }

  /** Allowance that is left in the window, as of the last reply of the store. */
  get remaining(): number {
    return Math.max(0, this.#leased - this.#used) + this.#free;
  }

  /** Seconds until the window ends. At least 1. */
  secondsLeft(wall: number): number {
    return Math.max(1, Math.ceil(this.#windowLease.remaining(this.#clock, wall) / 1000));
  }

  /** Leases allowance for a request that waits. All that wait share one request to the store. Never rejects. */
  refill(): Promise<void> {
    if (!this.#isSent) this.#wanted += 1;
    return this.#startRefill();
  }

  /** Whether there is a slice to release. */
  holdsSlice(wall: number): boolean {
    return this.state(wall) === 'ready' || this.#refilling !== null;
  }

  isIdle(wall: number): boolean {
    return this.#refilling === null && wall - this.#lastUsed >= this.idleTime;
  }

  /** Returns the unused allowance. Further requests lease again. Never rejects. */
  async release(wall: number): Promise<void> {
    while (this.#refilling !== null) await this.#refilling;
    if (this.state(wall) !== 'ready') return;
    const request = { ...this.#request(), wanted: 0, ahead: 0, release: true };
    this.#lessee = newLessee();
    this.#sequence = 0;
    this.#window = -1;
    this.#used = 0;
    this.#leased = 0;
    this.#ahead = Math.min(FIRST_SLICE, this.#maxAhead);
    // If it fails, the allowance is lost with the window.
    await this.#store.leaseSlice(request).catch(() => {});
  }

  #request() {
    this.#sequence += 1;
    const [subject, limit, lessee, sequence] = [this.#subject, this.limit, this.#lessee, this.#sequence];
    return { subject, limit, lessee, sequence, window: this.#window, used: this.#used, leased: this.#leased };
  }

  #startRefill(): Promise<void> {
    this.#refilling ??= this.#refill().finally(() => {
      this.#refilling = null;
      this.#isSent = false;
    });
    return this.#refilling;
  }

  async #refill(): Promise<void> {
    // Requests that wait for the same reply have all called `refill` then.
    await null;
    const wanted = Math.min(this.#wanted, this.limit.limit);
    this.#wanted = 0;
    this.#isSent = true;
    const sent = timestampsOf(this.#clock);
    const left = this.#windowLease.holds(this.#clock, sent.wall) ? this.#leased - this.#used : 0;
    const request = { ...this.#request(), wanted, ahead: Math.max(0, this.#ahead - left), release: false };
    try {
      const grant = await this.#store.leaseSlice(request);
      this.#apply(grant, request, sent);
    } catch (error) {
      this.#failure = error as KeyscopeError;
      this.#pause = Lease.from(this.#clock, FAILURE_PAUSE);
    }
  }

  #apply(
    grant: SliceGrant,
    request: { readonly used: number; readonly wanted: number },
    sent: { readonly monotonic: number; readonly wall: number },
  ): void {
    // Requests that were allowed since the request was sent count in the new window.
    if (grant.window !== this.#window) this.#used -= request.used;
    this.#window = grant.window;
    this.#windowLease = new Lease(sent.monotonic + grant.endsIn, sent.wall + grant.endsIn);
    this.#leased = grant.leased;
    this.#free = grant.free;
    this.#failure = null;
    // The requests that wait for it use it in a moment.
    if (request.wanted > 0) this.#lastUsed = this.#clock.wall();
    const left = this.#leased - this.#used;
    this.#refillAt = Math.floor(left / 2);
    this.#ahead = Math.min(2 * this.#ahead, this.#maxAhead);
    if (grant.free === 0 && left < Math.max(1, request.wanted)) {
      const pause = Math.min(this.idleTime, grant.endsIn);
      this.#exhausted = new Lease(sent.monotonic + pause, sent.wall + pause);
    }
  }
}
