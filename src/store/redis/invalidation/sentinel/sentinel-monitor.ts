import { NEVER, type Timestamps, timestampsOf } from '../../../lease';
import type { RedisClient } from '../../client';
import type { ServerRole } from '../../server-role';
import { type ConfirmationOptions, isConfirmed } from '../confirmation';
import { MAX_UNANSWERED, POLLS_PER_LAG } from '../invalidation-feed';

const UNCONFIRMED = 'the Sentinels are silent or disagree, so that another server can be the master';

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

interface SentinelConnection {
  readonly connection: RedisClient;
  /** Resolves when the first attempt to connect is over. */
  readonly attempted: Promise<void>;
  unanswered: number;
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
  readonly #connections: SentinelConnection[];
  readonly #name: string;
  /** Milliseconds after which a Sentinel that has not answered counts as silent. */
  readonly #replyTimeout: number;
  readonly #options: ConfirmationOptions;
  readonly #startedAt: number;
  /** The server that more than half of them last named, and when they were asked; null until then. */
  #confirmed: { readonly runId: string; readonly askedAt: Timestamps } | null = null;
  #confirming: Promise<unknown> | null = null;

  constructor(client: RedisClient, confirmation: ConfirmationOptions) {
    const { clock, maxRevocationLag } = confirmation;
    this.#options = confirmation;
    this.#startedAt = clock.monotonic();
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
        // ioredis would drop commands in flight without an error, and the connection would count as full for good.
        autoResendUnfulfilledCommands: true,
        enableOfflineQueue: false,
        enableAutoPipelining: false,
        enableReadyCheck: false,
        maxRetriesPerRequest: null,
        commandTimeout: undefined,
        readOnly: false,
        monitor: false,
        scripts: undefined,
        keyPrefix: '',
      });
      // An error shows as a Sentinel that does not answer. Without a listener, ioredis would print it.
      connection.on('error', () => {});
      return { connection, attempted: connection.connect().catch(() => {}), unanswered: 0 };
    });
  }

  /**
   * Why this server must not be used: more than half of them have not named it when they were last asked, or that was long ago.
   * A master that the network cut off with this process replies as before, while it has been replaced elsewhere. Null if
   * it can be used, or if it hides its identity.
   */
  problemOf(server: ServerRole | null): string | null {
    return isConfirmed(this.confirmedAt(server), this.#options) ? null : UNCONFIRMED;
  }

  /** When they were asked of which more than half named this server. Now, if it hides its identity. */
  confirmedAt(server: ServerRole | null): Timestamps {
    const identity = server?.identity ?? null;
    if (identity === null) return timestampsOf(this.#options.clock);
    return this.#confirmed?.runId === identity ? this.#confirmed.askedAt : NEVER;
  }

  /** They have not named a server yet, and may still do so in time. */
  get isNew(): boolean {
    const { clock, maxRevocationLag } = this.#options;
    return this.#confirmed === null && clock.monotonic() - this.#startedAt < maxRevocationLag;
  }

  /** Asks for the benefit of `problemOf`. Calls at the same time share the answers. */
  async confirm(): Promise<void> {
    this.#confirming ??= this.ask().finally(() => {
      this.#confirming = null;
    });
    await this.#confirming;
  }

  /** Null if none of them answers. */
  async ask(): Promise<SentinelConsensus | null> {
    const askedAt = timestampsOf(this.#options.clock);
    const answers = await Promise.all(this.#connections.map((sentinel) => this.#askOne(sentinel)));
    const replies = answers.filter((reply) => reply !== null);
    if (replies.length === 0) return null;
    const latest = replies.reduce((a, b) => (b.epoch > a.epoch ? b : a));
    const isInDoubt = replies.some((reply) => reply.isInDoubt && reply.epoch >= latest.epoch);
    const runId = isInDoubt || latest.runId === '' ? null : latest.runId;
    const isMajority = replies.length * 2 > this.#connections.length;
    if (isMajority && runId !== null && askedAt.monotonic > (this.#confirmed?.askedAt ?? NEVER).monotonic) {
      this.#confirmed = { runId, askedAt };
    }
    return { runId, epoch: latest.epoch, isMajority };
  }

  close(): void {
    for (const { connection } of this.#connections) connection.disconnect();
  }

  async #askOne(sentinel: SentinelConnection): Promise<SentinelReply | null> {
    if (sentinel.unanswered >= MAX_UNANSWERED) return null;
    sentinel.unanswered += 1;
    // Rejects at once while the connection is lost.
    const answer = sentinel.attempted
      .then(() => sentinel.connection.call('sentinel', 'MASTER', this.#name))
      .then(readReply, () => null)
      .finally(() => {
        sentinel.unanswered -= 1;
      });
    return Promise.race([answer, delay(this.#replyTimeout)]);
  }
}
