import type { Clock } from '../clock';
import { KeyscopeError } from '../errors';
import { checkSubscription, type DurableEventName, type KeyscopeEvents, warnOfListener } from '../events';
import type { OutboxEvent, OutboxGroup } from '../store/outbox-store';
import type { Store } from '../store/store';
import { durableNameOf, toDurableEvent } from './event-shape';
import { createExpiry } from './expiry';
import { type ConsumerTiming, GroupConsumer, type GroupConsumerOptions } from './group-consumer';

type Listener = (event: never) => unknown;

export interface DurableEventsOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Milliseconds before the expiry of a key at which `expiring` is sent. */
  readonly expiryLeads: readonly number[];
  readonly report: (error: KeyscopeError) => void;
  /** For tests. */
  readonly timing?: Partial<ConsumerTiming>;
}

/** Listeners of one name, and the consumer that reads events for them. */
interface Subscription {
  readonly listeners: Set<Listener>;
  readonly consumer: GroupConsumer;
}

/**
 * Listeners for durable events. Without listeners, nothing is read. Each process that has listeners of a name can become
 * the leader that gets its events.
 */
export class DurableEvents {
  readonly #options: DurableEventsOptions;
  readonly #subscriptions = new Map<DurableEventName, Subscription>();
  readonly #consumers = new Set<GroupConsumer>();
  readonly #starting = new Set<Promise<void>>();
  /** The listeners that have handled an event which has to be retried for others. */
  readonly #handledBy = new WeakMap<OutboxEvent, Set<Listener>>();
  #announcesExpiry = false;
  #isListening = false;

  constructor(options: DurableEventsOptions) {
    this.#options = options;
  }

  /**
   * Returns an unsubscribe function.
   *
   * @throws {KeyscopeError} `invalid_options` for a listener that is not a function.
   */
  on<Name extends DurableEventName>(name: Name, listener: (event: KeyscopeEvents[Name]) => unknown): () => void {
    checkSubscription(name, listener);
    const found = this.#subscriptions.get(name);
    const { listeners, consumer } = found ?? this.#subscribe(name);
    // Of its own, so that each subscription of one function ends by itself.
    const own: Listener = (event) => listener(event);
    listeners.add(own);
    return () => {
      listeners.delete(own);
      if (listeners.size > 0 || this.#subscriptions.get(name)?.consumer !== consumer) return;
      this.#subscriptions.delete(name);
      this.#consumers.delete(consumer);
      void consumer.close();
    };
  }

  /** Consumes the outbox for a group. */
  consume(
    options: Pick<GroupConsumerOptions, 'group' | 'wants' | 'handle' | 'onFailure' | 'whileLeading'>,
  ): GroupConsumer {
    const { store, clock, report, timing } = this.#options;
    const { group } = options;
    const consumer = new GroupConsumer({
      ...options,
      store,
      clock,
      report: (error) => report(toError(group, error)),
      timing,
    });
    if (!this.#isListening) {
      this.#isListening = true;
      const wake = () => this.#wake();
      store.onChange({ keyChanged: wake, projectsChanged: wake, allChanged: wake });
    }
    this.#consumers.add(consumer);
    const started = consumer.start().finally(() => this.#starting.delete(started));
    this.#starting.add(started);
    return consumer;
  }

  /** Sends `expiring` and `expired` from now on. */
  announceExpiry(): void {
    if (this.#announcesExpiry) return;
    this.#announcesExpiry = true;
    const { expiryLeads, ...options } = this.#options;
    const expiry = createExpiry({
      ...options,
      leads: expiryLeads,
      report: (error) => options.report(toError('expiry', error)),
    });
    this.consume({
      group: 'expiry',
      ...expiry,
      onFailure(_, error, isGivenUp) {
        if (isGivenUp) options.report(toError('expiry', error));
      },
      whileLeading: async () => {
        if (await expiry.announceDue()) this.#wake();
      },
    });
  }

  /** Resolves when the events of all changes from now on are kept for the listeners. */
  async ready(): Promise<void> {
    await Promise.all(this.#starting);
  }

  /** Waits for listeners that are handling an event, and lets other processes take over. */
  async close(): Promise<void> {
    this.#subscriptions.clear();
    const consumers = [...this.#consumers];
    this.#consumers.clear();
    await Promise.all(consumers.map((consumer) => consumer.close()));
  }

  #wake(): void {
    for (const consumer of this.#consumers) consumer.wake();
  }

  #subscribe(name: DurableEventName): Subscription {
    if (name === 'key') this.announceExpiry();
    const listeners = new Set<Listener>();
    const consumer = this.consume({
      group: name,
      wants: (event) => durableNameOf(event) === name,
      handle: (event) => this.#deliver(event, listeners),
      onFailure(event, error, isGivenUp) {
        if (isGivenUp) warnOfListener(name, new Error(`Event ${event.id} is given up.`, { cause: error }));
      },
    });
    const subscription = { listeners, consumer };
    this.#subscriptions.set(name, subscription);
    return subscription;
  }

  /** Calls each listener that has not handled the event. Rejects if one fails. */
  async #deliver(stored: OutboxEvent, listeners: ReadonlySet<Listener>): Promise<void> {
    const name = durableNameOf(stored);
    const isFirst = !this.#handledBy.has(stored);
    const handledBy = this.#handledBy.get(stored) ?? new Set();
    this.#handledBy.set(stored, handledBy);
    const event = toDurableEvent(stored);
    const waiting = [...listeners].filter((listener) => !handledBy.has(listener));
    const failures: unknown[] = [];
    await Promise.all(
      waiting.map(async (listener) => {
        try {
          await listener(event as never);
          handledBy.add(listener);
        } catch (error) {
          failures.push(error);
          if (isFirst) warnOfListener(name, error);
        }
      }),
    );
    if (failures.length > 0) throw failures[0];
  }
}

function toError(group: OutboxGroup, error: unknown): KeyscopeError {
  if (error instanceof KeyscopeError) return error;
  return new KeyscopeError('store_unavailable', `Events for the group '${group}' are not complete.`, { cause: error });
}
