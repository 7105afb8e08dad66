import { randomBytes } from 'node:crypto';
import { type Clock, DAY } from '../clock';
import type { OutboxEntry, OutboxEvent, OutboxGroup, OutboxStore } from '../store/outbox-store';
import { Lanes } from './lanes';

/** Milliseconds. */
export interface ConsumerTiming {
  /** Leadership of a process that ends without notice. */
  readonly ttl: number;
  /** Between two steps, if nothing happens. */
  readonly poll: number;
  /** Before the second attempt at an event. It doubles with each attempt. */
  readonly retry: number;
  readonly maxRetry: number;
  /** Wait for events in progress in `close()`. */
  readonly close: number;
}

const TIMING: ConsumerTiming = { ttl: 10_000, poll: 2500, retry: 1000, maxRetry: 300_000, close: 5000 };

/** Age at which an event that cannot be handled is given up, */
const MAX_AGE = 3 * DAY;
/** if this many attempts of one process have failed: it can have waited while no process ran. */
const MIN_ATTEMPTS = 12;
/** Events that a process has read and not acknowledged. */
const MAX_HELD = 500;
const BATCH = 100;
/** More than a process reads of one outbox before it acknowledges. */
const MAX_UNACKNOWLEDGED = 10 * (MAX_HELD + BATCH);

export interface GroupConsumerOptions {
  readonly group: OutboxGroup;
  readonly store: OutboxStore;
  readonly clock: Clock;
  /** Whether the group handles this event. */
  readonly wants: (event: OutboxEvent) => boolean;
  /** Handles an event. If it rejects, the event is retried. */
  readonly handle: (event: OutboxEvent, place: OutboxEntry['place']) => Promise<void>;
  /** Called after each failed attempt. */
  readonly onFailure: (event: OutboxEvent, error: unknown, isGivenUp: boolean) => void;
  /** Called once for each outage of the store, and for an event that is lost. */
  readonly report: (error: unknown) => void;
  /** Called in each step of the leader, after new events were read. */
  readonly whileLeading?: () => Promise<void>;
  readonly timing?: Partial<ConsumerTiming>;
}

function keyOf({ outbox, id }: OutboxEntry['place']): string {
  return `${outbox} ${id}`;
}

/**
 * Consumer of the outbox for one group. Of the processes of an app, one leads the group: it reads the events, handles
 * them, and acknowledges each that has been handled. Events of one key or project are handled one after the other, in
 * their order.
 *
 * If the leader ends, another process takes over within `ttl` + `poll`, and handles the events without an acknowledgement
 * again. A paused process can handle an event after that: each is handled at least once.
 */
export class GroupConsumer {
  readonly #options: GroupConsumerOptions;
  readonly #timing: ConsumerTiming;
  readonly #name = randomBytes(9).toString('base64url');
  readonly #startedAt: number;
  readonly #lanes: Lanes<OutboxEntry>;
  /** Entries that were read and not acknowledged. */
  readonly #held = new Set<string>();
  #handled: OutboxEntry['place'][] = [];
  #leadsUntil = Number.NEGATIVE_INFINITY;
  /** Whether unacknowledged entries have to be read first: of another leader, or because a reply was lost. */
  #mustRecover = true;
  #step: Promise<void> | null = null;
  #isWoken = false;
  #timer: NodeJS.Timeout | undefined;
  /** Whether there may be new events that were not read, because too many are held. */
  #isFull = false;
  #isFailing = false;
  #isClosed = false;

