import type { ServerResponse } from 'node:http';

export const codeOf = (error: unknown): string =>
  error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? `${error.name}: ${error.message}`) : String(error);

/** Everything that a handler gets back from its response. */
export class HandlerLog {
  readonly exceptions = new Set<string>();
  readonly errorEvents = new Set<string>();
  /** For each callback: its calls, and the last error it was given. */
  readonly callbacks = new Map<string, { calls: number; error: string | undefined }>();
  /** For each promise: `pending`, `resolved`, or its error. */
  readonly promises = new Map<string, string>();
  readonly events = new Set<string>();
  /** Whether the response had ended when the late steps came. */
  wasEnded = false;
  #count = 0;

  watch(res: ServerResponse): void {
    for (const event of ['finish', 'close']) res.on(event, () => void this.events.add(event));
    res.on('error', (error) => void this.errorEvents.add(codeOf(error)));
  }

  /** Calls a method of the response, and notes what it throws. */
  attempt<T>(label: string, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.exceptions.add(`${label}: ${codeOf(error)}`);
      return undefined;
    }
  }

  callback(label: string): (error?: Error | null) => void {
    const entry = { calls: 0, error: undefined as string | undefined };
    this.callbacks.set(`${label} ${this.#count++}`, entry);
    return (error) => {
      entry.calls += 1;
      if (error) entry.error = codeOf(error);
    };
  }

  /** Waits for a promise, and notes what comes of it. */
  async settle(label: string, promise: Promise<unknown>): Promise<void> {
    this.promises.set(label, 'pending');
    await promise.then(
      () => void this.promises.set(label, 'resolved'),
      (error) => void this.promises.set(label, codeOf(error)),
    );
  }

  /** Callbacks and promises that have come to an end, and events. */
  get settled(): readonly string[] {
    const called = [...this.callbacks].filter(([, { calls }]) => calls > 0).map(([label]) => label);
    const resolved = [...this.promises].filter(([, state]) => state !== 'pending').map(([label]) => label);
    return [...called, ...resolved, ...this.events];
  }

  /** Whether everything that was begun, or that has come to an end in another run, has come to an end. */
  isSettled(other: HandlerLog | undefined): boolean {
    const settled = new Set(this.settled);
    const expected = other?.settled ?? ['close', ...this.callbacks.keys(), ...this.promises.keys()];
    return expected.every((label) => settled.has(label));
  }
}
