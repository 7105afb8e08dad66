import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { type RedisClient, usesSentinels } from '../client';
import { isRefusal, refusalCode } from '../errors';
import type { Ask } from '../server-role';
import { Resp3Connection } from './resp3/resp3-connection';

/** The channel of invalidations in RESP2. */
const CHANNEL = '__redis__:invalidate';
/** Name of the feeds in CLIENT LIST. */
export const FEED_NAME = 'keyscope-feed';

/** Why there is no feed. */
export interface FeedFailure {
  /** For people. */
  readonly message: string;
  /** The error code of a lasting refusal, such as `NOPERM`; null if the connection failed or was lost. */
  readonly refusal: string | null;
  /** The server may be used, without a feed. */
  readonly isServerUsable: boolean;
}

/** Protocol of a feed: RESP2 with `REDIRECT`, or RESP3 if the server refuses that. */
export type FeedProtocol = 'resp2' | 'resp3';

/** Facts that the server reported when a feed was opened. */
export interface FeedServer {
  readonly protocol: FeedProtocol;
  /** Which server this is; null if it may not be known. */
  readonly identity: string | null;
  /** The id of the feed's connection in CLIENT LIST. */
  readonly clientId: string;
  /** Content of the epoch key; null if the feed could not read it. */
  readonly epoch: string | null;
  /** The feed watches the epoch key: CLIENT LIST shows when its database was swapped for another. */
  readonly isWatching: boolean;
}

export interface TrackingConnectionOptions {
  /** A client of the server. It is duplicated, never used. */
  readonly client: RedisClient;
  /** Prefixes of the tracked keys. None may be a prefix of another. */
  readonly prefixes: readonly string[];
  /** Milliseconds until the feed must be open. */
  readonly openTimeout: number;
  /** Watched, and created if it does not exist. Null: not needed. */
  readonly epochKey: string | null;
  /** Resolves with the server's identity, or null if that is hidden. Rejects if the server must not be used. */
  readonly identify: (ask: Ask) => Promise<string | null>;
  readonly onOpen: (server: FeedServer) => void;
  /** Keys have changed. Null: all of them may have. Called in the order in which Redis sent this and replied to pings. */
  readonly onChanged: (names: readonly unknown[] | null) => void;
  /** Called once, unless `close` has been called before. */
  readonly onEnd: (failure: FeedFailure) => void;
}

/** Error codes that stay: not permitted, not known. Others pass: BUSY, LOADING, TRYAGAIN… */
const LASTING = new Set(['NOPERM', 'ERR']);

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** TRACKINGINFO's flags, from a flat array. */
function isBroadcast(reply: unknown): boolean {
  const flags = Array.isArray(reply) ? reply[reply.indexOf('flags') + 1] : undefined;
  return Array.isArray(flags) && flags.includes('on') && flags.includes('bcast');
}

type Watched = Pick<FeedServer, 'epoch' | 'isWatching'>;

/**
 * SWAPDB sends no invalidation (Redis 7.0), but marks a connection that watches a key of either database, as CLIENT LIST
 * shows. If a server refuses WATCH, the feed works without it.
 */
async function watchEpoch(ask: Ask, epochKey: string | null): Promise<Watched> {
  if (epochKey === null) return { epoch: null, isWatching: false };
  const succeeds = (reply: Promise<unknown>) =>
    reply.then(
      () => true,
      () => false,
    );
  const [exists, isWatched, epoch] = await Promise.all([
    succeeds(ask('hsetnx', epochKey, 'id', randomUUID())),
    succeeds(ask('watch', epochKey)),
    ask('hget', epochKey, 'id').catch(() => null),
  ]);
  // SWAPDB does not mark a connection that watches a key that neither database has.
  return { epoch: epoch === null ? null : String(epoch), isWatching: isWatched && (exists || epoch !== null) };
}

/**
 * One connection on which Redis sends invalidations. It never reconnects: tracking ends with the connection, and ioredis
 * would only renew the subscription, so that a reconnected feed would seem open and receive nothing.
 *
 * Tracking is redirected to the connection itself, so that neither can outlive the other. Redis Cloud and Redis Software
 * refuse `REDIRECT`. On these, the socket that ioredis has connected and authenticated is switched to RESP3.
 */
export class TrackingConnection {
  readonly #options: TrackingConnectionOptions;
  readonly #connection: RedisClient;
  readonly #timer: NodeJS.Timeout;
  #lastError = 'The connection was closed.';
  #hasEnded = false;
  #ask: Ask = (command, ...args) => this.#connection.call(command, ...args);

