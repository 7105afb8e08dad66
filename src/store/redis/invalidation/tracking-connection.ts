import { randomUUID } from 'node:crypto';
import { type RedisClient, usesSentinels } from '../client';
import { isRefusal, refusalCode } from '../errors';
import type { Ask } from '../server-role';

/** Where Redis tells of changes, in RESP2. */
const CHANNEL = '__redis__:invalidate';
/** What our connections are called in CLIENT LIST. */
const CONNECTION_NAME = 'keyscope-feed';

/** Why there is no feed. */
export interface FeedFailure {
  /** For people. */
  readonly message: string;
  /** The word with which Redis said that it will not tell of changes; null where the connection failed or was lost. */
  readonly refusal: string | null;
}

/** What the server reported when a feed was opened. */
export interface FeedServer {
  /** Which server this is; null if it may not be known. */
  readonly identity: string | null;
  /** The id of the feed's connection in CLIENT LIST. */
  readonly clientId: string;
  /** What the epoch key holds; null if the feed could not read it. */
  readonly epoch: string | null;
  /** The feed watches the epoch key: CLIENT LIST shows when its database was swapped for another. */
  readonly isWatching: boolean;
}

export interface TrackingConnectionOptions {
  /** Whose server is to be listened to; it is duplicated, never used. */
  readonly client: RedisClient;
  /** What the names of all keys to hear of begin with. No one may be the beginning of another. */
  readonly prefixes: readonly string[];
  /** Milliseconds until the feed must be open. */
  readonly patience: number;
  /** Watched, and made if it does not exist. Null: not needed. */
  readonly epochKey: string | null;
  /** Which server this is; null where it may not be known. Rejects where it is the wrong one. */
  readonly identify: (ask: Ask) => Promise<string | null>;
  readonly onOpen: (server: FeedServer) => void;
  /** Keys have changed; null: all may have. Called in the order in which Redis sent this and answered pings. */
  readonly onChanged: (names: readonly unknown[] | null) => void;
  /** Called once, unless `close` has been called before. */
  readonly onEnd: (failure: FeedFailure) => void;
}

/** Answers that will be the same next time: not allowed, not known. Others pass: BUSY, LOADING, TRYAGAIN… */
const LASTING = new Set(['NOPERM', 'ERR']);

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** TRACKINGINFO's flags: a flat list in RESP2. */
function isBroadcast(reply: unknown): boolean {
  const flags = Array.isArray(reply) ? reply[reply.indexOf('flags') + 1] : undefined;
  return Array.isArray(flags) && flags.includes('on') && flags.includes('bcast');
}

type Watched = Pick<FeedServer, 'epoch' | 'isWatching'>;

/**
 * SWAPDB sends no invalidation (Redis 7.0), but marks a connection that watches a key of either database, as CLIENT LIST
 * shows. Watching is a help, so that a server that refuses it is no failure.
 */
async function watchEpoch(ask: Ask, epochKey: string | null): Promise<Watched> {
  if (epochKey === null) return { epoch: null, isWatching: false };
  const succeeds = (reply: Promise<unknown>) =>
    reply.then(
      () => true,
      () => false,
    );
  const [, isWatching, epoch] = await Promise.all([
    succeeds(ask('hsetnx', epochKey, 'id', randomUUID())),
    succeeds(ask('watch', epochKey)),
    ask('hget', epochKey, 'id').catch(() => null),
  ]);
  return { epoch: epoch === null ? null : String(epoch), isWatching };
}

/**
 * The life of one connection on which Redis tells of changes: it connects, shakes hands, hears, and ends. It never
 * reconnects, because a connection that came back would look alive and hear nothing: tracking belongs to the connection
 * and ends with it, while ioredis would renew the subscription. Tracking is redirected to the connection itself, so that
 * neither can outlive the other.
 */
export class TrackingConnection {
  readonly #options: TrackingConnectionOptions;
  readonly #connection: RedisClient;
  readonly #timer: NodeJS.Timeout;
  #lastError = 'The connection was closed.';
  #over = false;

  constructor(options: TrackingConnectionOptions) {
    this.#options = options;
    this.#timer = setTimeout(() => this.end('Redis took too long to open the feed.'), options.patience);
    this.#timer.unref();
    this.#connection = options.client.duplicate({
      lazyConnect: true,
      // ioredis drops what RESP3 pushes.
      protocol: 2,
      replyMapping: 'legacy',
      connectionName: CONNECTION_NAME,
      connectTimeout: options.patience,
      // How long a connection that was given up may linger before it is destroyed.
      disconnectTimeout: 100,
      retryStrategy: null,
      reconnectOnError: null,
      enableOfflineQueue: false,
      enableAutoPipelining: false,
      // Behind Sentinel it is what tells ioredis that it has found a replica.
      enableReadyCheck: usesSentinels(options.client),
      maxRetriesPerRequest: null,
      commandTimeout: undefined,
      socketTimeout: undefined,
      readOnly: false,
      monitor: false,
      stringNumbers: false,
      scripts: undefined,
      failoverDetector: false,
      // What names it has is in `prefixes`; ioredis would put it before the channel.
      keyPrefix: '',
    });
    this.#connection.on('error', (error) => {
      this.#lastError = messageOf(error);
    });
    this.#connection.on('ready', () => this.#handshake());
    this.#connection.on('end', () => this.end(this.#lastError));
    this.#connection.on('messageBuffer', (_channel, names) => {
      if (!this.#over) options.onChanged(Array.isArray(names) ? names : null);
    });
    // A failure shows in `error` and `end`.
    this.#connection.connect().catch(() => {});
  }

  /** Resolves when Redis has answered, and with that when everything has been heard that Redis had said before. */
  async ping(): Promise<void> {
    await this.#connection.call('ping');
    if (this.#over) throw new Error('The feed has ended.');
  }

  /** Ends the session and says why. */
  end(message: string, refusal: string | null = null): void {
    if (this.#over) return;
    this.close();
    this.#options.onEnd({ message, refusal });
  }

  /** Ends the session without a word. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#connection.disconnect();
  }

  async #handshake(): Promise<void> {
    const ask: Ask = (command, ...args) => this.#connection.call(command, ...args);
    try {
      const [identity, id, watched] = await Promise.all([
        this.#options.identify(ask),
        ask('client', 'ID'),
        watchEpoch(ask, this.#options.epochKey),
      ]);
      const prefixes = this.#options.prefixes.flatMap((prefix) => ['PREFIX', prefix]);
      // In one write. Should the first be refused, the others do no harm: the connection is closed.
      const [, tracking] = await Promise.all([
        ask('client', 'TRACKING', 'ON', 'REDIRECT', String(id), 'BCAST', ...prefixes),
        ask('client', 'TRACKINGINFO'),
        ask('subscribe', CHANNEL),
      ]);
      // A proxy may say yes to what it does not know.
      if (!isBroadcast(tracking)) {
        this.end('The server says that it tracks, and does not.', 'ERR');
        return;
      }
      if (this.#over) return;
      clearTimeout(this.#timer);
      this.#options.onOpen({ identity, clientId: String(id), ...watched });
    } catch (error) {
      const code = isRefusal(error) ? refusalCode(error) : '';
      this.end(messageOf(error), LASTING.has(code) ? code : null);
    }
  }
}
