import type { RedisClient } from '../../client';
import { MAX_UNANSWERED, POLLS_PER_LAG } from '../invalidation-feed';

interface SentinelOptions {
  readonly sentinels: readonly { readonly host?: string; readonly port?: number }[];
  readonly name: string;
  readonly sentinelUsername?: string | null;
  readonly sentinelPassword?: string | null;
  readonly sentinelTLS?: object;
}

/** What one Sentinel says of the master. */
interface SentinelReply {
  /** The master's run id; empty where it is not known yet. */
  readonly runId: string;
  /** Grows with each failover: where two disagree, the higher one is the later. */
  readonly epoch: number;
  /** A failover is under way, or due. */
  readonly isInDoubt: boolean;
}

/** A flat list of names and values, as RESP2 has it. */
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

/** What the Sentinels say together, that is, the one among them that knows the latest. */
export interface SentinelConsensus {
  /** The master's run id; null where it is not known, or in doubt. */
  readonly runId: string | null;
  readonly epoch: number;
  /** More than half of them have answered. */
  readonly isMajority: boolean;
}

function delay(ms: number): Promise<null> {
  return new Promise((resolve) => setTimeout(resolve, ms, null).unref());
}

/**
 * Asks the Sentinels which server is the master. A master that was cut off or frozen believes for seconds that it still
 * is; only they know better.
 *
 * It is the Sentinel that leads a failover which makes a replica a master, and it says so before any client can hear of
 * the new master. The others hear of it from that one within fractions of a second. So where the latest word of more
 * than half of them names a server, no other has been made master, but for that fraction if the leader is silent.
 */
export class SentinelMonitor {
  readonly #connections: { readonly connection: RedisClient; unanswered: number }[];
  readonly #name: string;
  /** Milliseconds after which a Sentinel that has not answered counts as silent. */
  readonly #patience: number;

  constructor(client: RedisClient, maxRevocationLag: number) {
    const options = client.options as unknown as SentinelOptions;
    this.#name = options.name;
    this.#patience = maxRevocationLag / POLLS_PER_LAG;
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
      // It shows as a Sentinel that says nothing; ioredis would otherwise print it.
      connection.on('error', () => {});
      connection.connect().catch(() => {});
      return { connection, unanswered: 0 };
    });
  }

  /** Null where nobody answers. */
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
    return Promise.race([answer, delay(this.#patience)]);
  }
}
