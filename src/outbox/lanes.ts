/** Items that run at the same time. */
const CONCURRENCY = 16;

export interface LanesOptions<T> {
  /** Resolves with false if the item has to be retried. Never rejects. `failures`: attempts at it that have failed. */
  readonly run: (item: T, failures: number) => Promise<boolean>;
  /** Whether an item may run now. If not, it waits for `clear` or `resume`. */
  readonly mayRun: () => boolean;
  /** Milliseconds before the second attempt. It doubles with each attempt, up to `maxRetry`. */
  readonly retry: number;
  readonly maxRetry: number;
}

interface Lane<T> {
  readonly name: string;
  readonly items: T[];
  failures: number;
  isRunning: boolean;
  timer: NodeJS.Timeout | undefined;
}

/** Runs items of one lane one after the other, and lanes side by side. An item that fails stops only its lane. */
export class Lanes<T> {
  readonly #options: LanesOptions<T>;
  readonly #lanes = new Map<string, Lane<T>>();
  /** Lanes whose first item can run. */
  #ready: Lane<T>[] = [];
  readonly #running = new Set<Promise<void>>();

  constructor(options: LanesOptions<T>) {
    this.#options = options;
  }

  add(name: string, item: T): void {
    const lane = this.#lanes.get(name);
    if (lane !== undefined) {
      lane.items.push(item);
      return;
    }
    const created: Lane<T> = { name, items: [item], failures: 0, isRunning: false, timer: undefined };
    this.#lanes.set(name, created);
    this.#ready.push(created);
    this.#next();
  }

  /** Runs the items that wait because none could run. */
  resume(): void {
    this.#next();
  }

  /** Removes the items that are not running, and returns them. */
  clear(): T[] {
    const removed: T[] = [];
    for (const lane of this.#lanes.values()) {
      clearTimeout(lane.timer);
      removed.push(...lane.items.splice(lane.isRunning ? 1 : 0));
      if (!lane.isRunning) this.#lanes.delete(lane.name);
    }
    this.#ready = [];
    return removed;
  }

  /** Resolves when no item is running, or after `timeout` milliseconds. */
  async settled(timeout: number): Promise<void> {
    if (this.#running.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeout);
    });
    await Promise.race([Promise.all(this.#running), late]);
    clearTimeout(timer);
  }

  #next(): void {
    while (this.#ready.length > 0 && this.#running.size < CONCURRENCY && this.#options.mayRun()) {
      const run = this.#run(this.#ready.shift()!).finally(() => {
        this.#running.delete(run);
        this.#next();
      });
      this.#running.add(run);
    }
  }

  async #run(lane: Lane<T>): Promise<void> {
    lane.isRunning = true;
    const isDone = await this.#options.run(lane.items[0]!, lane.failures);
    lane.isRunning = false;
    if (isDone) {
      lane.items.shift();
      lane.failures = 0;
      if (lane.items.length > 0) this.#ready.push(lane);
      else this.#lanes.delete(lane.name);
      return;
    }
    lane.timer = setTimeout(
      () => {
        this.#ready.push(lane);
        this.#next();
      },
      this.#delay(lane.failures++),
    );
    lane.timer.unref();
  }

  /** With jitter, so that events that failed together are not retried together. */
  #delay(failures: number): number {
    const { retry, maxRetry } = this.#options;
    return Math.min(maxRetry, retry * 2 ** failures) * (0.75 + Math.random() / 4);
  }
}
