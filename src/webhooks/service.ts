import { z } from 'zod';
import type { Clock } from '../clock';
import { KeyscopeError } from '../errors';
import { limit } from '../field-schemas';
import type { DurableEvents } from '../outbox/durable-events';
import type { Store } from '../store/store';
import { parseInput } from '../validate-input';
import type { WebhookEndpoints, WebhookType } from './endpoints';
import type { Resolve } from './public-address';
import { Webhooks, webhookTypeOf } from './webhooks';

/** A delivery that was given up. */
export interface FailedWebhook {
  /** For `replay`. */
  readonly id: string;
  readonly url: string;
  readonly type: WebhookType;
  /** Id of the event, as in the `webhook-id` header. */
  readonly eventId: string;
  readonly workspaceId: string;
  /** Id of the key or the project. */
  readonly target: string;
  readonly attempts: number;
  /** Why the last attempt failed. */
  readonly lastError: string | null;
  readonly failedAt: Date;
}

export interface WebhookService {
  /**
   * Deliveries that were given up, the latest first; about 10,000 are kept. Rejects with `invalid_request` or
   * `store_unavailable`.
   *
   * @param input.limit 1–200, default 50.
   * @param input.offset How many to leave out. Default 0.
   */
  failed(input?: { readonly limit?: number; readonly offset?: number }): Promise<FailedWebhook[]>;
  /**
   * Sends a delivery that was given up again, with all its attempts. Resolves with false if there is none with this id.
   * Rejects with `store_unavailable`.
   */
  replay(id: string): Promise<boolean>;
}

const failedSchema = z.strictObject({ limit, offset: z.int().min(0).max(10_000).default(0) });
const replaySchema = z.strictObject({ id: z.string().min(1).max(200) });

export function createWebhookService({ store, clock }: { store: Store; clock: Clock }): WebhookService {
  return {
    async failed(input) {
      const query = parseInput(failedSchema, input ?? {}, 'webhooks.failed');
      const found = await store.failedDeliveries(query.offset, query.limit);
      return found.map(({ delivery: { id, url, event, attempts, lastError }, at }) => ({
        id,
        url,
        type: webhookTypeOf(event),
        eventId: event.id,
        workspaceId: event.workspaceId,
        target: event.target,
        attempts,
        lastError,
        failedAt: new Date(at),
      }));
    },

    replay: async (id) =>
      store.replayDelivery(parseInput(replaySchema, { id }, 'webhooks.replay').id, Math.floor(clock.wall())),
  };
}

export interface StartWebhooksOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly endpoints: WebhookEndpoints;
  readonly durableEvents: DurableEvents;
  readonly report: (error: KeyscopeError) => void;
  readonly resolve?: Resolve;
}

/** Sends events to the endpoints from now on. Returns a function that ends it. */
export function startWebhooks({ durableEvents, ...options }: StartWebhooksOptions): () => Promise<void> {
  const webhooks = new Webhooks({ ...options, isLeading: () => consumer.isLeading });
  durableEvents.announceExpiry();
  const consumer = durableEvents.consume({
    group: 'webhooks',
    wants: () => true,
    handle: (event) => webhooks.handle(event),
    onFailure(event, cause, isGivenUp) {
      const message = `The webhooks of the event ${event.id} could not be stored. ${isGivenUp ? 'It is given up.' : ''}`;
      options.report(new KeyscopeError('store_unavailable', message.trimEnd(), { cause }));
    },
    whileLeading: () => webhooks.sendDue(),
  });
  return () => webhooks.close();
}
