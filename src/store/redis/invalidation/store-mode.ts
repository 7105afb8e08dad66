import type { Clock } from '../../../clock';
import { NEVER, type Timestamps, timestampsOf } from '../../lease';
import type { StoreEvent, StoreMode } from '../../store';
import type { NodeFeed } from './node-feed';

/** Modes of a store in Redis. */
export type FeedMode = Exclude<StoreMode, 'memory'>;

/** Permissions and version that invalidations need. */
const HOW_TO_ALLOW =
  'Allow the user `+client|id +client|tracking +client|trackinginfo +subscribe +ping &__redis__:invalidate`, and use a ' +
  'server with CLIENT TRACKING (Redis 6.2 or later), without a proxy that lacks it.';

export interface StoreModeOptions {
  readonly clock: Clock;
  /** Milliseconds. */
  readonly maxRevocationLag: number;
  readonly emit: (event: StoreEvent) => void;
}

/** Tracks the mode of the store, and emits an event when it changes. */
export class StoreModeTracker {
  /** Resolves when the mode is known for the first time. */
  readonly settled: Promise<void>;
  readonly #options: StoreModeOptions;
  #settle!: () => void;
  #mode: FeedMode | null = null;
  /** When the outcome of the first attempt to open a feed was known. */
  #triedAt: number | null = null;
  /** When the last command was sent that the client's server answered. */
  #answeredAt = Number.NEGATIVE_INFINITY;
  #usableAt = NEVER;
  #isClosed = false;
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

  /** A server has answered a command that was sent at this time, by the monotonic clock. */
  markAnswered(sentAt: number): void {
    this.#answeredAt = Math.max(this.#answeredAt, sentAt);
  }

  /** A command that was sent then was answered by a server that could be used. */
  markUsable(sent: Timestamps): void {
    if (sent.monotonic > this.#usableAt.monotonic) this.#usableAt = sent;
  }

  /** The latest such time. Now, after `close`. */
  get usableAt(): Timestamps {
    return this.#isClosed ? timestampsOf(this.#options.clock) : this.#usableAt;
  }

  /** All feeds are open, or one cannot be opened. */
  markAttempted(): void {
    this.#triedAt ??= this.#options.clock.monotonic();
  }

  /**
   * Computes the mode.
   *
   * @param why Why there is no lease, if there is none.
   * @param isUnusable The server answers, but must not be used.
   */
  update(nodes: readonly NodeFeed[], why: string | null, isUnusable = false): void {
    const { clock, maxRevocationLag } = this.#options;
    const now = clock.monotonic();
    if (this.#mode === null) {
      if (this.#triedAt === null) return;
      // A server that refuses a feed can still answer the client.
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
    this.#enter(isWorking ? 'tracking' : isAnswering ? 'per-entry' : 'down', why ?? 'a reply is overdue.', nodes);
  }

  /** The client has ended. */
  clientEnded(): void {
    if (this.#mode === null) this.#settle();
    else this.#enter('down', 'the client has been closed.');
  }

  /** The store was closed by its owner, who needs no event. */
  close(): void {
    this.#isClosed = true;
    this.#mode = 'down';
    this.#settle();
  }

  #enter(mode: FeedMode, why: string, nodes: readonly NodeFeed[] = []): void {
    this.#settle();
    if (mode === this.#mode) return;
    this.#mode = mode;
    this.#options.emit({ type: 'mode', mode, detail: this.#explain(mode, why, nodes) });
  }

  #explain(mode: FeedMode, why: string, nodes: readonly NodeFeed[]): string {
    if (mode === 'tracking') {
      const protocol = nodes.some(({ server }) => server?.protocol === 'resp3') ? 'RESP3' : 'RESP2';
      return `Redis sends an invalidation for every change, over ${protocol}.`;
    }
    if (mode === 'down') return `Redis cannot be used: ${why}`;
    const { maxRevocationLag } = this.#options;
    return `Redis sends no invalidations now, so cached data is used for ${maxRevocationLag} ms: ${why}`;
  }

  #warn(nodes: readonly NodeFeed[]): void {
    const refused = nodes.find((node) => node.state === 'refused');
    if (this.#hasWarned || refused === undefined) return;
    this.#hasWarned = true;
    const message = `Redis refuses to send invalidations: ${refused.failure?.message}. Until it does, cached data is used for ${this.#options.maxRevocationLag} ms: the same bound, with more reads. ${HOW_TO_ALLOW}`;
    this.#options.emit({ type: 'warning', code: 'tracking_refused', message });
  }
}
