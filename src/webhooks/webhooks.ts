import { createHash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock';
import { KeyscopeError } from '../errors';
import { durableNameOf, typeOf } from '../outbox/event-shape';
import type { Delivery } from '../store/delivery-store';
import type { OutboxEvent } from '../store/outbox-store';
import type { Store } from '../store/store';
import { endpointsOf, type WebhookEndpoints, type WebhookType } from './endpoints';
import type { Resolve } from './public-address';
import { MAX_ATTEMPTS, postponement, retryDelay } from './retry';
import { ATTEMPT_TIMEOUT, send } from './send';

/** Requests at the same time. An endpoint that fails gets one at a time, so that it does not delay others. */
const CONCURRENCY = 16;
const MAX_FAILING = 10_000;
/** Postponements of one step, in rounds. */
const MAX_ROUNDS = 20;
/** Deliveries that a round after the first one looks at. */
const ROUND = 200;
const GONE = 410;
/** Milliseconds. */
const CLOSE_TIMEOUT = 5000;

export interface WebhooksOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly endpoints: WebhookEndpoints;
  readonly report: (error: KeyscopeError) => void;
  /** Whether this process leads, and may send. */
  readonly isLeading: () => boolean;
  /** For tests. Default: the machine's resolver. */
  readonly resolve?: Resolve;
}

interface InFlight {
  readonly url: string;
  /** Time at which it ends at the latest. Milliseconds since the epoch. */
  readonly deadline: number;
  readonly ended: Promise<void>;
}

interface Postponed {
  readonly delivery: Delivery;
  readonly until: number;
}

/** Type of an event as endpoints get it. */
export function webhookTypeOf(event: OutboxEvent): WebhookType {
  return `${durableNameOf(event)}.${typeOf(event)}` as WebhookType;
}

function bodyOf(event: OutboxEvent): string {
  const { at, workspaceId, target, name, actor, source, before, after, lead } = event;
  const data = { workspaceId, target, name, actor, source, before, after, ...(lead !== undefined && { lead }) };
  return JSON.stringify({ type: webhookTypeOf(event), timestamp: new Date(at).toISOString(), data });
}

function deliveryId(event: OutboxEvent, url: string): string {
  return `${event.id}.${createHash('sha256').update(url).digest('base64url').slice(0, 10)}`;
}

/**
 * Sends events to webhook endpoints. An event of the outbox becomes one stored delivery for each endpoint. The leader of the
 * group sends what is due: a delivery is sent until the endpoint has responded with 2xx, or fails for good.
 */
export class Webhooks {
  readonly #options: WebhooksOptions;
  /** Requests in progress, by the id of their delivery. */
  readonly #inFlight = new Map<string, InFlight>();
  /** URLs whose last attempt has failed. */
  readonly #failing = new LRUCache<string, true>({ max: MAX_FAILING });
  readonly #ending = new AbortController();
  #isPumping = false;
  #isClosed = false;

  constructor(options: WebhooksOptions) {
    this.#options = options;
    // One for each request, until its connection has ended.
    setMaxListeners(0, this.#ending.signal);
  }

  /** Stores the deliveries of an event. */
  async handle(event: OutboxEvent): Promise<void> {
    const { store, clock, endpoints } = this.#options;
    const type = webhookTypeOf(event);
    for (const { url, types } of await endpointsOf(endpoints, event.workspaceId)) {
      if (types !== undefined && !types.includes(type)) continue;
      const delivery: Delivery = { id: deliveryId(event, url), url, event, attempts: 0, lastError: null };
      await store.putDelivery(delivery, 'new', clock.wall());
    }
    void this.sendDue().catch((error: unknown) => this.#report(error));
  }

  /** Sends the deliveries that are due. Resolves when they are in progress. */
  async sendDue(): Promise<void> {
    if (this.#isPumping || this.#isClosed) return;
    this.#isPumping = true;
    try {
      const { store, clock } = this.#options;
      for (let round = 0; round < MAX_ROUNDS && this.#maySend(); round++) {
        const count = (round === 0 ? CONCURRENCY : ROUND) + this.#inFlight.size;
        const due = await store.dueDeliveries(Math.floor(clock.wall()), count);
        const postponed = this.#sendSome(due);
        if (postponed.length === 0) return;
        const now = clock.wall();
        await Promise.all(
          postponed.map(({ delivery, until }, place) =>
            store.putDelivery(delivery, 'retry', now + postponement(place, until - now)),
          ),
        );
      }
    } finally {
      this.#isPumping = false;
    }
  }

  #maySend(): boolean {
    return this.#inFlight.size < CONCURRENCY && this.#options.isLeading() && !this.#isClosed;
  }

  /** Begins attempts. Returns the deliveries that wait for another one to an endpoint that fails, with the end of that request. */
  #sendSome(due: readonly Delivery[]): Postponed[] {
    const postponed: Postponed[] = [];
    for (const delivery of due) {
      if (!this.#maySend()) break;
      const { id, url } = delivery;
      if (this.#inFlight.has(id)) continue;
      const before = this.#failing.has(url) && [...this.#inFlight.values()].find((request) => request.url === url);
      if (before) {
        postponed.push({ delivery, until: before.deadline });
        continue;
      }
      const deadline = this.#options.clock.wall() + ATTEMPT_TIMEOUT;
      const ended = this.#attempt(delivery)
        .finally(() => this.#inFlight.delete(id))
        .then(() => this.sendDue())
        // The delivery is still due, and waits for the next step of the leader.
        .catch((error: unknown) => this.#report(error));
      this.#inFlight.set(id, { url, deadline, ended });
    }
    return postponed;
  }

  /** Waits for the requests in progress, and ends those that take longer. Another process sends them again. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const timer = setTimeout(() => this.#ending.abort(), CLOSE_TIMEOUT);
    await Promise.all([...this.#inFlight.values()].map(({ ended }) => ended));
    clearTimeout(timer);
  }

  async #attempt(delivery: Delivery): Promise<void> {
    const { store, clock, endpoints, resolve } = this.#options;
    const { event, url } = delivery;
    const found = (await endpointsOf(endpoints, event.workspaceId)).find((each) => each.url === url);
    if (found === undefined) {
      await store.putDelivery({ ...delivery, lastError: 'The endpoint is not configured.' }, 'failed', clock.wall());
      return;
    }
    const message = { id: event.id, timestamp: Math.floor(clock.wall() / 1000), body: bodyOf(event) };
    let status: number | null = null;
    let retryAfter: string | null = null;
    let lastError: string;
    try {
      ({ status, retryAfter } = await send(found, message, { signal: this.#ending.signal, resolve }));
      if (status >= 200 && status < 300) {
        this.#failing.delete(url);
        return await store.removeDelivery(delivery.id);
      }
      lastError = `The endpoint responded with ${status}.`;
    } catch (error) {
      if (status !== null) throw error;
      if (this.#ending.signal.aborted) return;
      lastError =
        error instanceof Error ? error.message || ((error as { code?: string }).code ?? error.name) : 'Unknown.';
    }
    this.#failing.set(url, true);
    const failed = { ...delivery, attempts: delivery.attempts + 1, lastError: lastError.slice(0, 200) };
    const now = clock.wall();
    if (status === GONE || failed.attempts >= MAX_ATTEMPTS) await store.putDelivery(failed, 'failed', now);
    else await store.putDelivery(failed, 'retry', now + retryDelay(failed.attempts, retryAfter, now));
  }

  #report(error: unknown): void {
    this.#options.report(
      error instanceof KeyscopeError
        ? error
        : new KeyscopeError('store_unavailable', 'A webhook could not be sent.', { cause: error }),
    );
  }
}
