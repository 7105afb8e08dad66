import { randomUUID } from 'node:crypto';
import { isRefusal } from '../errors';
import type { ServerConnection } from '../server-connection';
import type { FeedServer } from './tracking-connection';

/**
 * `swapped`: it is another one, or can be, because the feed had no epoch key to watch. `unknown`: the same, and there can be no
 * epoch key now. `elsewhere`: the client is connected to another server than the feed, or the feed has ended.
 */
type DatabaseComparison = 'same' | 'swapped' | 'unknown' | 'elsewhere';

/**
 * Finds out whether the database is the one that a feed was opened on. SWAPDB sends no invalidation, but marks the feed's
 * connection, because it watches the epoch key. If CLIENT LIST does not show that, the content of the epoch key is compared: an
 * empty database and another application's have another one.
 */
export class DatabaseWatch {
  readonly #server: ServerConnection;
  /** Without the client's own key prefix. */
  readonly #epochKey: string;
  /** The feed that it did not show, on the same server. */
  #hidden: FeedServer | null = null;
  #problem: string | null = null;
  /** The feed that CLIENT LIST has shown. */
  #shown: FeedServer | null = null;

  constructor(server: ServerConnection, epochKey: string) {
    this.#server = server;
    this.#epochKey = epochKey;
  }

  /** Why the databases cannot be compared; null if they can be. For people. */
  get problem(): string | null {
    return this.#problem;
  }

  async compare(feed: FeedServer): Promise<DatabaseComparison> {
    if (feed.isWatching && this.#hidden !== feed) {
      const { generation } = this.#server;
      const flags = await this.#askFlags(feed.clientId);
      if (flags !== null) {
        this.#shown = feed;
        // `d`: a watched key has been changed.
        return flags.includes('d') ? 'swapped' : 'same';
      }
      const isOnServer = generation === this.#server.generation && this.#server.role?.identity === feed.identity;
      if (this.#shown === feed || !isOnServer) return 'elsewhere';
      this.#hidden = feed;
    }
    if (feed.epoch === null) return this.#mark();
    const epoch = await this.#server.ask('hget', this.#epochKey, 'id');
    return String(epoch) === feed.epoch ? 'same' : 'swapped';
  }

  /** Creates the epoch key, for the next feed. Redis may have taken no writes when this one opened. */
  async #mark(): Promise<DatabaseComparison> {
    try {
      await this.#server.ask('hsetnx', this.#epochKey, 'id', randomUUID());
      this.#problem = null;
      return 'swapped';
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#problem = `The key ${this.#epochKey} could not be written, which shows whether the database was swapped: ${error.message}`;
      return 'unknown';
    }
  }

  /** The feed's flags in CLIENT LIST; null if it is not listed, or the user may not see the list. */
  async #askFlags(clientId: string): Promise<string | null> {
    try {
      const line = String(await this.#server.ask('client', 'LIST', 'ID', clientId));
      return /(?:^| )flags=(\S*)/.exec(line)?.[1] ?? null;
    } catch (error) {
      if (isRefusal(error)) return null;
      throw error;
    }
  }
}
