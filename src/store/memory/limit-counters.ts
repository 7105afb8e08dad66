import type { Clock } from '../../clock';
import type { LimitSubject, SliceGrant, SliceRequest } from '../limit-store';

interface Counter {
  readonly window: number;
  /** Milliseconds since the epoch. */
  readonly endsAt: number;
  /** Allowance that is leased, by all lessees. */
  leased: number;
  readonly lessees: Map<string, { sequence: number; leased: number }>;
}

/** Number of counters at which those of past windows are removed. */
const MIN_CLEAN_SIZE = 1000;

function nameOf(subject: LimitSubject, window: number): string {
  return JSON.stringify([...Object.values(subject), window]);
}

/** Counters of the limits of a store in memory. The rules are those of the script in `redis/scripts/limits.lua.ts`. */
export class LimitCounters {
  readonly #clock: Clock;
  readonly #counters = new Map<string, Counter>();
  #cleanSize = MIN_CLEAN_SIZE;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  lease(request: SliceRequest): SliceGrant {
    const { limit, lessee, sequence, release } = request;
    const now = this.#clock.wall();
    const counter = this.#counterOf(request, now);
    const isSame = request.window === counter.window;
    const used = isSame ? request.used : 0;
    const known = isSame ? request.leased : 0;
    const entry = counter.lessees.get(lessee);
    let leased = entry?.leased ?? known;
    if (sequence > (entry?.sequence ?? 0) && (entry !== undefined || !release)) {
      const others = Math.max(0, counter.leased - leased);
      const kept = Math.max(used, known);
      const free = Math.max(0, limit.limit - others - kept);
      const granted = Math.min(request.wanted, free);
      const ahead = Math.min(request.ahead, Math.floor((free - granted) / 10));
      leased = release ? used : kept + granted + ahead;
      counter.leased = others + leased;
      if (release) counter.lessees.delete(lessee);
      else counter.lessees.set(lessee, { sequence, leased });
    }
    const free = Math.max(0, limit.limit - counter.leased);
    return { window: counter.window, endsIn: counter.endsAt - now, leased, free };
  }

  #counterOf({ subject, limit }: SliceRequest, now: number): Counter {
    const name = nameOf(subject, limit.window);
    const window = Math.floor(now / limit.window);
    const found = this.#counters.get(name);
    // The next window: the clock was set back over its beginning.
    if (found !== undefined && (found.window === window || found.window === window + 1)) return found;
    const counter = { window, endsAt: (window + 1) * limit.window, leased: 0, lessees: new Map() };
    this.#counters.set(name, counter);
    if (this.#counters.size >= this.#cleanSize) this.#removeEnded(now);
    return counter;
  }

  #removeEnded(now: number): void {
    for (const [name, { endsAt }] of this.#counters) if (endsAt <= now) this.#counters.delete(name);
    this.#cleanSize = Math.max(MIN_CLEAN_SIZE, 2 * this.#counters.size);
  }
}
