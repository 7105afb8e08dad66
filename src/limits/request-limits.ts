import { LRUCache } from 'lru-cache';
import { type Clock, DAY } from '../clock';
import type { ExceededLimit, KeyscopeError } from '../errors';
import type { LimitStore, LimitSubject, RateLimit } from '../store/limit-store';
import type { Credential } from '../store/records';
import { Deadline, timeoutError } from '../timeout';
import { describeLimit } from './limit-name';
import { Limiter } from './limiter';
import { SliceReturns } from './slice-returns';

/** The app's limits. */
export interface LimitSettings {
  /** Limits of keys without their own. */
  readonly default: readonly RateLimit[];
  /** Limits of keys without their own, for the requests that require a permission. */
  readonly permissions: ReadonlyMap<string, readonly RateLimit[]>;
  /** Limits of each project, over all keys. */
  readonly project: readonly RateLimit[];
  /** Whether requests are denied or allowed if their limits cannot be checked. */
  readonly onStoreFailure: 'deny' | 'allow';
}

export interface RequestLimitsOptions extends LimitSettings {
  readonly store: LimitStore;
  readonly clock: Clock;
  /** Maximum number of keys, permissions of keys and projects whose slices are kept. */
  readonly maxSubjects: number;
  /** Milliseconds that a request waits for allowance. */
  readonly storeTimeout: number;
  /** Called once for each outage, if requests are allowed although their limits cannot be checked. */
  readonly onUnchecked: () => void;
}

interface LimitedKey {
  readonly record: Pick<Credential, 'id' | 'workspaceId' | 'rateLimit'>;
  readonly scope: { has(permission: string): boolean };
}

/** The limiters of one subject. */
interface LimiterGroup {
  limits: readonly RateLimit[];
  readonly limiters: readonly Limiter[];
}

/** Denial of a request by its limits. `limit`: the exceeded one. `error`: the limits could not be checked. */
export interface LimitDenial {
  readonly code: 'rate_limited' | 'quota_exceeded' | 'store_unavailable';
  readonly reason: 'rate_limit' | 'quota' | 'store';
  readonly message: string;
  readonly limit?: ExceededLimit;
  readonly error?: KeyscopeError;
}

/** Replies without allowance for a request that waits, because others have taken it. */
const MAX_ATTEMPTS = 8;

/** A request that waits for allowance. Pass it to `take` when it is done. */
export class LimitWait {
  /** Never rejects. */
  readonly done: Promise<void>;
  /** See `RequestLimits.startDeadline`. */
  readonly deadline: Deadline;
  readonly #attempt: number;
  #failure: KeyscopeError | null = null;

  constructor(limiters: readonly Limiter[], earlier: LimitWait | null, deadline: Deadline, storeTimeout: number) {
    this.deadline = deadline;
    this.#attempt = earlier === null ? 1 : earlier.#attempt + 1;
    if (this.#attempt > MAX_ATTEMPTS) this.#failure = timeoutError(storeTimeout);
    this.done = deadline
      .within(Promise.all(limiters.map((limiter) => limiter.refill())))
      .then(() => {})
      .catch((error: KeyscopeError) => {
        this.#failure = error;
      });
  }

  /** Why the wait was in vain; null if the store has replied. */
  get failure(): KeyscopeError | null {
    return this.#failure;
  }
}

export const NO_LIMITERS: readonly Limiter[] = Object.freeze([]);

function isSame(left: readonly RateLimit[], right: readonly RateLimit[]): boolean {
  return left === right || JSON.stringify(left) === JSON.stringify(right);
}

function limitDenial(limiter: Limiter, wall: number): LimitDenial {
  const { limit, name } = limiter;
  const isQuota = limit.window >= DAY;
  const retryAfter = limiter.secondsLeft(wall);
  return {
    code: isQuota ? 'quota_exceeded' : 'rate_limited',
    reason: isQuota ? 'quota' : 'rate_limit',
    message: `The limit of ${describeLimit(limit)} is exceeded. Try again in ${retryAfter} ${retryAfter === 1 ? 'second' : 'seconds'}.`,
    limit: { name, ...limit, retryAfter },
  };
}

function storeDenial(error: KeyscopeError): LimitDenial {
  return { code: 'store_unavailable', reason: 'store', message: error.message, error };
}

/** The limits of keys and projects, by the requests that they apply to. */
export class RequestLimits {
  readonly #options: RequestLimitsOptions;
  readonly #groups: LRUCache<string, LimiterGroup>;
  readonly #returns: SliceReturns;
  readonly #hasKeyDefaults: boolean;
  #isUnchecked = false;

