import { KeyscopeError } from '../errors';

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

/**
 * Lets a bounded number of reads through at once and keeps a bounded number waiting, in order of arrival, none of them
 * longer than `timeout` from its arrival to its answer. Hostile traffic can fill the gate, but not the memory, nor the
 * store's queue. Whoever finds the waiting room full is told that the store is unavailable, which is what it amounts to.
 */
export interface Gate {
  /** Milliseconds. */
  readonly timeout: number;
  pass<T>(work: () => Promise<T>): Promise<T>;
}

export interface GateOptions {
  readonly maxReads: number;
  readonly maxWaiting: number;
  /** Milliseconds. */
  readonly timeout: number;
}

/** One read, from its arrival to its answer. */
class Visitor<T> implements Waiting {
  answered = false;

  constructor(
    readonly deadline: number,
    readonly work: () => Promise<T>,
    readonly resolve: (value: T) => void,
    readonly reject: (error: unknown) => void,
  ) {}

  giveUp(message: string): void {
    this.answered = true;
    this.reject(new KeyscopeError('store_unavailable', message));
  }
}

export function createGate({ maxReads, maxWaiting, timeout }: GateOptions): Gate {
  let underWay = 0;
  let waiting: Visitor<unknown>[] = [];
  let head = 0;
  const patience = createPatience(`The key store did not answer within ${timeout} ms. Try again.`);

  function admit(visitor: Visitor<unknown>): void {
    underWay += 1;
    visitor.work().then(
      function answer(value) {
        visitor.answered = true;
        visitor.resolve(value);
        leave();
      },
      function fail(error: unknown) {
        visitor.answered = true;
        visitor.reject(error);
        leave();
      },
    );
  }

  function leave(): void {
    underWay -= 1;
    patience.skipAnswered();
    while (head < waiting.length && underWay < maxReads) {
      const next = waiting[head] as Visitor<unknown>;
      head += 1;
      if (!next.answered) admit(next);
    }
    // Shifting one by one would copy the whole queue each time.
    if (head === waiting.length || head > 1024) {
      waiting = waiting.slice(head);
      head = 0;
    }
  }

  function pass<T>(work: () => Promise<T>): Promise<T> {
    if (underWay >= maxReads && waiting.length - head >= maxWaiting) {
      const message = 'Too many keys are being looked up at once. Try again.';
      return Promise.reject(new KeyscopeError('store_unavailable', message));
    }
    return new Promise<T>((resolve, reject) => {
      const visitor = new Visitor(performance.now() + timeout, work, resolve, reject) as Visitor<unknown>;
      patience.add(visitor);
      if (underWay < maxReads) admit(visitor);
      else waiting.push(visitor);
    });
  }

  return { timeout, pass };
}
