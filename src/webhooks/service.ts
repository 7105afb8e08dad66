import { z } from 'zod';
import type { Clock } from '../clock';
import { KeyscopeError } from '../errors';
import { contextWorkspace, DEFAULT_WORKSPACE, externalId, limit } from '../field-schemas';
import type { DurableEvents } from '../outbox/durable-events';
import type { Store } from '../store/store';
import { parseInput } from '../validate-input';
import { endpointsOf, type WebhookEndpoints, type WebhookType } from './endpoints';
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

/** Endpoint of a workspace. Its secret is known to the app only. */
export interface WebhookEndpointInfo {
  readonly url: string;
  /** Types that it gets. Null: all. */
  readonly types: readonly WebhookType[] | null;
}

export interface ListFailedWebhooksInput {
  /** Only those of this workspace. Default: of all workspaces. */
  readonly workspaceId?: string;
  /** 1–200, default 50. */
  readonly limit?: number;
  /** How many to leave out. Default 0. */
  readonly offset?: number;
}

export interface WebhookService {
  /**
   * Endpoints that the option `webhooks` configures for a workspace (default `'default'`), without their secrets. Rejects
   * with `invalid_request`, or with what the function of the app rejects with.
   */
  endpoints(input?: { readonly workspaceId?: string }): Promise<WebhookEndpointInfo[]>;
  /**
   * Deliveries that were given up, the latest first; about 10,000 are kept. Rejects with `invalid_request` or
   * `store_unavailable`.
   */
  failed(input?: ListFailedWebhooksInput): Promise<FailedWebhook[]>;
  /**
   * Sends a delivery that was given up again, with all its attempts. Resolves with false if there is none with this id.
   * Rejects with `store_unavailable`.
   *
   * @param context.workspaceId Only a delivery of this workspace. Default: any.
   */
  replay(id: string, context?: { readonly workspaceId?: string }): Promise<boolean>;
}

const endpointsSchema = z.strictObject({ workspaceId: externalId.default(DEFAULT_WORKSPACE) });
export const failedWebhooksSchema = z.strictObject({
  workspaceId: contextWorkspace,
  limit,
  offset: z.int().min(0).max(10_000).default(0),
});
const replaySchema = z.strictObject({ id: z.string().min(1).max(200), workspaceId: contextWorkspace });

export interface WebhookServiceDeps {
  readonly store: Store;
  readonly clock: Clock;
  /** Default: none. */
  readonly endpoints?: WebhookEndpoints | undefined;
}

export function createWebhookService({ store, clock, endpoints = [] }: WebhookServiceDeps): WebhookService {
  return {
    async endpoints(input) {
      const { workspaceId } = parseInput(endpointsSchema, input ?? {}, 'webhooks.endpoints');
      const found = await endpointsOf(endpoints, workspaceId);
      return found.map(({ url, types = null }) => ({ url, types }));
    },

    async failed(input) {
      const query = parseInput(failedWebhooksSchema, input ?? {}, 'webhooks.failed');
      const { workspaceId = null, offset, limit: count } = query;
      const found = await store.failedDeliveries({ workspaceId, offset, count });
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

    async replay(id, context) {
      const given = parseInput(replaySchema, { ...context, id }, 'webhooks.replay');
      return store.replayDelivery(given.id, Math.floor(clock.wall()), given.workspaceId ?? null);
    },
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
