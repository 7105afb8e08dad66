/**
 * Runs an asynchronous task once, however often and by however many callers at a time it is asked for. A failed run is
 * repeated by the next call.
 *
 * @returns A function that returns undefined as soon as a run has succeeded, else the promise of the current run.
 */
export function once(task: () => Promise<void>): () => Promise<void> | undefined {
  let running: Promise<void> | undefined;
  let isDone = false;

  async function run(): Promise<void> {
    try {
      await task();
      isDone = true;
    } finally {
      running = undefined;
    }
  }

  return function runOnce() {
    if (isDone) return undefined;
    running ??= run();
    return running;
  };
}
