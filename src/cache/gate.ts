import { KeyscopeError } from '../errors';

/**
 * Lets a bounded number of reads through at once and keeps a bounded number waiting, in order of arrival, none of them
 * longer than `timeout` from its arrival to its answer. Hostile traffic can fill the gate, but not the memory, nor the
 * store's queue. Whoever finds the waiting room full is told that the store is unavailable, which is what it amounts to.
 */
export interface Gate {
  pass<T>(work: () => Promise<T>): Promise<T>;
}

export interface GateOptions {
  readonly maxReads: number;
  readonly maxWaiting: number;
  /** Milliseconds. */
  readonly timeout: number;
}

interface Visitor {
  /** Starts the visitor's work; `leave` is called exactly once when it has ended, however it has. */
  enter(leave: () => void): void;
  /** The visitor has been answered already: its time was up. */
  gone: boolean;
}

export function createGate({ maxReads, maxWaiting, timeout }: GateOptions): Gate {
  let underWay = 0;
  let waiting: Visitor[] = [];
  let head = 0;

  function admit(visitor: Visitor): void {
    underWay += 1;
    visitor.enter(leave);
  }

  function leave(): void {
    underWay -= 1;
    while (head < waiting.length && underWay < maxReads) {
      const next = waiting[head] as Visitor;
      head += 1;
      if (!next.gone) admit(next);
    }
    // Shifting one by one would copy the whole queue each time.
    if (head === waiting.length || head > 1024) {
      waiting = waiting.slice(head);
      head = 0;
    }
  }

  function pass<T>(work: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const visitor: Visitor = {
        gone: false,
        enter(done) {
          work()
            .then(resolve, reject)
            .finally(() => {
              clearTimeout(timer);
              done();
            });
        },
      };
      const timer = setTimeout(() => {
        visitor.gone = true;
        reject(new KeyscopeError('store_unavailable', `The key store did not answer within ${timeout} ms. Try again.`));
      }, timeout);
      timer.unref();
      if (underWay < maxReads) admit(visitor);
      else if (waiting.length - head < maxWaiting) waiting.push(visitor);
      else {
        clearTimeout(timer);
        reject(new KeyscopeError('store_unavailable', 'Too many keys are being looked up at once. Try again.'));
      }
    });
  }

  return { pass };
}
