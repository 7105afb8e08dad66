import { drainMicrotasks, type Happening, type Kernel } from './kernel';
import type { Random } from './random';

/** The result of `setTimeout`, as far as the code under test uses it. */
export class Timer {
  happening: Happening | null = null;

  constructor(
    /** When it is due, by the process' monotonic clock. */
    public due: number,
    readonly callback: () => void,
    /** Milliseconds between two calls; null for a timer that fires once. */
    readonly interval: number | null,
  ) {}

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }
}

export interface ProcessClock {
  /** How much faster than real time the machine's clocks run: 0.0001 is 100 ppm. */
  readonly drift: number;
  /** By how much the wall clock is ahead of real time when the run begins. Milliseconds. */
  readonly wallOffset: number;
}

/** 2026-01-01, the wall time at which runs begin. */
const EPOCH = 1_767_225_600_000;

/**
 * The event loop of one process, as libuv runs it: timers, then input and output, then immediates, microtasks after each
 * callback. It can be blocked (a synchronous handler, garbage collection, SIGSTOP) and suspended (the machine sleeps: the
 * monotonic clock stands still, the wall clock does not).
 */
export class EventLoop {
  readonly #kernel: Kernel;
  readonly #current: { loop: EventLoop | null };
  readonly #drift: number;
  #wallOffset: number;
  /** Time that the monotonic clock lost while the machine was suspended. */
  #suspendedFor = 0;
  #suspendedUntil = 0;
  #blockedUntil = 0;
  #isAsleep = false;
  /** The monotonic time at which the present turn of the loop began; new timers count from then on. */
  #turnBegan = 0;
  #isStopped = false;
  readonly #dueTimers = new Set<Timer>();
  #overtaken: (() => void)[] = [];
  #input: (() => void)[] = [];
  #immediates: { callback: () => void; isCancelled: boolean }[] = [];
  readonly #ticks: (() => void)[] = [];
  /** A block that begins with the next input, and ends before that input is handled. */
  #blockWithNextInput: number | null = null;
  /** Spans in which the process did nothing, for the checks. */
  readonly blocks: { from: number; to: number }[] = [];
  /** Those in which the machine was suspended. */
  readonly suspensions: { from: number; to: number }[] = [];
  /** An exception that a callback threw. */
  onCrash: (error: unknown) => void = (error) => {
    throw error;
  };

  /** @param current - The loop that runs now, which its globals and random numbers belong to. */
  constructor(
    kernel: Kernel,
    readonly random: Random,
    { drift, wallOffset }: ProcessClock,
    current: { loop: EventLoop | null },
  ) {
    this.#kernel = kernel;
    this.#current = current;
    this.#drift = drift;
    this.#wallOffset = wallOffset;
    this.#turnBegan = this.monotonic();
  }

  monotonic(): number {
    return 1000 + this.#kernel.now * (1 + this.#drift) - this.#suspendedFor;
  }

  wall(): number {
    return Math.floor(EPOCH + this.#kernel.now * (1 + this.#drift) + this.#wallOffset);
  }

  get isBlocked(): boolean {
    return this.#kernel.now < this.#blockedUntil;
  }

  /** When the last block so far ends. */
  get blockedUntil(): number {
    return this.#blockedUntil;
  }

  /** Sets the wall clock forward or back. */
  stepWallClock(by: number): void {
    this.#wallOffset += by;
  }

  /** Does nothing for a while. Afterwards timers that are due run first. */
  block(duration: number): void {
    this.#beginBlock(this.#kernel.now + duration);
  }

  /** The next input is in one batch of events with a handler that blocks for so long, and comes after it. */
  blockWithNextInput(duration: number): void {
    this.#blockWithNextInput = duration;
  }

  /** The machine sleeps. */
  suspend(duration: number): void {
    const { now } = this.#kernel;
    const until = now + duration;
    this.#beginBlock(until);
    // A machine that sleeps already loses only the time after that.
    const from = Math.max(now, this.#suspendedUntil);
    const lost = until - from;
    if (lost <= 0) return;
    this.#suspendedUntil = until;
    this.suspensions.push({ from, to: until });
    this.#kernel.at(this.#blockedUntil, () => {
      this.#suspendedFor += lost * (1 + this.#drift);
    });
  }

  /** Ends the process: nothing of it runs any more. */
  stop(): void {
    this.#isStopped = true;
  }

  setTimeout(callback: (...args: unknown[]) => void, ms = 1, ...args: unknown[]): Timer {
    return this.#startTimer(args.length > 0 ? () => callback(...args) : callback, ms, false);
  }

