import type { Clock } from '../../../clock';
import type { Lease, Timestamps } from '../../lease';
import type { NodeHealth, StoreEvent } from '../../store';
import type { RedisClient } from '../client';
import type { Connection } from '../connection';
import type { FeedMode } from './store-mode';

/** Receives invalidations, and grants leases while it is certain to receive all of them. Opens nothing before `start`. */
export interface InvalidationFeed {
  start(): void;
  close(): void;
  /** Resolves when it is known for the first time whether Redis sends invalidations. */
  settled(): Promise<void>;
  /** The lease under which a read of this Redis key, sent now, may be cached; null if there is none. */
  leaseFor(key: string): Lease | null;
  /** Why the server must not be used: it is a replica, it was replaced, … Null if no reason is known. */
  readonly serverProblem: string | null;
  /** Names the server that the client sends a read of this Redis key to: the address in a Cluster, else the connection. */
  serverOf(key: string): string | number;
  /** Why the server of this Redis key must not be read from, which includes `serverProblem`. */
  problemOf(key: string): string | null;
  /** Asks again if the reason for `problemOf` is one that passes. */
  confirmServer(key?: string): Promise<void>;
  /** See `Store.confirmedAt`. */
  confirmedAt(key: string): Timestamps;
  /** See `Store.answeredAt`. */
  answeredAt(key: string): Timestamps;
  /** Null until it is known. */
  readonly mode: FeedMode | null;
  nodes(): NodeHealth[];
  /** The last error; null while there is none. */
  lastError(): string | null;
}

export interface InvalidationFeedOptions<Client extends RedisClient = RedisClient> {
  /** The caller's. */
  readonly client: Client;
  /** The same client, with its servers verified. */
  readonly connection: Connection;
  /** A hash that only this package uses; a feed watches it to notice that its database was swapped for another. */
  readonly epochKey: string;
  /** Prefixes of the tracked keys, including the client's own key prefix. */
  readonly prefixes: readonly string[];
  readonly clock: Clock;
  /** Milliseconds. */
  readonly maxRevocationLag: number;
  /** Keys have changed. Null: all of them may have. */
  readonly onChanged: (names: readonly unknown[] | null) => void;
  /** The feed of a node of a Cluster has opened: there were no invalidations of earlier changes. */
  readonly onOpened: () => void;
  readonly emit: (event: StoreEvent) => void;
}

/** How often a lease is renewed per `maxRevocationLag`. */
export const POLLS_PER_LAG = 4;
/** Bound on the commands without a reply of one node. They are in the memory of the caller's client. */
export const MAX_UNANSWERED = 8;
