import type { StoreEvent, StoreMode } from '../../store';
import type { NodeFeed } from './node-feed';

/** How changes are heard of; in the memory of one process there is nothing to hear. */
export type FeedMode = Exclude<StoreMode, 'memory'>;

/** What Redis must allow for changes to be told of. */
const HOW_TO_ALLOW =
  'Allow the user `+client|id +client|tracking +client|trackinginfo +subscribe +ping &__redis__:invalidate`, and use a ' +
  'server that knows CLIENT TRACKING (Redis 6.2 or later), without a proxy before it that does not.';

/** Says in which mode the store is: when it changes, and never before it is known. */
export class ModeReport {
  readonly #emit: (event: StoreEvent) => void;
  readonly #maxRevocationLag: number;
  #mode: FeedMode | null = null;
  #hasWarned = false;

  constructor(emit: (event: StoreEvent) => void, maxRevocationLag: number) {
    this.#emit = emit;
    this.#maxRevocationLag = maxRevocationLag;
  }

  get mode(): FeedMode | null {
    return this.#mode;
  }

  /** `why` there is no lease, where there is none. */
  report(mode: FeedMode, nodes: readonly NodeFeed[], why: string | null): void {
    this.#warn(nodes);
    if (mode === this.#mode) return;
    this.#mode = mode;
    this.#emit({ type: 'mode', mode, detail: this.#explain(mode, why ?? 'no reason is known') });
  }

  #explain(mode: FeedMode, why: string): string {
    if (mode === 'tracking') return 'Redis tells of changes as they are made.';
    if (mode === 'down') return `Redis does not answer: ${why}`;
    return `Redis does not tell of changes now, so what was read is trusted for ${this.#maxRevocationLag} ms: ${why}`;
  }

  #warn(nodes: readonly NodeFeed[]): void {
    const refused = nodes.find((node) => node.state === 'refused');
    if (this.#hasWarned || refused === undefined) return;
    this.#hasWarned = true;
    const message = `Redis refuses to tell of changes: ${refused.failure?.message}. Until it does, what was read is trusted for ${this.#maxRevocationLag} ms: the same promise, with more reads. ${HOW_TO_ALLOW}`;
    this.#emit({ type: 'warning', code: 'tracking_refused', message });
  }
}