  constructor(options: TrackingConnectionOptions) {
    this.#options = options;
    const tooLong = `The feed was not open after ${options.openTimeout} ms.`;
    this.#timer = setTimeout(() => this.end(tooLong), options.openTimeout);
    this.#timer.unref();
    this.#connection = options.client.duplicate({
      lazyConnect: true,
      // ioredis drops the push messages of RESP3. See `#switchToResp3`.
      protocol: 2,
      replyMapping: 'legacy',
      connectionName: FEED_NAME,
      connectTimeout: options.openTimeout,
      // Until a connection that is being closed is destroyed.
      disconnectTimeout: 100,
      retryStrategy: null,
      reconnectOnError: null,
      enableOfflineQueue: false,
      enableAutoPipelining: false,
      // Behind Sentinel, ioredis detects a replica by it.
      enableReadyCheck: usesSentinels(options.client),
      maxRetriesPerRequest: null,
      commandTimeout: undefined,
      socketTimeout: undefined,
      readOnly: false,
      monitor: false,
      stringNumbers: false,
      scripts: undefined,
      failoverDetector: false,
      // `prefixes` include it. ioredis would also put it before the channel.
      keyPrefix: '',
    });
    this.#connection.on('error', (error) => {
      this.#lastError = messageOf(error);
    });
    this.#connection.on('ready', () => this.#handshake());
    this.#connection.on('end', () => this.end(this.#lastError));
    this.#connection.on('messageBuffer', (_channel, names) => {
      if (!this.#hasEnded) options.onChanged(Array.isArray(names) ? names : null);
    });
    // A failure shows in `error` and `end`.
    this.#connection.connect().catch(() => {});
  }

  /** Resolves with the reply, and so when all invalidations that Redis sent before it have been received. */
  async ping(): Promise<void> {
    await this.#ask('ping');
    if (this.#hasEnded) throw new Error('The feed has ended.');
  }

  /** Closes the connection and calls `onEnd`. */
  end(message: string, refusal: string | null = null, isServerUsable = false): void {
    if (this.#hasEnded) return;
    this.close();
    this.#options.onEnd({ message, refusal, isServerUsable });
  }

  /** Closes the connection without calling `onEnd`. */
  close(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearTimeout(this.#timer);
    this.#connection.disconnect();
  }

  async #handshake(): Promise<void> {
    const identifying = this.#options.identify(this.#ask);
    try {
      const [identity, id, watched] = await Promise.all([
        identifying,
        this.#ask('client', 'ID'),
        watchEpoch(this.#ask, this.#options.epochKey),
      ]);
      const { protocol, tracking } = await this.#track(String(id));
      // A proxy can reply OK to a command that it does not know.
      if (!isBroadcast(tracking)) {
        this.end('The server replied OK to CLIENT TRACKING, and does not track.', 'ERR', true);
        return;
      }
      if (this.#hasEnded) return;
      clearTimeout(this.#timer);
      this.#options.onOpen({ protocol, identity, clientId: String(id), ...watched });
    } catch (error) {
      const code = isRefusal(error) ? refusalCode(error) : '';
      const isServerUsable = await identifying.then(
        () => true,
        () => false,
      );
      this.end(messageOf(error), LASTING.has(code) ? code : null, isServerUsable);
    }
  }

  /** Enables tracking. Resolves with the reply to TRACKINGINFO. */
  async #track(clientId: string): Promise<{ protocol: FeedProtocol; tracking: unknown }> {
    const prefixes = this.#options.prefixes.flatMap((prefix) => ['PREFIX', prefix]);
    const enable = (...redirect: string[]) =>
      Promise.all([
        this.#ask('client', 'TRACKING', 'ON', ...redirect, 'BCAST', ...prefixes),
        this.#ask('client', 'TRACKINGINFO'),
      ]);
    try {
      const [, tracking] = await enable('REDIRECT', clientId);
      await this.#ask('subscribe', CHANNEL);
      return { protocol: 'resp2', tracking };
    } catch (error) {
      if (!isRefusal(error) || refusalCode(error) === 'NOPERM' || !(await this.#switchToResp3())) throw error;
    }
    const [, tracking] = await enable();
    return { protocol: 'resp3', tracking };
  }

  /** Resolves with false if the server or the client does not support it. */
  async #switchToResp3(): Promise<boolean> {
    // The replies to all earlier commands have arrived when this one has.
    await this.#ask('ping');
    const { stream } = this.#connection as { stream?: Duplex };
    if (this.#hasEnded || stream === undefined) return false;
    const connection = new Resp3Connection(stream, (names) => {
      if (!this.#hasEnded) this.#options.onChanged(names);
    });
    this.#ask = connection.ask;
    try {
      await connection.ask('HELLO', '3');
      return true;
    } catch (error) {
      if (isRefusal(error)) return false;
      throw error;
    }
  }
}
