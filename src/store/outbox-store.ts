import { AUDIT_ACTIONS } from './audit-actions';

/** Types of the events in the outbox: changes, as in the audit log, and events of keys that are no changes. */
export const OUTBOX_EVENT_TYPES = [...AUDIT_ACTIONS, 'key.expiring', 'key.expired'] as const;
export type OutboxEventType = (typeof OUTBOX_EVENT_TYPES)[number];

/** Event in the outbox. It holds public fields only. */
export interface OutboxEvent {
  /** The same for each delivery. */
  readonly id: string;
  readonly type: OutboxEventType;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly workspaceId: string;
  /** Id of the key or the project. */
  readonly target: string;
  /** Name of the key; null for a project. */
  readonly name: string | null;
  readonly actor: string | null;
  readonly source: string | null;
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
  /** Of `key.expiring`: how long before the expiry it is sent, in milliseconds. */
  readonly lead?: number;
}

/** Approximate number of events that an outbox keeps, delivered or not. The oldest are removed. */
export const OUTBOX_LIMIT = 10_000;

/** Consumers of the outbox. Each gets every event, and one process at a time gets them: the leader of the group. */
export type OutboxGroup = 'key' | 'project' | 'expiry' | 'webhooks';

/** Entry of the outbox that a group has read. */
export interface OutboxEntry {
  /** Its place in the outbox, for the acknowledgement. */
  readonly place: { readonly outbox: string; readonly id: string };
  /** Null if the event was removed from the outbox before it was delivered, or cannot be read. */
  readonly event: OutboxEvent | null;
}

export interface LeadRequest {
  readonly group: OutboxGroup;
  /** Unique name of the process. */
  readonly leader: string;
  /** Milliseconds until another process can take over. */
  readonly ttl: number;
  /** Milliseconds since the process subscribed. A group that is new gets the events since then, or since shortly before. */
  readonly age: number;
}

/**
 * Outbox: the events of all changes, each stored in one atomic step with its change. It is bounded whether it is read or
 * not.
 *
 * A group reads each event once, and until it is acknowledged, a new leader reads it again. Methods reject with
 * `store_unavailable`.
 */
export interface OutboxStore {
  /** Makes a process the leader of a group, or extends its leadership. Resolves with false if another process leads. */
  leadGroup(request: LeadRequest): Promise<boolean>;
  /** Ends the leadership of a process. */
  leaveGroup(group: OutboxGroup, leader: string): Promise<void>;
  /**
   * Entries in the order of their changes: some that no leader of the group has read (`'new'`), at most `count` of each
   * of 16 outboxes, or all that were read and not acknowledged (`'unacknowledged'`), at most `count` of each outbox. Only
   * the leader reads. If it rejects, entries may have been read: they are among the unacknowledged ones.
   *
   * An entry without an event stands for those that were removed before the group has read them.
   */
  readGroup(group: OutboxGroup, which: 'new' | 'unacknowledged', count: number): Promise<OutboxEntry[]>;
  acknowledge(group: OutboxGroup, places: readonly OutboxEntry['place'][]): Promise<void>;
}
