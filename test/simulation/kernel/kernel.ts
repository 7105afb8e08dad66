/** One thing that happens at a simulated time. */
export interface Happening {
  readonly at: number;
  readonly order: number;
  isCancelled: boolean;
  readonly run: () => void;
}

function isBefore(a: Happening, b: Happening): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/**
 * Simulated time: a queue of happenings, ordered by time and then by the order in which they were scheduled. Nothing
 * happens between two of them, so one run is one sequence.
 */
export class Kernel {
  /** Milliseconds since the run began, as an observer outside of every machine would measure them. */
  now = 0;
  /** How many happenings have run. */
  steps = 0;
  #order = 0;
  readonly #heap: Happening[] = [];

  at(time: number, run: () => void): Happening {
    const happening = { at: Math.max(time, this.now), order: this.#order++, isCancelled: false, run };
    this.#push(happening);
    return happening;
  }

  after(delay: number, run: () => void): Happening {
    return this.at(this.now + delay, run);
  }

  /** Runs everything up to a time, and moves the time there. */
  runUntil(end: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= end; next = this.#heap[0]) {
      this.#pop();
      if (next.isCancelled) continue;
      this.now = next.at;
      this.steps += 1;
      next.run();
    }
    this.now = end;
  }

  #push(happening: Happening): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(happening);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(happening, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = happening;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}

type Runtime = NodeJS.Process & { _tickCallback(): void };

/**
 * Runs all microtasks now. It must be called outside of a microtask, which is why a run is started from a callback of
 * `setImmediate`. `_tickCallback` is what Node itself calls after each callback.
 */
export function drainMicrotasks(): void {
  (process as Runtime)._tickCallback();
}
