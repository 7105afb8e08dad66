import type { OutboxEvent } from './outbox-store';

/** One event for one webhook endpoint. It holds no secret: the endpoint's is in the options of the app. */
export interface Delivery {
  readonly id: string;
  readonly url: string;
  readonly event: OutboxEvent;
  /** Attempts that have failed. */
  readonly attempts: number;
  /** Why the last attempt failed; null before the first. */
  readonly lastError: string | null;
}

/**
 * - `new`: to be sent, unless the delivery exists.
 * - `retry`: to be sent again.
 * - `failed`: given up. At most 10,000 of these are kept, the latest.
 */
export type DeliveryState = 'new' | 'retry' | 'failed';

export interface FailedQuery {
  /** Null: of all workspaces. */
  readonly workspaceId: string | null;
  readonly offset: number;
  readonly count: number;
}

export interface FailedDelivery {
  readonly delivery: Delivery;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Deliveries of webhooks. Methods reject with `store_unavailable`. */
export interface DeliveryStore {
  /** @param at - When it is due or has failed, in milliseconds since the epoch. */
  putDelivery(delivery: Delivery, state: DeliveryState, at: number): Promise<void>;
  /** Removes a delivery that has arrived. */
  removeDelivery(id: string): Promise<void>;
  /** Deliveries that are due at `now`, the earliest first. */
  dueDeliveries(now: number, count: number): Promise<Delivery[]>;
  /** Failed deliveries, of one workspace or of all, the latest first, with the time of their failure. */
  failedDeliveries(query: FailedQuery): Promise<FailedDelivery[]>;
  /** Makes a failed delivery due. Resolves with false if there is none with this id, in this workspace if it is given. */
  replayDelivery(id: string, at: number, workspaceId: string | null): Promise<boolean>;
}

/** Deliveries that can wait. Further ones fail at once. */
export const MAX_WAITING = 100_000;
export const MAX_FAILED = 10_000;
