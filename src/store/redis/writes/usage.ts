import { createHash } from 'node:crypto';
import type { Clock } from '../../../clock';
import { within } from '../../../timeout';
import { lastDays, USAGE_DAYS, type UsageDelta, type UsageReceipt } from '../../usage-store';
import { keyPrefixOf, type RedisClient } from '../client';
import { databaseOf } from '../client-database';
import type { Connection } from '../connection';
import { isRefusal, refusalCode, unavailable } from '../errors';
import { nodeGroup } from '../hash-slot';
import type { KeyNames } from '../key-names';
import { ADD_USAGE } from '../scripts/usage.lua';

/** Deltas in one write. Between two writes other commands can run, here and on the server. */
const PIPELINE_SIZE = 256;
const SHA = createHash('sha1').update(ADD_USAGE).digest('hex');
/** Errors that a single command recovers from: ioredis asks another node, or sends the script again. */
const PASSING = /^(?:MOVED|ASK|TRYAGAIN|CLUSTERDOWN|NOSCRIPT) /;

export interface AddUsageOptions {
  readonly client: RedisClient;
  readonly connection: Connection;
  readonly keyNames: KeyNames;
  readonly clock: Clock;
  /** Milliseconds within which the client must be ready, and a pipeline must be answered. */
  readonly timeout: number;
  /** Whether the server that commands go to has been replaced. */
  readonly isServerReplaced: () => boolean;
}

function notAdded(cause: unknown) {
  const reason = isRefusal(cause) ? `refused it (${refusalCode(cause)})` : 'could not be reached';
  return unavailable(`How often keys were used could not be stored: the key store ${reason}.`, cause);
}

/** Splits into groups of at most `PIPELINE_SIZE`, each for one node. */
function inPipelines<T>(items: readonly T[], groupOf: (item: T) => string): T[][] {
  const open = new Map<string, T[]>();
  const all: T[][] = [];
  for (const item of items) {
    const name = groupOf(item);
    let group = open.get(name);
    if (group === undefined || group.length === PIPELINE_SIZE) {
      group = [];
      open.set(name, group);
      all.push(group);
    }
    group.push(item);
  }
  return all;
}

/**
 * Defines the script as a command of the client. The command's name ends with a part of the script's digest, so that
 * two versions of this package on one client do not run each other's script.
 */
function defineAddUsage(client: RedisClient): (keysAndArguments: readonly string[]) => Promise<unknown> {
  const command = `keyscope_addUsage_${SHA.slice(0, 8)}`;
  client.defineCommand(command, { lua: ADD_USAGE, numberOfKeys: 2 });
  const methods = client as unknown as Record<string, (...args: readonly string[]) => Promise<unknown>>;
  return (keysAndArguments) => methods[command]!(...keysAndArguments);
}

export function createAddUsage(options: AddUsageOptions) {
  const { client, connection, keyNames, clock, timeout, isServerReplaced } = options;
  const prefix = keyPrefixOf(client);
  const database = String(databaseOf(client));
  const addOne = defineAddUsage(client);
  /** Commands in flight, each with a function that rejects it. */
  const inFlight = new Set<() => void>();
  connection.onLoss(() => {
    for (const fail of [...inFlight]) fail();
  });

  function track<T>(answer: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const fail = () => {
        inFlight.delete(fail);
        reject(new Error('Connection is closed.'));
      };
      inFlight.add(fail);
      answer.then(resolve, reject).finally(() => inFlight.delete(fail));
    });
  }

  async function send(group: readonly UsageDelta[], source: string, settled: Set<string>): Promise<void> {
    const wall = clock.wall();
    const [oldest = ''] = lastDays(USAGE_DAYS, wall);
    const argumentsOf = ({ keyId, number, counts, lastUsedAt }: UsageDelta) => [
      keyNames.usage(keyId),
      keyNames.key(keyId),
      database,
      source,
      String(number),
      String(Math.floor(wall / 1000)),
      String(lastUsedAt),
      oldest,
      ...[...counts].flatMap(([field, count]) => [field, String(count)]),
    ];
    const pipeline = client.pipeline();
    // The server may have lost the script, or may be another server than the last time. It is small compared with the
    // rest.
    pipeline.call('script', 'LOAD', ADD_USAGE);
    for (const delta of group) pipeline.call('evalsha', SHA, '2', ...argumentsOf(delta));
    const [, ...replies] = (await track(pipeline.exec())) ?? [];
    const failures: unknown[] = [];
    const again: UsageDelta[] = [];
    group.forEach(function settle(delta, i) {
      const [error] = replies[i] ?? [new Error('The pipeline has no reply for this command.')];
      if (error === null) settled.add(delta.keyId);
      else if (PASSING.test(error.message)) again.push(delta);
      else failures.push(error);
    });
    for (const delta of again) {
      try {
        await track(addOne(argumentsOf(delta)));
        settled.add(delta.keyId);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  async function deliver(source: string, deltas: readonly UsageDelta[], settled: Set<string>): Promise<void> {
    if (connection.isEnded) throw new Error('the client has been closed');
    // The client keeps unanswered commands in its memory: a frozen server must not fill it.
    if (inFlight.size > 0) throw new Error('the previous counts have not been acknowledged');
    await connection.waitUntilReady(timeout);
    if (isServerReplaced()) throw new Error('a server has been replaced');
    for (const group of inPipelines(deltas, ({ keyId }) => nodeGroup(client, prefix + keyNames.key(keyId)))) {
      await within(timeout, send(group, source, settled));
    }
  }

  return async function addUsage(source: string, deltas: readonly UsageDelta[]): Promise<UsageReceipt> {
    const settled = new Set<string>();
    try {
      await deliver(source, deltas, settled);
      return { settled, failure: null };
    } catch (error) {
      // A copy: replies that arrive later must not change a returned result.
      return { settled: new Set(settled), failure: notAdded(error) };
    }
  };
}
