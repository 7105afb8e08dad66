import { createHash } from 'node:crypto';
import { KeyscopeError } from '../../../errors';
import { Deadline } from '../../../timeout';
import type { LimitStore } from '../../limit-store';
import type { RedisClient } from '../client';
import { databaseOf } from '../client-database';
import type { Connection } from '../connection';
import { isRefusal, refusalCode, unavailable } from '../errors';
import type { KeyNames } from '../key-names';
import { LEASE_SLICE } from '../scripts/limits.lua';

/** Upper bound on unanswered requests. The client keeps them in its memory: a frozen server must not fill it. */
const MAX_UNANSWERED = 10_000;
const COMMAND = `keyscope_leaseSlice_${createHash('sha1').update(LEASE_SLICE).digest('hex').slice(0, 8)}`;

export interface LeaseSliceOptions {
  readonly client: RedisClient;
  readonly connection: Connection;
  readonly keyNames: KeyNames;
  /** Milliseconds. */
  readonly storeTimeout: number;
  /** Whether the server that commands go to has been replaced. */
  readonly isServerReplaced: () => boolean;
}

function notLeased(cause: unknown): KeyscopeError {
  const reason = isRefusal(cause) ? `refused it (${refusalCode(cause)})` : 'could not be reached';
  return unavailable(`The rate limit could not be checked: the key store ${reason}. Try again.`, cause);
}

/**
 * Leases over the caller's client. It can resend a request, or send it late: the script allows for both. Each call settles
 * within `storeTimeout`.
 */
export function createLeaseSlice(options: LeaseSliceOptions): LimitStore['leaseSlice'] {
  const { client, connection, keyNames, storeTimeout, isServerReplaced } = options;
  const database = String(databaseOf(client));
  client.defineCommand(COMMAND, { lua: LEASE_SLICE, numberOfKeys: 1 });
  const methods = client as unknown as Record<string, (...args: readonly string[]) => Promise<unknown>>;
  /** Requests in flight, each with a function that rejects it. */
  const unanswered = new Set<() => void>();
  connection.onLoss(() => {
    for (const fail of [...unanswered]) fail();
  });

  function send(args: readonly string[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const fail = () => {
        unanswered.delete(fail);
        reject(new Error('Connection is closed.'));
      };
      unanswered.add(fail);
      methods[COMMAND]!(...args)
        .then(resolve, reject)
        .finally(() => unanswered.delete(fail));
    });
  }

  return async function leaseSlice({ subject, limit, lessee, sequence, window, used, leased, ...request }) {
    const deadline = new Deadline(storeTimeout);
    const numbers = [sequence, window, used, leased, request.wanted, request.ahead].map(String);
    const args = [database, String(limit.window), String(limit.limit), lessee, ...numbers];
    try {
      if (!connection.isReady) await connection.waitUntilReady(storeTimeout);
      if (isServerReplaced()) throw new Error('A server has been replaced.');
      if (unanswered.size >= MAX_UNANSWERED) throw new Error('Too many requests are unanswered.');
      const name = keyNames.limit(subject, limit.window);
      const reply = await deadline.within(send([name, ...args, request.release ? 'release' : '']));
      const [present, endsIn, granted, free] = Array.isArray(reply) ? reply.map(Number) : [];
      if (!Number.isFinite(free)) throw new Error('Unexpected reply.');
      return { window: present!, endsIn: endsIn!, leased: granted!, free: free! };
    } catch (error) {
      throw error instanceof KeyscopeError ? error : notLeased(error);
    }
  };
}
