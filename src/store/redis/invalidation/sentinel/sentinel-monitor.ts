import type { RedisClient } from '../../client';
import { MAX_UNANSWERED, POLLS_PER_LAG } from '../invalidation-feed';

interface SentinelOptions {
  readonly sentinels: readonly { readonly host?: string; readonly port?: number }[];
  readonly name: string;
  readonly sentinelUsername?: string | null;
  readonly sentinelPassword?: string | null;
  readonly sentinelTLS?: object;
}

/** One Sentinel's description of the master. */
interface SentinelReply {
  /** The master's run id; empty if it is not known yet. */
  readonly runId: string;
  /** Increases with each failover: if two Sentinels disagree, the higher one is the later. */
  readonly epoch: number;
  /** A failover is under way, or due. */
  readonly isInDoubt: boolean;
}

/** Reads a flat array of names and values, the form of RESP2. */
function readReply(reply: unknown): SentinelReply {
  const list = Array.isArray(reply) ? reply.map(String) : [];
  const values = new Map<string, string>();
  for (let i = 0; i + 1 < list.length; i += 2) values.set(list[i]!, list[i + 1]!);
  return {
    runId: values.get('runid') ?? '',
    epoch: Number(values.get('config-epoch')),
    isInDoubt: /o_down|failover_in_progress|force_failover/.test(values.get('flags') ?? ''),
  };
}

/** The answer of the Sentinel with the latest epoch. */
export interface SentinelConsensus {
  /** The master's run id; null if it is not known, or in doubt. */
  readonly runId: string | null;
  readonly epoch: number;
  /** More than half of them have answered. */
  readonly isMajority: boolean;
}

function delay(ms: number): Promise<null> {
  return new Promise((resolve) => setTimeout(resolve, ms, null).unref());
}

/**
 * Asks the Sentinels which server is the master. A partitioned or frozen master still calls itself one for seconds.
 *
 * The Sentinel that leads a failover promotes a replica, and reports that before any client can find the new master. It
 * publishes the new configuration to the others within fractions of a second. So if the latest answer of more than half
 * of them names a server, no other server is master. Not covered: that fraction of a second if the leader is silent.
 */
export class SentinelMonitor {
  readonly #connections: { readonly connection: RedisClient; unanswered: number }[];
  readonly #name: string;
  /** Milliseconds after which a Sentinel that has not answered counts as silent. */
  readonly #replyTimeout: number;

  constructor(client: RedisClient, maxRevocationLag: number) {
    const options = client.options as unknown as SentinelOptions;
    this.#name = options.name;
    this.#replyTimeout = maxRevocationLag / POLLS_PER_LAG;
    this.#connections = options.sentinels.map(({ host = '127.0.0.1', port = 26_379 }) => {
      const connection = client.duplicate({
        sentinels: null,
        host,
        port,
        path: undefined,
        username: options.sentinelUsername ?? null,
        password: options.sentinelPassword ?? null,
        tls: options.sentinelTLS,
        db: 0,
        lazyConnect: true,
        protocol: 2,
        replyMapping: 'legacy',
        connectionName: 'keyscope-sentinel',
        disconnectTimeout: 100,
        connectTimeout: Math.max(1000, maxRevocationLag),
        socketTimeout: Math.max(1000, 2 * maxRevocationLag),
        retryStrategy: (attempt: number) => Math.min(maxRevocationLag, 10 * 2 ** attempt),
        reconnectOnError: null,
        enableOfflineQueue: false,
        enableAutoPipelining: false,
        enableReadyCheck: false,
        autoResendUnfulfilledCommands: false,
        maxRetriesPerRequest: null,
        commandTimeout: undefined,
        readOnly: false,
        monitor: false,
        scripts: undefined,
        keyPrefix: '',
      });
      // An error shows as a Sentinel that does not answer. Without a listener, ioredis would print it.
      connection.on('error', () => {});
      connection.connect().catch(() => {});
      return { connection, unanswered: 0 };
    });
  }

  /** Null if none of them answers. */
  async ask(): Promise<SentinelConsensus | null> {
    const answers = await Promise.all(this.#connections.map((sentinel) => this.#askOne(sentinel)));
    const replies = answers.filter((reply) => reply !== null);
    if (replies.length === 0) return null;
    const latest = replies.reduce((a, b) => (b.epoch > a.epoch ? b : a));
    const isInDoubt = replies.some((reply) => reply.isInDoubt && reply.epoch >= latest.epoch);
    return {
      runId: isInDoubt || latest.runId === '' ? null : latest.runId,
      epoch: latest.epoch,
      isMajority: replies.length * 2 > this.#connections.length,
    };
  }

  close(): void {
    for (const { connection } of this.#connections) connection.disconnect();
  }

  async #askOne(sentinel: { readonly connection: RedisClient; unanswered: number }): Promise<SentinelReply | null> {
    if (sentinel.connection.status !== 'ready' || sentinel.unanswered >= MAX_UNANSWERED) return null;
    sentinel.unanswered += 1;
    const answer = sentinel.connection
      .call('sentinel', 'MASTER', this.#name)
      .then(readReply, () => null)
      .finally(() => {
        sentinel.unanswered -= 1;
      });
    return Promise.race([answer, delay(this.#replyTimeout)]);
  }
}
