import { KeyscopeError } from '../errors';

/** Someone who waits for an answer, and gives up when it does not come in time. */
export interface Pending {
  /** When they give up: milliseconds, as `performance.now()` counts them. */
  readonly deadline: number;
  readonly settled: boolean;
  timeOut(message: string): void;
}

/**
 * Ends what has waited too long. All wait equally long, so one timer, for whoever came first, does for everybody: ten
 * thousand timers would cost more than the ten thousand reads that they watch.
 */
export function createDeadlineQueue(message: string) {
  let queue: Pending[] = [];
  let head = 0;
  let timer: NodeJS.Timeout | undefined;

  /** Forgets those at the front who need no watching any more: what they were answered must not outlive them here. */
  function skipAnswered(): void {
    while (queue[head]?.settled) head += 1;
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
    for (let next = queue[head]; next !== undefined && (next.settled || next.deadline <= now); next = queue[head]) {
      head += 1;
      if (!next.settled) next.timeOut(message);
    }
    skipAnswered();
    watch();
  }

  return {
    /** Whoever comes later may not give up earlier. */
    add(waiting: Pending): void {
      queue.push(waiting);
      if (timer === undefined) watch();
    },
    /** To be called when somebody has been answered. */
    skipAnswered,
  };
}

/**
 * Lets a bounded number of reads through at once and keeps a bounded number waiting, in order of arrival, none of them
 * longer than `timeout` from its arrival to its answer. Hostile traffic can fill the gate, but not the memory, nor the
 * store's queue. Whoever finds the waiting room full is told that the store is unavailable, which is what it amounts to.
 */
export interface ReadQueue {
  /** Milliseconds. */
  readonly timeout: number;
  run<T>(work: () => Promise<T>): Promise<T>;
}

export interface ReadQueueOptions {
  readonly maxReads: number;
  readonly maxWaiting: number;
  /** Milliseconds. */
  readonly timeout: number;
}

/** One read, from its arrival to its answer. */
class QueuedRead<T> implements Pending {
  settled = false;

  constructor(
    readonly deadline: number,
    readonly work: () => Promise<T>,
    readonly resolve: (value: T) => void,
    readonly reject: (error: unknown) => void,
  ) {}

  timeOut(message: string): void {
    this.settled = true;
    this.reject(new KeyscopeError('store_unavailable', message));
  }
}

export function createReadQueue({ maxReads, maxWaiting, timeout }: ReadQueueOptions): ReadQueue {
  let active = 0;
  let waiting: QueuedRead<unknown>[] = [];
  let head = 0;
  const deadlines = createDeadlineQueue(`The key store did not answer within ${timeout} ms. Try again.`);

  function start(visitor: QueuedRead<unknown>): void {
    active += 1;
    visitor.work().then(
      function answer(value) {
        visitor.settled = true;
        visitor.resolve(value);
        finish();
      },
      function fail(error: unknown) {
        visitor.settled = true;
        visitor.reject(error);
        finish();
      },
    );
  }

  function finish(): void {
    active -= 1;
    deadlines.skipAnswered();
    while (head < waiting.length && active < maxReads) {
      const next = waiting[head] as QueuedRead<unknown>;
      head += 1;
      if (!next.settled) start(next);
    }
    // Shifting one by one would copy the whole queue each time.
    if (head === waiting.length || head > 1024) {
      waiting = waiting.slice(head);
      head = 0;
    }
  }

  function run<T>(work: () => Promise<T>): Promise<T> {
    if (active >= maxReads && waiting.length - head >= maxWaiting) {
      const message = 'Too many keys are being looked up at once. Try again.';
      return Promise.reject(new KeyscopeError('store_unavailable', message));
    }
    return new Promise<T>((resolve, reject) => {
      const visitor = new QueuedRead(performance.now() + timeout, work, resolve, reject) as QueuedRead<unknown>;
      deadlines.add(visitor);
      if (active < maxReads) start(visitor);
      else waiting.push(visitor);
    });
  }

  return { timeout, run: run };
}