  constructor(options: GroupConsumerOptions) {
    this.#options = options;
    this.#startedAt = options.clock.monotonic();
    this.#timing = { ...TIMING, ...options.timing };
    this.#lanes = new Lanes<OutboxEntry>({
      run: (entry, failures) => this.#handle(entry, failures),
      mayRun: () => this.isLeading && !this.#isClosed,
      retry: this.#timing.retry,
      maxRetry: this.#timing.maxRetry,
    });
  }

  /** Resolves after the first attempt to lead the group. From then on, its events are kept. */
  start(): Promise<void> {
    return this.#runStep();
  }

  /** There may be new events. */
  wake(): void {
    if (this.#isClosed || !this.isLeading) return;
    if (this.#step !== null) this.#isWoken = true;
    else void this.#runStep();
  }

  /** Waits for the events in progress, and lets another process lead. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#step;
    this.#lanes.clear();
    await this.#lanes.settled(this.#timing.close);
    try {
      await this.#acknowledge();
      if (this.isLeading) await this.#options.store.leaveGroup(this.#options.group, this.#name);
    } catch {
      // Another process takes over when the leadership has ended, and handles the events again.
    }
  }

  /** Whether this process leads the group. */
  get isLeading(): boolean {
    return this.#options.clock.monotonic() < this.#leadsUntil;
  }

  #runStep(): Promise<void> {
    clearTimeout(this.#timer);
    this.#isWoken = false;
    this.#step = this.#lead()
      .then(() => {
        this.#isFailing = false;
      })
      .catch((error: unknown) => {
        this.#mustRecover = true;
        if (!this.#isFailing && !this.#isClosed) this.#options.report(error);
        this.#isFailing = true;
        this.#isWoken = false;
      })
      .finally(() => {
        this.#step = null;
        if (this.#isClosed) return;
        if (this.#isWoken) void this.#runStep();
        else this.#schedule();
      });
    return this.#step;
  }

  #schedule(): void {
    this.#timer = setTimeout(() => void this.#runStep(), this.#timing.poll);
    this.#timer.unref();
  }

  async #lead(): Promise<void> {
    const { store, clock, group, whileLeading } = this.#options;
    const { ttl } = this.#timing;
    const sentAt = clock.monotonic();
    const leads = await store.leadGroup({ group, leader: this.#name, ttl, age: sentAt - this.#startedAt });
    if (!leads || sentAt >= this.#leadsUntil) this.#discardHeld();
    this.#leadsUntil = leads ? sentAt + ttl : Number.NEGATIVE_INFINITY;
    if (!leads) return;
    // The leadership can have ended before this reply: events that could not begin then, begin now.
    this.#lanes.resume();
    await this.#acknowledge();
    if (this.#mustRecover) {
      this.#accept(await store.readGroup(group, 'unacknowledged', MAX_UNACKNOWLEDGED));
      this.#mustRecover = false;
      await this.#acknowledge();
    }
    while (this.#held.size < MAX_HELD && this.isLeading && !this.#isClosed) {
      const entries = await store.readGroup(group, 'new', BATCH);
      if (entries.length === 0) break;
      this.#accept(entries);
      await this.#acknowledge();
    }
    this.#isFull = this.#held.size >= MAX_HELD;
    await whileLeading?.();
  }

  /** Another process may have led since the last step: the entries are read again. */
  #discardHeld(): void {
    for (const { place } of this.#lanes.clear()) this.#held.delete(keyOf(place));
    this.#mustRecover = true;
  }

  #accept(entries: readonly OutboxEntry[]): void {
    const { wants, report, group } = this.#options;
    for (const entry of entries) {
      const { place, event } = entry;
      if (this.#held.has(keyOf(place))) continue;
      this.#held.add(keyOf(place));
      if (event === null) report(new Error(`Events were removed before they were delivered to the group '${group}'.`));
      if (event === null || !wants(event)) this.#handled.push(place);
      else this.#lanes.add(`${event.workspaceId}\0${event.target}`, entry);
    }
  }

  /** Resolves with false if the event has to be retried. */
  async #handle({ place, event }: OutboxEntry, failures: number): Promise<boolean> {
    if (event === null) return true;
    const { handle, onFailure, clock } = this.#options;
    try {
      await handle(event, place);
    } catch (error) {
      const isGivenUp = clock.wall() - event.at > MAX_AGE && failures + 1 >= MIN_ATTEMPTS;
      onFailure(event, error, isGivenUp);
      if (!isGivenUp) return false;
    }
    this.#handled.push(place);
    // In the next turn, so that events that end together are acknowledged together. A failure is retried in the next step.
    setImmediate(() => this.#acknowledge().then(() => this.#readMore(), ignore));
    return true;
  }

  /** Reads on when half of the events are handled, if there were too many. */
  #readMore(): void {
    if (!this.#isFull || this.#held.size > MAX_HELD / 2) return;
    this.#isFull = false;
    this.wake();
  }

  async #acknowledge(): Promise<void> {
    const places = this.#handled;
    if (places.length === 0) return;
    this.#handled = [];
    try {
      await this.#options.store.acknowledge(this.#options.group, places);
      for (const place of places) this.#held.delete(keyOf(place));
    } catch (error) {
      this.#handled.push(...places);
      throw error;
    }
  }
}

function ignore(): void {}
