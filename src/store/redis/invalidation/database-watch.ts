import { isRefusal } from '../errors';
import type { ServerConnection } from '../server-connection';
import type { FeedServer } from './tracking-connection';

/** `elsewhere`: the client is connected to another server than the feed, or the feed has ended. */
export type DatabaseComparison = 'same' | 'swapped' | 'elsewhere';

/**
 * Finds out whether the database is the one that a feed was opened on. SWAPDB sends no invalidation, but marks the feed's
 * connection, because it watches the epoch key. If CLIENT LIST does not show that, the content of the epoch key is compared: an
 * empty database and another application's have another one.
 */
export class DatabaseWatch {
  readonly #server: ServerConnection;
  /** Without the client's own key prefix. */
  readonly #epochKey: string;
  #hidesClients = false;
  /** The feed that CLIENT LIST has shown. */
  #shown: FeedServer | null = null;

  constructor(server: ServerConnection, epochKey: string) {
    this.#server = server;
    this.#epochKey = epochKey;
  }

  async compare(feed: FeedServer): Promise<DatabaseComparison> {
    if (feed.isWatching && !this.#hidesClients) {
      const flags = await this.#askFlags(feed.clientId);
      if (flags !== null) {
        this.#shown = feed;
        // `d`: a watched key has been changed.
        return flags.includes('d') ? 'swapped' : 'same';
      }
      if (this.#shown === feed) return 'elsewhere';
      this.#hidesClients = true;
    }
    if (feed.epoch === null) return 'same';
    const epoch = await this.#server.ask('hget', this.#epochKey, 'id');
    return String(epoch) === feed.epoch ? 'same' : 'swapped';
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
