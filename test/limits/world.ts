import type { Clock } from '../../src/clock';
import { Limiter } from '../../src/limits/limiter';
import type { LimitStore, RateLimit, SliceGrant, SliceRequest } from '../../src/store/limit-store';
import { LimitCounters } from '../../src/store/memory/limit-counters';
import { createRandom, type Random } from '../faults/harness/random';

const SUBJECT = { keyId: '0000000000000000', permission: null };
/** Milliseconds. */
const STORE_TIMEOUT = 100;
const START = Date.UTC(2030, 0, 1);

export interface WorldOptions {
  readonly seed: number;
  readonly limit: RateLimit;
  readonly processes: number;
  /** Windows that are simulated. */
  readonly windows: number;
  /** Requests in a window, by all processes, as a multiple of the limit. */
  readonly load: number;
  /**
   * Whether half of the requests arrive within 20 ms of the end of a window, and each second window has fewer than the
   * limit: so slices are left when it ends, and the next window uses its whole limit.
   */
  readonly uneven?: boolean;
  /** Whether requests to the store and replies are lost, sent twice and late. */
  readonly faultyNetwork?: boolean;
  /** Whether processes have other times, and clocks that are slow or fast by up to this part. */
  readonly drift?: number;
  /** Kills in the whole time. */
  readonly kills?: number;
  /** Replaces the counters of the store. */
  readonly lease?: (counters: LimitCounters, request: SliceRequest) => SliceGrant;
}

export interface WorldResult {
  /** Requests that were allowed, by the number of the window of the store. */
  readonly allowed: ReadonlyMap<number, number>;
  /** Requests to the store. */
  readonly leases: number;
  readonly requests: number;
}

interface LimitingProcess {
  readonly clock: Clock;
  readonly limiter: Limiter;
}

/** Processes with real limiters, one store, and a network, in simulated time. */
class World {
  readonly #options: WorldOptions;
  readonly #random: Random;
  readonly #counters: LimitCounters;
  readonly #events: { readonly at: number; readonly run: () => void }[] = [];
  readonly allowed = new Map<number, number>();
  now = START;
  leases = 0;
  requests = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#random = createRandom(options.seed);
    this.#counters = new LimitCounters({ wall: () => this.now, monotonic: () => this.now });
  }

  at(time: number, run: () => void): void {
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#events[middle]!.at > time) low = middle + 1;
      else high = middle;
    }
    this.#events.splice(low, 0, { at: time, run });
  }

  async run(): Promise<void> {
    const { limit, windows, load, processes, kills = 0, uneven = false } = this.#options;
    const end = START + windows * limit.window;
    const limiters = Array.from({ length: processes }, () => this.#startProcess());
    for (let i = 0; i < kills; i++) {
      this.at(this.#random.between(START, end), () => {
        limiters[Math.floor(this.#random.between(0, processes))] = this.#startProcess();
      });
    }
    const requests = Math.ceil(windows * load * limit.limit);
    // The share of the processes changes from time to time: slices become idle in some of them.
    let [favourite, until] = [0, 0];
    for (let i = 0; i < requests; i++) {
      const atEnd = START + Math.ceil(this.#random.between(0, windows)) * limit.window + this.#random.between(-20, 20);
      const steady = START + ((i + this.#random()) * (end - START)) / requests;
      const time = uneven && this.#random.chance(0.5) ? atEnd : steady;
      if (uneven && Math.floor((time - START) / limit.window) % 2 === 0 && this.#random.chance(0.7)) continue;
      this.at(time, () => {
        if (this.now >= until) {
          favourite = Math.floor(this.#random.between(0, processes));
          until = this.now + this.#random.between(0, limit.window / 3);
        }
        const process = this.#random.chance(0.7) ? favourite : Math.floor(this.#random.between(0, processes));
        void this.#request(limiters[process]!);
      });
    }
    for (let time = START; time < end; time += 100) {
      this.at(time, () => {
        for (const { limiter, clock } of limiters) {
          if (limiter.holdsSlice(clock.wall()) && limiter.isIdle(clock.wall())) void limiter.release(clock.wall());
        }
      });
    }
    for (let event = this.#events.pop(); event !== undefined; event = this.#events.pop()) {
      this.now = Math.max(this.now, event.at);
      event.run();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #startProcess(): LimitingProcess {
    const { drift = 0, limit } = this.#options;
    const rate = 1 + this.#random.between(-drift, drift);
    const offset = drift === 0 ? 0 : this.#random.between(-1e9, 1e9);
    const monotonic = () => (this.now - START) * rate;
    const clock = { monotonic, wall: () => START + offset + monotonic() };
    const store: LimitStore = { leaseSlice: (request) => this.#send(request) };
    return { clock, limiter: new Limiter(limit, SUBJECT, { store, clock }) };
  }

  async #request({ limiter, clock }: LimitingProcess): Promise<void> {
    this.requests += 1;
    const { limit } = this.#options;
    for (const deadline = this.now + STORE_TIMEOUT; this.now <= deadline; ) {
      const state = limiter.state(clock.wall());
      if (state === 'empty') {
        await limiter.refill();
        continue;
      }
      if (state !== 'ready') return;
      limiter.use(clock.wall());
      const window = Math.floor(this.now / limit.window);
      this.allowed.set(window, (this.allowed.get(window) ?? 0) + 1);
      return;
    }
  }

  #send(request: SliceRequest): Promise<SliceGrant> {
    this.leases += 1;
    const { faultyNetwork = false, lease = (counters, each) => counters.lease(each) } = this.#options;
    const random = this.#random;
    const delay = () => random.between(0, random.chance(0.05) && faultyNetwork ? 1.5 * STORE_TIMEOUT : 3);
    return new Promise((resolve, reject) => {
      this.at(this.now + STORE_TIMEOUT, () => reject(new Error('timeout')));
      const arrive = () => {
        const grant = lease(this.#counters, request);
        if (!(faultyNetwork && random.chance(0.05))) this.at(this.now + delay(), () => resolve(grant));
      };
      if (!(faultyNetwork && random.chance(0.05))) this.at(this.now + delay(), arrive);
      if (faultyNetwork && random.chance(0.1)) this.at(this.now + random.between(0, 2000), arrive);
    });
  }
}

export async function simulate(options: WorldOptions): Promise<WorldResult> {
  const world = new World(options);
  await world.run();
  return world;
}

/** Upper bound on the allowance that one process can hold: a hundredth of the limit, or the requests that wait. */
export function sliceOf({ limit }: RateLimit): number {
  return Math.floor(limit / 100) + 1;
}