  setInterval(callback: (...args: unknown[]) => void, ms = 1, ...args: unknown[]): Timer {
    return this.#startTimer(args.length > 0 ? () => callback(...args) : callback, ms, true);
  }

  clearTimer(timer: Timer | null | undefined): void {
    if (!(timer instanceof Timer)) return;
    if (timer.happening !== null) timer.happening.isCancelled = true;
    timer.happening = null;
    this.#dueTimers.delete(timer);
  }

  setImmediate(callback: (...args: unknown[]) => void, ...args: unknown[]): object {
    const immediate = { callback: () => callback(...args), isCancelled: false };
    this.#immediates.push(immediate);
    if (this.#immediates.length === 1) this.#kernel.at(this.#kernel.now, () => this.#runImmediates());
    return immediate;
  }

  clearImmediate(immediate: { isCancelled: boolean } | null | undefined): void {
    if (immediate) immediate.isCancelled = true;
  }

  nextTick(callback: (...args: unknown[]) => void, ...args: unknown[]): void {
    this.#ticks.push(args.length > 0 ? () => callback(...args) : callback);
  }

  /** Input has arrived. */
  input(callback: () => void): void {
    if (this.#isStopped) return;
    if (this.#isAsleep) {
      this.#input.push(callback);
    } else if (this.#blockWithNextInput !== null) {
      this.#overtaken.push(callback);
      this.#beginBlock(this.#kernel.now + this.#blockWithNextInput);
      this.#blockWithNextInput = null;
    } else {
      this.#turnBegan = this.monotonic();
      this.#call(callback);
    }
  }

  #startTimer(callback: () => void, ms: number, repeats: boolean): Timer {
    const delay = ms >= 1 ? Math.trunc(ms) : 1;
    const timer = new Timer(this.#turnBegan + delay, callback, repeats ? delay : null);
    this.#schedule(timer);
    return timer;
  }

  #schedule(timer: Timer): void {
    const wait = Math.max(0, timer.due - this.monotonic()) / (1 + this.#drift) + this.random.unit();
    timer.happening = this.#kernel.after(wait, () => this.#onDue(timer));
  }

  #onDue(timer: Timer): void {
    if (this.#isStopped) return;
    if (this.#isAsleep) {
      this.#dueTimers.add(timer);
      return;
    }
    // The machine was suspended, and its monotonic clock stood still.
    if (this.monotonic() < timer.due) {
      this.#schedule(timer);
      return;
    }
    this.#turnBegan = this.monotonic();
    this.#fire(timer);
  }

  #fire(timer: Timer): void {
    timer.happening = null;
    if (timer.interval !== null) {
      timer.due = this.monotonic() + timer.interval;
      this.#schedule(timer);
    }
    this.#call(timer.callback);
  }

  #beginBlock(until: number): void {
    if (until <= this.#blockedUntil) return;
    this.blocks.push({ from: this.#kernel.now, to: until });
    this.#blockedUntil = until;
    this.#isAsleep = true;
    // After everything else that happens at that moment, so that it finds all of it.
    this.#kernel.at(until, () => this.#kernel.at(until, () => this.#wake()));
  }

  #wake(): void {
    if (this.isBlocked || this.#isStopped || !this.#isAsleep) return;
    this.#isAsleep = false;
    // The rest of the batch of events that the block was in: the loop has not looked at its clock since.
    for (const callback of this.#overtaken.splice(0)) this.#call(callback);
    this.#turnBegan = this.monotonic();
    const timers = [...this.#dueTimers].sort((a, b) => a.due - b.due);
    for (const timer of timers) {
      if (!this.#dueTimers.delete(timer)) continue;
      if (this.monotonic() < timer.due) this.#schedule(timer);
      else this.#fire(timer);
    }
    for (const callback of this.#input.splice(0)) this.#call(callback);
    this.#runImmediates();
  }

  #runImmediates(): void {
    if (this.#isAsleep || this.#isStopped) return;
    for (const { callback, isCancelled } of this.#immediates.splice(0)) if (!isCancelled) this.#call(callback);
  }

  /** Runs something of the process outside of its events: it is created, or asked for its state. */
  enter<T>(callback: () => T): T {
    let result: T;
    this.#call(() => {
      result = callback();
    });
    return result!;
  }

  #call(callback: () => void): void {
    if (this.#current.loop !== null) throw new Error('A process was called during a call of a process.');
    this.#current.loop = this;
    try {
      callback();
    } catch (error) {
      this.onCrash(error);
    }
    do {
      for (let tick = this.#ticks.shift(); tick !== undefined; tick = this.#ticks.shift()) tick();
      drainMicrotasks();
    } while (this.#ticks.length > 0);
    this.#current.loop = null;
  }
}
