/** Time for items in one turn of the event loop. Milliseconds. Other work of the process is added to it. */
const SLICE = 5;
const LATE_SLICE = 15;

/**
 * The same for visits that close a connection, which Node does later in the same turn. Measured: a slice of 3 makes turns of
 * 10 to 27 ms, one of 1 turns of 4 to 11, in the same time altogether.
 */
const CLOSING_SLICE = 1;
const LATE_CLOSING_SLICE = 2;

/**
 * Whether the time of this slice is over.
 *
 * @param hasClosed - A connection was closed since the last call.
 */
export type IsOver = (hasClosed?: boolean) => boolean;

/** Visits an item. Returns false if it stopped because `isOver` returned true; it is called again then. */
type Visit<T> = (item: T, isOver: IsOver) => boolean;

/**
 * Visits items in slices of some milliseconds, because ten thousand in one turn would block the event loop. An item that is
 * added several times before its visit is visited once.
 *
 * In a process with much other work the turns are long, and slices of the same length would take their time many times over.
 * So they become longer while the queue is not empty, up to three times as long after `late` milliseconds. Those that close
 * connections become twice as long, after four times as long.
 */
export class SlicedQueue<T> {
  readonly #items = new Set<T>();
  readonly #late: number;
  readonly #visit: Visit<T>;
  #isScheduled = false;
  /** When the queue was empty last. */
  #since = 0;

  constructor(late: number, visit: Visit<T>) {
    this.#late = late;
    this.#visit = visit;
  }

  add(item: T): void {
    this.#items.add(item);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#since = performance.now();
    setImmediate(this.#run);
  }

  readonly #run = (): void => {
    let at = performance.now();
    const lateness = (at - this.#since) / this.#late;
    let left = SLICE + (LATE_SLICE - SLICE) * Math.min(1, lateness);
    let leftToClose = CLOSING_SLICE + (LATE_CLOSING_SLICE - CLOSING_SLICE) * Math.min(1, lateness / 4);
    const isOver: IsOver = (hasClosed = false) => {
      const now = performance.now();
      left -= now - at;
      if (hasClosed) leftToClose -= now - at;
      at = now;
      return left < 0 || leftToClose < 0;
    };
    try {
      for (const item of this.#items) {
        // Before the visit, which can add it again.
        this.#items.delete(item);
        if (!this.#visit(item, isOver)) this.#items.add(item);
        if (isOver()) return;
      }
    } finally {
      this.#isScheduled = this.#items.size > 0;
      if (this.#isScheduled) setImmediate(this.#run);
    }
  };
}