  constructor(options: RequestLimitsOptions) {
    this.#options = options;
    this.#returns = new SliceReturns(options.clock);
    this.#groups = new LRUCache({
      max: options.maxSubjects,
      dispose: ({ limiters }) => this.#returns.release(limiters),
    });
    this.#hasKeyDefaults = options.default.length > 0 || options.permissions.size > 0;
  }

  /**
   * The deadline of a request that has to wait: twice `storeTimeout` from now, for its key and for allowance. Others can take
   * the allowance that it has waited for, and its key can have to be read again after that.
   */
  startDeadline(): Deadline {
    const { storeTimeout } = this.#options;
    return new Deadline(storeTimeout, 2 * storeTimeout);
  }

  /**
   * The limiters of a request.
   *
   * @param permissions - The permissions that the request requires.
   * @param projectId - The project that the request states; undefined if none.
   */
  of(key: LimitedKey, permissions: readonly string[], projectId: string | undefined): readonly Limiter[] {
    const { id, workspaceId, rateLimit } = key.record;
    let found = NO_LIMITERS;
    if (rateLimit !== null) found = this.#find(id, rateLimit, { keyId: id, permission: null });
    else if (this.#hasKeyDefaults) found = this.#defaults(key, permissions);
    const { project } = this.#options;
    if (project.length === 0 || projectId === undefined) return found;
    const ofProject = this.#find(`${workspaceId}\n${projectId}`, project, { workspaceId, projectId });
    return found.length === 0 ? ofProject : [...found, ...ofProject];
  }

  /**
   * Takes allowance for one request from each limiter, or from none. Returns null if the request is allowed.
   *
   * @param taken - Limiters that the request has taken allowance from before.
   * @param waited - The earlier result for this request.
   * @param deadline - The deadline of a request whose key was read. Default: that of `waited`, or one that starts now.
   */
  take(
    limiters: readonly Limiter[],
    taken: readonly Limiter[],
    waited: LimitWait | null,
    wall: number,
    deadline: Deadline | null = null,
  ): LimitDenial | LimitWait | null {
    let exceeded: Limiter | null = null;
    let failure: KeyscopeError | null = null;
    let isWaiting = false;
    for (const limiter of limiters) {
      if (taken.includes(limiter)) continue;
      const state = limiter.state(wall);
      if (state === 'ready') continue;
      if (state === 'failed') failure = limiter.failure;
      else if (state === 'empty') isWaiting = true;
      else if (exceeded === null || limiter.secondsLeft(wall) > exceeded.secondsLeft(wall)) exceeded = limiter;
    }
    if (exceeded !== null) return limitDenial(exceeded, wall);
    if (isWaiting) failure ??= waited?.failure ?? null;
    if (failure !== null) {
      if (this.#options.onStoreFailure === 'deny') return storeDenial(failure);
      this.#reportUnchecked();
    } else if (isWaiting) return this.#wait(limiters, taken, waited, wall, deadline);
    for (const limiter of limiters) {
      if (!taken.includes(limiter) && limiter.state(wall) === 'ready') limiter.use(wall);
    }
    return null;
  }

  /** Returns all slices to the store. */
  async close(): Promise<void> {
    await this.#returns.close();
  }

  #defaults({ record: { id }, scope }: LimitedKey, permissions: readonly string[]): readonly Limiter[] {
    const { default: ofKey, permissions: ofPermissions } = this.#options;
    let found = ofKey.length === 0 ? NO_LIMITERS : this.#find(id, ofKey, { keyId: id, permission: null });
    for (const permission of permissions) {
      const limits = ofPermissions.get(permission);
      if (limits === undefined || !scope.has(permission)) continue;
      found = [...found, ...this.#find(`${id} ${permission}`, limits, { keyId: id, permission })];
    }
    return found;
  }

  #find(name: string, limits: readonly RateLimit[], subject: LimitSubject): readonly Limiter[] {
    const found = this.#groups.get(name);
    if (found !== undefined && isSame(found.limits, limits)) {
      // The key was read again: the next comparison is one of identity.
      found.limits = limits;
      return found.limiters;
    }
    const limiters = limits.map((limit) => new Limiter(limit, subject, this.#options));
    // An earlier group is released: its limits have changed.
    this.#groups.set(name, { limits, limiters });
    return limiters;
  }

  #wait(
    limiters: readonly Limiter[],
    taken: readonly Limiter[],
    waited: LimitWait | null,
    wall: number,
    given: Deadline | null,
  ): LimitWait {
    const deadline = waited?.deadline ?? given ?? this.startDeadline();
    const empty = limiters.filter((limiter) => !taken.includes(limiter) && limiter.state(wall) === 'empty');
    const wait = new LimitWait(empty, waited, deadline, this.#options.storeTimeout);
    for (const limiter of empty) this.#returns.watch(limiter);
    wait.done.then(() => {
      if (wait.failure === null && empty.every(({ failure }) => failure === null)) this.#isUnchecked = false;
    });
    return wait;
  }

  #reportUnchecked(): void {
    if (this.#isUnchecked) return;
    this.#isUnchecked = true;
    this.#options.onUnchecked();
  }
}
