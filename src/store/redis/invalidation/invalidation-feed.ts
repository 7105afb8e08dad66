import type { Clock } from '../../../clock';
import type { Lease } from '../../lease';
import type { NodeHealth, StoreEvent } from '../../store';
import type { RedisClient } from '../client';
import type { Connection } from '../connection';
import type { FeedMode } from './store-mode';

/** The server that a command goes to, as far as is known when it is sent. */
export interface Route {
  /** Why the server must not be used, if that is known by now: it is a replica, has been replaced, … */
  problem(): string | null;
}

/** Hears of changes, and knows for how long it can be sure of hearing. Opens nothing before `start`. */
export interface InvalidationFeed {
  start(): void;
  close(): void;
  /** Resolves when it is known for the first time whether Redis tells of changes. */
  settled(): Promise<void>;
  /** The lease under which a read of this key of Redis, sent now, may be remembered; null where there is none. */
  leaseFor(key: string): Lease | null;
  routeOf(key: string): Route;
  /** Null until it is known for the first time. */
  readonly mode: FeedMode | null;
  nodes(): NodeHealth[];
  /** What went wrong last; null while nothing does. */
  lastError(): string | null;
}

export interface InvalidationFeedOptions<Client extends RedisClient = RedisClient> {
  /** The caller's. */
  readonly client: Client;
  /** The same client, whose servers are verified. */
  readonly connection: Connection;
  /** A hash that only this package uses; a feed watches it to notice that its database was swapped for another. */
  readonly epochKey: string;
  /** What the names of all keys to hear of begin with, the client's own key prefix included. */
  readonly prefixes: readonly string[];
  readonly clock: Clock;
  /** Milliseconds. */
  readonly maxRevocationLag: number;
  /** Keys have changed; null: all may have. */
  readonly onChanged: (names: readonly unknown[] | null) => void;
  readonly emit: (event: StoreEvent) => void;
}

/** How often a lease is renewed in its time. */
export const POLLS_PER_LAG = 4;
/** Commands that one node may owe the answer to. They lie in the caller's client until it has one. */
export const MAX_UNANSWERED = 8;
