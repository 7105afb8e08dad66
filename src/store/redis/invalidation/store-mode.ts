import type { Clock } from '../../../clock';
import type { StoreEvent, StoreMode } from '../../store';
import type { NodeFeed } from './node-feed';

/** How changes are heard of; in the memory of one process there is nothing to hear. */
export type FeedMode = Exclude<StoreMode, 'memory'>;

/** What Redis must allow for changes to be told of. */
const HOW_TO_ALLOW =
  'Allow the user `+client|id +client|tracking +client|trackinginfo +subscribe +ping &__redis__:invalidate`, and use a ' +
  'server that knows CLIENT TRACKING (Redis 6.2 or later), without a proxy before it that does not.';

export interface StoreModeOptions {
  readonly clock: Clock;
  /** Milliseconds. */
  readonly maxRevocationLag: number;
  readonly emit: (event: StoreEvent) => void;
}

/** In which mode the store is: says so when it changes, and not before it is known. */
export class StoreModeTracker {
  /** Resolves when the mode is known for the first time. */
  readonly settled: Promise<void>;
  readonly #options: StoreModeOptions;
  #settle!: () => void;
  #mode: FeedMode | null = null;
  /** When the outcome of the first attempt at a feed was known. */
  #triedAt: number | null = null;
  /** When the last question was asked to which the client's server gave an answer. */
  #answeredAt = Number.NEGATIVE_INFINITY;
  #hasWarned = false;

  constructor(options: StoreModeOptions) {
    this.#options = options;
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get mode(): FeedMode | null {
    return this.#mode;
  }

  /** A server has answered what was asked at this time, by the monotonic clock. */
  markAnswered(askedAt: number): void {
    this.#answeredAt = Math.max(this.#answeredAt, askedAt);
  }

  /** All feeds are open, or one cannot be opened. */
  markAttempted(): void {
    this.#triedAt ??= this.#options.clock.monotonic();
  }

  /**
   * Finds out the mode.
   *
   * @param why - why there is no lease, if there is none.
   * @param isUnusable - the server answers, but must not be used.
   */
  update(nodes: readonly NodeFeed[], why: string | null, isUnusable = false): void {
    const { clock, maxRevocationLag } = this.#options;
    const now = clock.monotonic();
    if (this.#mode === null) {
      if (this.#triedAt === null) return;
      // A server that did not let us have a feed may yet answer the client.
      const hasAnswered = this.#answeredAt > Number.NEGATIVE_INFINITY;
      if (!hasAnswered && now - this.#triedAt < maxRevocationLag) return;
    }
    if (isUnusable) {
      this.#enter('down', why ?? 'the server must not be used.');
      return;
    }
    this.#warn(nodes);
    const isWorking = nodes.length > 0 && nodes.every((node) => node.isWorking);
    const isAnswering = now - this.#answeredAt < maxRevocationLag;
    this.#enter(isWorking ? 'tracking' : isAnswering ? 'per-entry' : 'down', why ?? 'an answer is overdue.');
  }

  /** The client has ended. */
  clientEnded(): void {
    if (this.#mode === null) this.#settle();
    else this.#enter('down', 'the client has been closed.');
  }

  /** We have been closed, which is no news to who did it. */
  close(): void {
    this.#mode = 'down';
    this.#settle();
  }

  #enter(mode: FeedMode, why: string): void {
    this.#settle();
    if (mode === this.#mode) return;
    this.#mode = mode;
    this.#options.emit({ type: 'mode', mode, detail: this.#explain(mode, why) });
  }

  #explain(mode: FeedMode, why: string): string {
    if (mode === 'tracking') return 'Redis tells of changes as they are made.';
    if (mode === 'down') return `Redis cannot be used: ${why}`;
    const { maxRevocationLag } = this.#options;
    return `Redis does not tell of changes now, so what was read is trusted for ${maxRevocationLag} ms: ${why}`;
  }

  #warn(nodes: readonly NodeFeed[]): void {
    const refused = nodes.find((node) => node.state === 'refused');
    if (this.#hasWarned || refused === undefined) return;
    this.#hasWarned = true;
    const message = `Redis refuses to tell of changes: ${refused.failure?.message}. Until it does, what was read is trusted for ${this.#options.maxRevocationLag} ms: the same promise, with more reads. ${HOW_TO_ALLOW}`;
    this.#options.emit({ type: 'warning', code: 'tracking_refused', message });
  }
}
