import { addressOf, isCluster, keyPrefixOf, type RedisClient } from '../client';
import { Connection } from '../connection';
import { unavailable } from '../errors';
import { slotOf } from '../hash-slot';
import { type RunScript, SCRIPTS, type ScriptName } from '../scripts';

/** How many replicas must have a change before it counts as made. */
export interface Durability {
  /** At least 1. */
  readonly replicas: number;
  /** Milliseconds for which they are waited for. */
  readonly timeout: number;
}

export interface DurableRunnerOptions {
  readonly client: RedisClient;
  readonly durability: Durability;
  /** Runs a script wherever it belongs, following redirections, and waits for nobody. */
  readonly runScript: RunScript;
  /** Milliseconds within which a server must have answered. */
  readonly storeTimeout: number;
}

/** Answers of a node that is not, or no longer, the one to ask. */
const REDIRECTION = /^(?:MOVED|ASK|TRYAGAIN|CLUSTERDOWN|READONLY) /;
/** How often a change is sent after its slot. */
const ATTEMPTS = 3;

type Reply = [error: Error | null, reply: unknown];

/**
 * Runs scripts, and lets them count only when replicas have what they changed: a master that dies before it has passed a
 * change on is replaced by one that knows nothing of it, and a deleted key is back.
 *
 * On connections of our own, because WAIT keeps everything waiting that comes behind it. Script and WAIT go out together
 * and to one node, so that what is waited for is the change, on the server that made it. Where the node sends us
 * elsewhere, the script is run there, as a repetition of the same call, which changes nothing twice.
 */
export class DurableRunner {
  readonly #options: DurableRunnerOptions;
  readonly #prefix: string;
  /** By the nodes' addresses; one for all on a single server. */
  readonly #connections = new Map<string, { readonly client: RedisClient; readonly connection: Connection }>();

  constructor(options: DurableRunnerOptions) {
    this.#options = options;
    this.#prefix = keyPrefixOf(options.client);
  }

  readonly run: RunScript = async (name, keysAndArguments) => {
    const { runScript, durability } = this.#options;
    let outcome: unknown;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const [[failure, reply], [waitFailure, replicas]] = await this.#runAndWait(name, keysAndArguments);
      if (failure === null) {
        outcome ??= reply;
        const hasChanged = Array.isArray(outcome) && outcome[0] === 'ok';
        if (!hasChanged || (waitFailure === null && Number(replicas) >= durability.replicas)) return outcome;
        throw unavailable(tooFewReplicas(Number(replicas ?? 0), durability), waitFailure);
      }
      if (!REDIRECTION.test(failure.message)) throw failure;
      outcome ??= await runScript(name, keysAndArguments);
    }
    throw unavailable(tooFewReplicas(0, durability));
  };

  close(): void {
    for (const { client, connection } of this.#connections.values()) {
      connection.close();
      client.disconnect();
    }
    this.#connections.clear();
  }

  async #runAndWait(name: ScriptName, keysAndArguments: readonly string[]): Promise<[Reply, Reply]> {
    const { durability, storeTimeout } = this.#options;
    const { lua, numberOfKeys } = SCRIPTS[name];
    const { client, connection } = this.#connectionFor(this.#prefix + keysAndArguments[0]);
    await connection.waitUntilReady(storeTimeout);
    const keys = keysAndArguments.slice(0, numberOfKeys).map((key) => this.#prefix + key);
    const args = keysAndArguments.slice(numberOfKeys);
    const pipeline = client.pipeline();
    pipeline.call('eval', lua, String(numberOfKeys), ...keys, ...args);
    pipeline.call('wait', String(durability.replicas), String(durability.timeout));
    // A connection that leads nowhere would keep all later changes waiting too.
    const timer = setTimeout(() => client.disconnect(true), durability.timeout + storeTimeout);
    timer.unref();
    try {
      return (await pipeline.exec()) as [Reply, Reply];
    } finally {
      clearTimeout(timer);
    }
  }

  #connectionFor(key: string) {
    const { client } = this.#options;
    const address = isCluster(client) ? (client.slots[slotOf(key)]?.[0] ?? '') : '';
    let found = this.#connections.get(address);
    if (found === undefined) {
      this.#closeFormerMasters();
      found = this.#connect(nodeAt(client, address));
      this.#connections.set(address, found);
    }
    return found;
  }

  /** Lets go of nodes that are no masters any more. */
  #closeFormerMasters(): void {
    const { client } = this.#options;
    if (!isCluster(client)) return;
    const present = new Set(client.nodes('master').map(addressOf));
    for (const [address, { client: node, connection }] of this.#connections) {
      if (present.has(address)) continue;
      connection.close();
      node.disconnect();
      this.#connections.delete(address);
    }
  }

  #connect(node: RedisClient) {
    const client = node.duplicate({
      lazyConnect: true,
      connectionName: 'keyscope-changes',
      replyMapping: 'legacy',
      disconnectTimeout: 100,
      retryStrategy: (attempt: number) => Math.min(1000, 10 * 2 ** attempt),
      // What was not answered is in doubt; it must not be made later, behind its caller's back.
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: null,
      enableOfflineQueue: false,
      enableAutoPipelining: false,
      commandTimeout: undefined,
      socketTimeout: undefined,
      readOnly: false,
      keyPrefix: '',
    });
    // It shows as a connection that does not get ready; ioredis would otherwise print it.
    client.on('error', () => {});
    return { client, connection: new Connection(client) };
  }
}

function tooFewReplicas(replicas: number, { replicas: wanted, timeout }: Durability): string {
  return `The change was made, but only ${replicas} of ${wanted} replicas have confirmed it within ${timeout} ms: a failover could undo it. Look before you try again.`;
}

function nodeAt(client: RedisClient, address: string): RedisClient {
  if (!isCluster(client)) return client;
  const node = client.nodes('master').find((each) => addressOf(each) === address);
  if (node === undefined) throw unavailable('The key store cannot be reached. Nothing was changed.');
  return node;
}
