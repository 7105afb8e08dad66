/** Someone who waits for an answer, and gives up when it does not come in time. */
export interface Waiting {
  /** When they give up: milliseconds, as `performance.now()` counts them. */
  readonly deadline: number;
  readonly answered: boolean;
  giveUp(message: string): void;
}

/**
 * Ends what has waited too long. All wait equally long, so one timer, for whoever came first, does for everybody: ten
 * thousand timers would cost more than the ten thousand reads that they watch.
 */
export function createPatience(message: string) {
  let queue: Waiting[] = [];
  let head = 0;
  let timer: NodeJS.Timeout | undefined;

  /** Forgets those at the front who need no watching any more: what they were answered must not outlive them here. */
  function skipAnswered(): void {
    while (queue[head]?.answered) head += 1;
    if (head === queue.length || head > 1024) {
      queue = queue.slice(head);
      head = 0;
    }
    if (queue.length > 0) return;
    clearTimeout(timer);
    timer = undefined;
  }

  function watch(): void {
    const first = queue[head];
    if (first === undefined) return;
    timer = setTimeout(expire, Math.max(1, first.deadline - performance.now()));
    timer.unref();
  }

  function expire(): void {
    timer = undefined;
    const now = performance.now();
    for (let next = queue[head]; next !== undefined && (next.answered || next.deadline <= now); next = queue[head]) {
      head += 1;
      if (!next.answered) next.giveUp(message);
    }
    skipAnswered();
    watch();
  }

  return {
    /** Whoever comes later may not give up earlier. */
    add(waiting: Waiting): void {
      queue.push(waiting);
      if (timer === undefined) watch();
    },
    /** To be called when somebody has been answered. */
    skipAnswered,
  };
}
